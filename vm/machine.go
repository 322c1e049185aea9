package vm

import (
	"fmt"
	"runtime/debug"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
)

// A Machine is a virtual machine that is driven by hand: inputs are applied to
// it, one at a time, and it returns commands. It starts no goroutine, and reads
// no clock. A [Ground] is the loop around a Machine that most programs want;
// tests and simulators use the Machine.
//
//	m := vm.New(boot...)
//	commands := m.Apply(vm.Input{Kind: vm.Start})
//	for m.Busy() {
//		commands = append(commands, m.Apply(vm.Input{Kind: vm.Continue})...)
//	}
//
// A Machine is not safe for concurrent use.
//
// A transition function that panics ends its process and nothing else. One that
// calls runtime.Goexit ends its process, too; the Machine finishes its work,
// but the goroutine that has called Apply is lost, as Goexit demands. (On a
// [Ground] it does no harm.)
type Machine struct {
	owner       *owner
	limits      Limits
	watch       func(*Record)
	sparse      bool // watch is called for changes only
	digests     bool
	digest      Digest
	inspect     func(*Call) (any, actions.Action)
	boot        func(actions.PID) actions.Process
	root        *kernel
	phase       phase
	incarnation uint64
	generation  uint64 // of the device opened last
	held        map[uint64]holder
	lasts       []last
	out         []Command
	stats       Stats
	failure     error // of the first process, since the last start

	running  *proc          // whose transition function is being called
	event    *actions.Event // of which it is told, if it is a handler
	booting  bool           // and it is the first
	atOnce   bool           // and its actions are performed there and then
	steps    int            // since the input
	backlog  int            // actions in the queues of all processes
	judging  int            // how many of lasts are to be judged now
	judged   bool           // some endpoint has been told of its last
	overtime bool           // lasts have been judged although there is work left
	stopping stopping
	onGoexit func() // goes on with the work of a goroutine that is lost
	spares   [][]item
	rec      Record
	trouble  func(*Record) // is told of what may be a mistake, besides watch
	misses   *misses       // nil if nobody wants the account

	undone func(p *proc, first actions.Action, count int) // is told what a process has left undone, if that matters; may be nil

	misfortune bool // a process has ended for a reason, since the machine has been there

	unheard func(p *proc, what fmt.Stringer, reason error) // is told of what comes to its end for a reason that nobody hears; may be nil
}

type phase uint8

const (
	made phase = iota
	running
	withdrawing // telling the holders of devices that the end is near
	draining
	ending // one process after another
	stopped
)

// A Config says how a machine is made. The zero Config is ready to use.
type Config struct {
	Limits Limits

	// Watch, if not nil, is called for everything that happens. The Record is
	// valid during the call only.
	Watch func(*Record)

	// Digest asks for a digest of what the machine does: see [Machine.Digest].
	Digest bool

	// Inspect, if not nil, is given every call of a transition function, which
	// it has to make, by calling Run, and whose outcome it has to return. A
	// test can so run each function twice, and compare.
	Inspect func(*Call) (state any, as actions.Action)
}

// New returns a machine whose first process performs boot. It does nothing
// until it gets an input of kind [Start].
func New(boot ...actions.Action) *Machine { return Config{}.New(boot...) }

// New returns a machine whose first process performs boot, as the function
// [New] does.
func (c Config) New(boot ...actions.Action) *Machine {
	return c.NewFunc(func(actions.PID) actions.Process { return actions.Stateless(boot...) })
}

// NewFunc returns a machine whose first process is the one that boot returns.
// Boot runs as part of that process, and gets its PID. NewFunc panics if a
// limit is negative.
func (c Config) NewFunc(boot func(self actions.PID) actions.Process) *Machine {
	if boot == nil {
		panic("vm: NewFunc of a nil function")
	}
	m := &Machine{
		owner:   new(owner),
		limits:  c.Limits.withDefaults(),
		watch:   c.Watch,
		digests: c.Digest,
		inspect: c.Inspect,
		boot:    boot,
		held:    map[uint64]holder{},
	}
	m.root = newKernel(m, nil)
	return m
}

func newIndex() *topic.Index[entry] { return topic.NewIndex(byOrder) }

// Apply has an input enter the machine, which works until it has come to rest,
// or until it has done as much as [Limits.Steps] allows. It returns what is to
// be done outside, in order; the slice is valid until the next call.
//
// The first input is a [Start]; other inputs before it, and all inputs after a
// [StopAsked], are ignored and counted as late. Another Start, of a later
// incarnation, says that all that was outside is gone, as after a crash: each
// device is opened again, in the order of their addresses, and so has another
// number. Its holder hears what comes of that.
func (m *Machine) Apply(in Input) []Command {
	m.begin(in)
	m.drive()
	return m.commands()
}

// begin has an input enter the machine.
func (m *Machine) begin(in Input) {
	m.stats.Inputs++
	m.steps, m.overtime = 0, false
	if m.misses != nil {
		m.misses.input()
	}
	if m.watched() {
		m.record(&Record{Kind: Entered, Input: in})
	}
	switch {
	case in.Kind == StopDone && m.phase == stopped:
		// a mark in the record of the run
	case in.Kind == Start && (m.phase == made || m.phase == running && in.Incarnation > m.incarnation):
		m.start(in)
	case m.phase != running:
		m.stats.Late++
	case in.Kind == Value || in.Kind == End || in.Kind == Failed || in.Kind == Done:
		m.fromDevice(in)
	case in.Kind == StopAsked:
		m.beginStop()
	case in.Kind == Continue:
		m.root.due = !m.root.idle()
	default:
		m.stats.Late++
	}
}

