package vm

import (
	"fmt"
	"reflect"

	"github.com/go-marketplace/marketplace/actions"
)

// perform performs one action of the process whose turn it is.
func (k *kernel) perform(it item) {
	p, m := k.acting, k.m
	m.steps++
	if it.op == innerRound {
		p.inner.roundDue = true
		k.inside = p.inner
		return
	}
	m.stats.Actions++
	if m.digests || m.watched&(1<<Performed|EndpointChanges) != 0 {
		m.performed(p, &it)
	}
	if it.up > 0 {
		k.lift(p, it)
		return
	}
	switch a := it.action.(type) {
	case *actions.SendMessage:
		if a == nil {
			k.fail(p, fmt.Errorf("%w: nil *actions.SendMessage: make one with actions.Send", ErrAction))
			return
		}
		k.send(p, a, it.resume)
	case actions.AddEndpoint:
		k.add(p, a)
	case actions.ReplaceEndpoint:
		k.replace(p, a.AddEndpoint)
	case actions.DeleteEndpoint:
		k.delete(p, a)
	case actions.SpawnProcess:
		k.spawnProcess(p, a, it.resume)
	case actions.QuitProcess:
		k.quit(p, a)
	case actions.YieldTurn:
		if it.op == proceed {
			k.endYield(p, a.Resume)
		} else {
			k.enqueue(p, item{action: a, op: proceed})
		}
	case actions.FreshName:
		k.fresh(p, a)
	case *actions.UpdateLocal:
		k.updateLocal(p, a, 0, nil)
	case actions.OpenDevice:
		k.openDevice(p, a)
	case actions.TellDevice:
		k.tellDevice(p, a)
	case actions.CloseDevice:
		k.closeDevice(p, a)
	case actions.FlowControl:
		k.flowControl(p, a)
	case actions.MonitorProcess:
		k.monitor(p, a)
	case actions.UnmonitorProcess:
		k.unmonitor(p, a)
	case actions.MetaLevel:
		k.liftTree(p, a)
	default:
		k.fail(p, fmt.Errorf("%w: %T", ErrAction, a))
	}
}

// fits reports whether a transition function for states of type want fits p. If it
// does not, p fails, with an error that says what the function is for.
func (k *kernel) fits(p *proc, want reflect.Type, what any) bool {
	if want == nil || want == p.cell.stateType {
		return true
	}
	k.fail(p, fmt.Errorf("%w: in (%v) for %v, but process %v has %v", ErrStateType, what, want, p.label(), p.cell.stateType))
	return false
}

// endYield continues p after a yield.
func (k *kernel) endYield(p *proc, r actions.Resumption) {
	if !k.fits(p, r.State, "continuation") {
		return
	}
	k.proceed(p, r.Run)
}

// proceed calls a continuation of p, whose turn it is. Its actions are performed
// next.
func (k *kernel) proceed(p *proc, then func(any, actions.PID) (any, actions.Action)) {
	k.prepend(k.m.transit(p, callContinue, nil, function{then: then}, true))
}

// fresh continues p with a fresh name.
func (k *kernel) fresh(p *proc, a actions.FreshName) {
	if !k.fits(p, a.Resume.State, "continuation") {
		return
	}
	if k.continued++; k.continued > k.m.limits.Queue {
		k.fail(p, fmt.Errorf("%w: more than %d fresh names in one turn", ErrOverflow, k.m.limits.Queue))
		return
	}
	c := p.own()
	c.fresh++
	name := FreshID(c.fresh)
	k.proceed(p, func(state any, _ actions.PID) (any, actions.Action) { return a.Resume.Run(state, name) })
}

// prepend puts the leaves of a before the rest of the batch. They take the place of
// items that have been performed, if there are enough of those: moving the rest for
// each continuation in a long batch would take quadratic time.
func (k *kernel) prepend(a actions.Action) {
	switch a.(type) {
	case nil:
		return
	case actions.Tree:
	default: // most often it is just one, which takes the place of the item that is performed
		if k.at > 0 {
			k.at--
			k.batch[k.at] = item{action: a}
			return
		}
	}
	batch := k.m.takeSpare()
	for leaf := range actions.Leaves(a) {
		batch = append(batch, item{action: leaf})
	}
	if n := len(batch); n <= k.at {
		k.at -= n
		copy(k.batch[k.at:], batch)
		clear(batch)
		k.m.putSpare(batch)
		return
	}
	batch = append(batch, k.batch[k.at:]...)
	k.m.putSpare(k.batch)
	k.batch, k.at = batch, 0
}

// fail ends p because of its own mistake.
func (k *kernel) fail(p *proc, reason error) { k.end(p, reason) }

func (k *kernel) quit(p *proc, a actions.QuitProcess) {
	victim := p
	if a.PID != 0 && a.PID != p.cell.pid {
		victim = k.procs.get(a.PID)
	}
	if victim == nil {
		k.m.stats.Ignored++
		k.m.record(&Record{Kind: Ignored, at: p, Action: a})
		return
	}
	k.end(victim, a.Reason)
}

