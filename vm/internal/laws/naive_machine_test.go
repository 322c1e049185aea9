package laws

import (
	"reflect"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// A naiveMachine does what a [Machine] does, as directly as possible: to find
// whom something concerns it asks everybody, it goes further inside by a call,
// and further out by a closure. It is the specification with which the machine
// is compared, so it has no index, does not keep account of who is busy, and is
// slow.
//
// It leaves out what processes cannot notice: counters, limits and records.
type naiveMachine struct {
	faults naiveFaults
	ground *naiveVM
	fallen []naiveFallen // demands, in the order in which they fell to zero
	open   []*naiveHold  // devices, in the order of their opening
	gone   func(vm.Path)
}

// A naiveVM is one virtual machine: the outermost, or a nested one.
type naiveVM struct {
	m      *naiveMachine
	host   *naiveProc   // the process that it is in the machine around; nil for the outermost
	last   actions.PID  // the last one given out
	procs  []*naiveProc // by PID
	acting *naiveProc   // whose turn it is
	out    []naiveItem  // for the machine around, from this round
}

// A naiveProc is one process.
type naiveProc struct {
	vm        *naiveVM
	pid       actions.PID
	name      string
	state     any
	stateType reflect.Type
	queue     []naiveItem
	ends      []*naiveEnd // local, in the order of creation
	metas     []*naiveEnd // at meta-levels, in the order of creation
	waits     []*naiveWait
	holds     []*naiveHold
	monitors  map[actions.PID]actions.MonitorProcess
	inner     *naiveVM // if the process is a virtual machine
	anonymous int      // how many endpoints without a name there have been
	fresh     int      // how many fresh names have been given out
	dead      bool
}

// A naiveItem is an entry of a queue. It is an action, or else a further round
// of the nested machine.
type naiveItem struct {
	action  actions.Action
	up      int                     // it is to be performed that many levels further out
	from    *naiveProc              // the process further inside that wants it; nil if none does
	proceed bool                    // a yield that has had its place in the queue
	hear    func(*actions.Event)    // of an endpoint for a process further inside
	then    func(child actions.PID) // of a spawn for a process further inside
	round   bool                    // no action
}

// whose returns the process that wants it, where p performs it.
func (it naiveItem) whose(p *naiveProc) *naiveProc {
	if it.from != nil {
		return it.from
	}
	return p
}

// A naiveWait is a process waiting for one that is spawned at a meta-level.
type naiveWait struct{ p *naiveProc }

// A naiveHold is an open device.
type naiveHold struct {
	p       *naiveProc
	device  world.Device
	handler *actions.Handler
}

// newNaive returns a machine whose first process is the one that boot returns.
// It calls gone, if it is not nil, for every process that ends.
func newNaive(faults naiveFaults, gone func(vm.Path), boot func(actions.PID) actions.Process) *naiveMachine {
	m := &naiveMachine{faults: faults, gone: gone}
	m.ground = m.newVM(nil, boot)
	return m
}

// newVM returns a virtual machine with its first process, unless that has
// nothing to do.
func (m *naiveMachine) newVM(host *naiveProc, boot func(actions.PID) actions.Process) *naiveVM {
	v := &naiveVM{m: m, host: host}
	v.procs = append(v.procs, v.create("boot", boot))
	v.collect()
	return v
}

// settle works until the machine is at rest: all queues are empty, and nobody
// is to be told that a demand is over.
func (m *naiveMachine) settle() {
	for {
		for !m.ground.idle() {
			m.ground.round()
		}
		if !m.tellFallen() {
			return
		}
		m.ground.round()
	}
}

// input gives the holder of a device a value. As for an event from a
// meta-level, it runs one round in each machine around the holder.
func (m *naiveMachine) input(h *naiveHold, value any) {
	if h.handler != nil {
		h.p.handle(h.handler, &actions.Event{Kind: actions.Value, Value: value})
	}
	h.p.vm.roundsOutward()
	m.ground.round()
	m.settle()
}

// roundsOutward runs one round in v and in each machine around it, except the
// outermost.
func (v *naiveVM) roundsOutward() {
	for ; v.host != nil; v = v.host.vm {
		v.round()
	}
}

// idle reports whether all queues are empty.
func (v *naiveVM) idle() bool {
	return !slices.ContainsFunc(v.procs, func(p *naiveProc) bool { return len(p.queue) > 0 })
}

func (v *naiveVM) find(pid actions.PID) *naiveProc {
	for _, p := range v.procs {
		if p.pid == pid {
			return p
		}
	}
	return nil
}

// level returns how many machines there are around v.
func (v *naiveVM) level() int {
	if v.host == nil {
		return 0
	}
	return v.host.vm.level() + 1
}

// round gives every process that is there now a turn, if it is still alive
// then, and afterwards removes those to which nothing can happen any more. In
// its turn, a process performs everything that is in its queue by then, and
// nothing that comes into the queue meanwhile.
func (v *naiveVM) round() {
	turns := slices.Clone(v.procs)
	if v.m.faults.RoundBackwards {
		slices.Reverse(turns)
	}
	for _, p := range turns {
		if p.dead {
			continue
		}
		v.acting = p
		batch := p.queue
		p.queue = nil
		for len(batch) > 0 && !p.dead {
			batch = p.perform(batch[0], batch[1:])
		}
		v.acting = nil
	}
	v.collect()
	if v.host != nil {
		// The round results in actions of the process that v is.
		if !v.idle() {
			v.host.queue = append(v.host.queue, naiveItem{round: true})
		}
		v.host.queue = append(v.host.queue, v.out...)
		v.out = nil
	}
}

// collect removes the processes to which nothing can happen any more, and tells
// those that monitor them, until there are no more of either.
func (v *naiveVM) collect() {
	var removed []*naiveProc
	for _, p := range slices.Clone(v.procs) {
		idle := len(p.queue) == 0 && len(p.ends) == 0 && len(p.metas) == 0 && len(p.waits) == 0 && len(p.monitors) == 0 && !p.holdsDevice()
		if idle && !v.m.faults.NoCollection {
			v.remove(p)
			removed = append(removed, p)
		}
	}
	for _, p := range removed {
		v.down(p, nil)
	}
	if len(removed) > 0 {
		v.collect()
	}
}

// down tells those that monitor p, which has gone.
func (v *naiveVM) down(p *naiveProc, reason error) {
	for _, q := range v.procs {
		m, monitors := q.monitors[p.pid]
		if !monitors || v.m.faults.DownForgotten {
			continue
		}
		delete(q.monitors, p.pid)
		q.hearDown(m.Handler, p.pid, reason)
	}
}

func (p *naiveProc) hearDown(h *actions.Handler, pid actions.PID, reason error) {
	if h != nil {
		p.handle(h, &actions.Event{Kind: actions.Down, Value: pid, Reason: reason})
	}
}

// remove takes p, with everything in it, out of the machine.
func (v *naiveVM) remove(p *naiveProc) {
	v.procs = slices.DeleteFunc(v.procs, func(q *naiveProc) bool { return q == p })
	p.die()
	if v.m.gone != nil {
		v.m.gone(p.path())
	}
}

func (p *naiveProc) die() {
	p.dead = true
	p.vm.m.open = slices.DeleteFunc(p.vm.m.open, func(h *naiveHold) bool { return h.p == p })
	if p.inner != nil {
		for _, q := range p.inner.procs {
			q.die()
		}
	}
}

// holdsDevice reports whether p, or a process inside it, holds a device open.
func (p *naiveProc) holdsDevice() bool {
	return len(p.holds) > 0 || p.inner != nil && slices.ContainsFunc(p.inner.procs, (*naiveProc).holdsDevice)
}

// path returns the PIDs that lead to p.
func (p *naiveProc) path() vm.Path {
	if p.vm.host == nil {
		return vm.Path{p.pid}
	}
	return append(p.vm.host.path(), p.pid)
}

// run runs code of p, and returns the actions that it wants performed. If the
// code panics, the state stays as it was, and the action is the end of p.
func (p *naiveProc) run(code func(state any) (any, actions.Action)) (wanted actions.Action) {
	defer func() {
		if r := recover(); r != nil {
			if p.vm.m.faults.CrashForgetsQueue {
				p.queue = nil
			}
			wanted = actions.Fail(&vm.PanicError{Value: r})
		}
	}()
	state, as := code(p.state)
	p.state = state
	return as
}

// push adds the leaves of as to the queue.
func (p *naiveProc) push(as actions.Action) {
	for leaf := range actions.Leaves(as) {
		p.queue = append(p.queue, naiveItem{action: leaf})
	}
}

// before returns the leaves of as, followed by rest.
func before(as actions.Action, rest []naiveItem) []naiveItem {
	var items []naiveItem
	for leaf := range actions.Leaves(as) {
		items = append(items, naiveItem{action: leaf})
	}
	return append(items, rest...)
}

// nested is a virtual machine as a process, of which the naive machine knows the
// first process.
type nested struct {
	actions.Process
	boot func(self actions.PID) actions.Process
}

func virtual(boot func(self actions.PID) actions.Process) actions.Process {
	return nested{vm.NestedFunc(boot), boot}
}

// create returns a new process after its first transition. The caller puts it
// into the machine.
func (v *naiveVM) create(name string, boot func(actions.PID) actions.Process) *naiveProc {
	v.last++
	p := &naiveProc{vm: v, pid: v.last, name: name, state: struct{}{}, stateType: reflect.TypeFor[struct{}]()}
	var inside func(actions.PID) actions.Process
	p.push(p.run(func(any) (any, actions.Action) {
		first := boot(p.pid)
		if n, ok := first.(nested); ok {
			inside = n.boot
		}
		state, as := first.Erase()
		p.stateType = first.StateType()
		return state, as
	}))
	if inside != nil {
		p.inner = v.m.newVM(p, inside)
		if !p.inner.idle() {
			p.queue = append(p.queue, naiveItem{round: true})
		}
	}
	return p
}

// handle calls a handler, if the event is of a kind that it is for. The actions
// are performed in the next turn of p.
func (p *naiveProc) handle(h *actions.Handler, ev *actions.Event) {
	if !h.Events.Has(ev.Kind) {
		return
	}
	p.push(p.run(func(state any) (any, actions.Action) { return h.Run(state, ev) }))
}