// drive works until there is nothing to do, or enough has been done.
func (m *Machine) drive() {
	for m.protect() {
	}
}

// commands returns the commands so far.
func (m *Machine) commands() []Command {
	out := m.out
	m.out = m.out[:0]
	return out
}

// protect works, and reports false once that is done. It reports true if work
// was interrupted by a transition function that panicked.
func (m *Machine) protect() (again bool) {
	returned := false
	defer func() {
		if returned {
			return
		}
		if r := recover(); r != nil {
			m.crash(r)
			again = true
			return
		}
		// The goroutine is being ended by runtime.Goexit.
		m.crash(nil)
		if m.onGoexit != nil {
			m.onGoexit()
		} else {
			m.drive()
		}
	}()
	m.advance()
	returned = true
	return false
}

// crash has the process fail whose transition function has panicked with r, or
// called Goexit if r is nil: as if the function had left the state alone, and
// had returned actions.Fail.
func (m *Machine) crash(r any) {
	p := m.running
	if p == nil {
		if r != nil {
			panic(r) // not a transition function: a mistake in this package, or in Watch
		}
		return
	}
	ev := m.heard()
	m.running = nil
	p.crashed = true
	m.stats.Crashed++
	if m.booting {
		m.booting = false
		m.stats.SpawnFailed++
	}
	var reason error = ErrGoexit
	if r != nil {
		reason = &PanicError{Value: r, Stack: debug.Stack()}
	}
	m.record(&Record{Kind: Crashed, at: p, Event: ev, Reason: reason})
	if m.atOnce {
		m.atOnce = false
		p.k.splice(actions.Fail(reason))
		return
	}
	p.k.enqueue(p, item{action: actions.Fail(reason)})
}

// heard returns the event of which a transition function is being told, or nil
// if the function is not a handler.
func (m *Machine) heard() *actions.Event {
	if m.booting || m.atOnce {
		return nil
	}
	return m.event
}

// advance works until there is nothing to do, or enough has been done.
func (m *Machine) advance() {
	k := m.root
	for {
		k.work()
		clear(k.out)
		k.out = k.out[:0]
		switch {
		case m.judging > 0:
			// All that is to be judged is told before anything comes of it, but
			// in nested machines.
			m.judging--
			if m.judge() {
				m.judged, k.due = true, false
			}
		case m.judged:
			m.judged, k.due = false, true
		case m.phase > running:
			if !m.advanceStop() {
				return
			}
		case m.steps >= m.limits.Steps:
			// Even though the machine is not at rest, what has fallen to zero
			// is judged, once: nobody must be kept waiting for it by processes
			// that are never done.
			if m.overtime || len(m.lasts) == 0 {
				return
			}
			m.overtime, m.judging = true, len(m.lasts)
		case !k.idle():
			k.due = true
		case len(m.lasts) > 0:
			m.judging = len(m.lasts)
		default:
			return
		}
	}
}

// worked returns how much work the machine has done so far.
func (m *Machine) worked() uint64 { return m.stats.Actions + m.stats.Events }

// Busy reports whether the machine has work left over, and wants a [Continue].
func (m *Machine) Busy() bool { return m.phase == running && (!m.root.idle() || len(m.lasts) > 0) }

// Backlog returns how many actions wait in the queues of processes, at every
// depth. Whoever drives a machine that is Busy can so tell a little work that
// never ends from a lot of it, and hold back inputs until there is less.
func (m *Machine) Backlog() int { return m.backlog }

// Idle reports whether nothing can happen in the machine any more: there is no
// work, and no device from which an input could come.
func (m *Machine) Idle() bool {
	return m.phase == stopped || m.phase == running && !m.Busy() && m.root.devices == 0
}

// Stats returns what the machine has done so far.
func (m *Machine) Stats() Stats { return m.stats }

// Failure returns the reason for which the first process has ended since the last
// [Start]: it has failed or panicked, or was killed. It is nil if there is none,
// and if it has ended because the machine stops. A ground stops a machine whose
// first process has failed.
func (m *Machine) Failure() error { return m.failure }

// Incarnation returns the number of the start of the machine.
func (m *Machine) Incarnation() uint64 { return m.incarnation }

// find returns the process at path, or nil.
func (m *Machine) find(path Path) *proc {
	k := m.root
	for i, pid := range path {
		p := k.procs.get(pid)
		if p == nil || i == len(path)-1 {
			return p
		}
		if k = p.inner; k == nil {
			return nil
		}
	}
	return nil
}

// arouse has an event told to p, wherever it is, and then a round run in its
// machine and in each machine around it.
func (m *Machine) arouse(p *proc, e *end, h *actions.Handler, ev *actions.Event) {
	k := p.k
	if h != nil {
		k.hearing.set(p, e, h, ev)
	}
	k.due = true
	for k.host != nil {
		outer := k.host.k
		outer.inside = k
		outer.due = true
		k = outer
	}
}

// The arrays of queues are used again: a process at rest has none.
const (
	maxSpares    = 1024
	maxSpareItem = 256
)

func (m *Machine) takeSpare() []item {
	if n := len(m.spares); n > 0 {
		s := m.spares[n-1]
		m.spares = m.spares[:n-1]
		return s
	}
	return make([]item, 0, 4)
}

func (m *Machine) putSpare(s []item) {
	if c := cap(s); c > 0 && c <= maxSpareItem && len(m.spares) < maxSpares {
		m.spares = append(m.spares, s[:0])
	}
}