// end ends p, which runs no more code. Its endpoints go one after another, and all
// their peers but p itself are told. Then those that monitor p are
// told, and those that p has bound end.
func (k *kernel) end(p *proc, reason error) {
	m := k.m
	m.stats.Ended++
	m.record(&Record{Kind: Ended, at: p, Reason: reason})
	if k.host == nil && p.cell.pid == firstPID && m.phase == running {
		m.failure = reason
	}
	k.discard(p)
	k.unwatchAll(p, reason)
	k.noteDown(p, reason)
	if p == k.acting {
		k.dropBatch(p)
	}
	for _, e := range p.cell.metas() {
		k.emit(item{action: actions.DeleteEndpoint{ID: metaID{p.cell.pid, e.level, e.id}, Reason: reason}, up: e.level - 1})
	}
	m.closeAll(p)
	k.leaving = leaving{p: p, ends: p.cell.endpoints, reason: reason}
}

// dropBatch drops the rest of the batch, because p has ended.
func (k *kernel) dropBatch(p *proc) {
	var first actions.Action
	count := 0
	for _, it := range k.batch[k.at:] {
		k.m.stats.Dropped++
		k.m.record(&Record{Kind: Dropped, at: p, Action: it.action})
		if matters(it.action) {
			if count++; count == 1 {
				first = it.action
			}
		}
	}
	if count > 0 && k.m.warns() {
		k.m.undone(p, first, count)
	}
	clear(k.batch[k.at:])
	k.batch = k.batch[:k.at]
}

// spawning is a process on its way into the machine.
type spawning struct {
	stage  spawnStage
	child  *proc
	action actions.SpawnProcess
	resume *continuation
}

type spawnStage uint8

const (
	notSpawning spawnStage = iota
	booting                // make the first transition of the child
	informing              // tell the parent the PID of the child
	entering               // put the child into the machine
)

// spawnProcess begins to spawn a process for p or, if resume is not nil, for a
// process further inside.
func (k *kernel) spawnProcess(p *proc, a actions.SpawnProcess, resume *continuation) {
	if a.Then != nil && !k.fits(p, a.Then.State, "continuation of a spawn") {
		return
	}
	if a.Monitor != nil {
		m := *a.Monitor
		if !k.checkMonitor(p, &m) {
			return
		}
		a.Monitor = &m
	}
	if a.Boot == nil {
		k.fail(p, fmt.Errorf("%w: SpawnProcess without Boot: make one with actions.Spawn", ErrAction))
		return
	}
	k.spawning = spawning{stage: booting, child: k.newProc(a.Name), action: a, resume: resume}
}

// spawn takes the next step in spawning a process.
func (k *kernel) spawn() {
	s := &k.spawning
	stage := s.stage
	switch stage {
	case booting:
		s.stage = informing
		k.boot(s.child, s.action.Boot)
	case informing:
		s.stage = entering
		k.inform(s)
	case entering:
		child, m := s.child, s.action.Monitor
		k.spawning = spawning{}
		k.enter(child)
		if m != nil {
			m.PID = child.cell.pid
			k.monitor(k.acting, *m)
		}
	}
}

// boot makes the first transition of p.
func (k *kernel) boot(p *proc, boot func(actions.PID) actions.Process) {
	c := p.cell
	typ := c.stateType
	a := k.m.transit(p, callBoot, nil, function{then: func(any, actions.PID) (any, actions.Action) {
		first := boot(c.pid)
		if first == nil {
			panic("the function that makes the process has returned nil: return actions.Next or actions.Stateless")
		}
		typ = first.StateType()
		return first.Erase()
	}}, true)
	c.stateType = typ
	if n, ok := c.state.(nested); ok {
		p.inner = newKernel(k.m, p)
		c.ensureExtras().inner = p.inner.space
		p.inner.spawnFirst(n.boot, "boot")
		k.inside = p.inner
	}
	k.take(p, a)
}

// spawnFirst begins to spawn the first process of k.
func (k *kernel) spawnFirst(boot func(actions.PID) actions.Process, name string) {
	k.spawning = spawning{stage: booting, child: k.newProc(name), action: actions.SpawnProcess{Boot: boot}}
}

// firstPID is the PID of the first process of each machine.
const firstPID actions.PID = 1

// newProc returns a process with the next PID, which is not in the machine yet.
func (k *kernel) newProc(name string) *proc {
	s := k.ownSpace()
	s.last++
	return &proc{k: k, cell: &cell{
		owner:     k.m.owner,
		pid:       s.last,
		name:      name,
		state:     struct{}{},
		stateType: reflect.TypeFor[struct{}](),
	}}
}

// inform tells the parent the PID of the child.
func (k *kernel) inform(s *spawning) {
	pid := s.child.cell.pid
	switch {
	case s.resume != nil:
		host := k.acting
		host.inner.continueSpawn(*s.resume, pid)
		k.inside = host.inner
	case s.action.Then != nil:
		k.continueWith(k.acting, s.action.Then, pid)
	}
}

// enter puts a new process into the machine.
func (k *kernel) enter(p *proc) {
	k.m.stats.Spawned++
	k.ownSpace().cells.set(k.m.owner, p.cell.pid, p.cell)
	k.procs.set(k.m.owner, p.cell.pid, p)
	k.m.record(&Record{Kind: Spawned, at: p})
	k.noteCandidate(p)
	if !k.inRound {
		k.roundDue = k.roundDue || len(p.cell.queue) == 0 // so that the process is collected if nothing can happen to it
	}
}
