package vmtest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/go-cmp/cmp"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
)

// TB is what this package needs of a test. A [*testing.T] has it. Fatalf is
// expected not to return.
type TB interface {
	Helper()
	Name() string
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// A Config says how a machine is tested. The zero Config is ready to use.
type Config struct {
	// Limits are those of the machine.
	Limits vm.Limits

	// Budget is how much work, in actions performed and events told, the
	// machine may do for one input; the test fails if it is not at rest after
	// that. It is looked at whenever the machine wants to continue, which
	// Limits.Steps has a say in. Default: 1<<17.
	Budget int

	// Runs is how many times each transition function is called, to see
	// whether it is pure, which takes time with the size of the state. 1 means
	// that nobody looks. Default: 2.
	Runs int

	// Compare has options for the comparison of messages and commands, in
	// addition to those of this package, by which unexported fields are
	// compared like all others, topics by their meaning, and messages of
	// forgotten type by their values.
	Compare []cmp.Option

	// Types are process types. Whenever the machine is at rest, each process
	// of one of them is looked at: what it has open has to be what Open gives
	// for its state. If all processes are of these types, but for those of this
	// package, the machine is written down and made anew, too, as after a
	// crash, and has to be the same.
	Types []actions.Type

	// Heard demands that messages are heard: when it is over, the test fails for
	// each type of which nobody has ever heard a message that was sent, or of
	// which one was nearly heard, as [vm.Miss] tells.
	Heard bool
}

// A Machine is a machine under test. It is at rest whenever one of its methods,
// or one of a [Probe] or a [Device], returns.
type Machine struct {
	t       TB
	config  Config
	vm      *vm.Machine
	own     puppet
	probes  []func(*actions.Event) // tell a probe, by its number
	devices []*Device              // all that were ever held, in order of opening
	purity  inspector
	lines   []string // of the trace
	failed  bool
	types   kindCheck

	crashes        []string
	crashesAllowed bool
}

// Run starts a machine whose first process performs boot, and lets it come to
// rest.
func Run(t TB, boot ...actions.Action) *Machine {
	t.Helper()
	return Config{}.Run(t, boot...)
}

// Run starts a machine whose first process performs boot, as the function [Run]
// does.
func (c Config) Run(t TB, boot ...actions.Action) *Machine {
	t.Helper()
	return c.RunFunc(t, func(actions.PID) actions.Process { return actions.Stateless(boot...) })
}

// RunFunc starts a machine whose first process is the one that boot returns,
// and lets it come to rest. After what the first process wants, or before it
// quits, a process of this package is spawned, to which the [Door] of the
// outermost machine belongs.
func (c Config) RunFunc(t TB, boot func(self actions.PID) actions.Process) *Machine {
	t.Helper()
	if c.Budget <= 0 {
		c.Budget = 1 << 17
	}
	if c.Runs <= 0 {
		c.Runs = 2
	}
	c.Compare = append(slices.Clip(comparison), c.Compare...)
	m := &Machine{t: t, config: c, purity: newInspector(c.Runs)}
	m.own = puppet{m, cord{}}
	config := vm.Config{Limits: c.Limits, Watch: m.watch}
	if c.Runs > 1 {
		config.Inspect = m.purity.inspect
	}
	m.vm = config.NewFunc(func(self actions.PID) actions.Process {
		p := boot(self)
		if p == nil {
			return nil
		}
		return guarded{p}
	})
	if c.Heard {
		m.vm.Warn(func(*vm.Warning) {}) // so that the machine keeps an account of misses
	}
	t.Cleanup(m.finish)
	m.types.begin(m)
	m.Apply(vm.Input{Kind: vm.Start})
	return m
}

// guarded is a process that opens the door of the outermost machine, too.
type guarded struct{ actions.Process }

func (g guarded) Erase() (state any, as actions.Action) {
	state, as = g.Process.Erase()
	all := slices.Collect(actions.Leaves(as))
	end := slices.IndexFunc(all, func(a actions.Action) bool {
		_, quits := a.(actions.QuitProcess)
		return quits
	})
	if end < 0 {
		end = len(all)
	}
	return state, actions.Tree(slices.Insert(all, end, Door("")))
}

// VM returns the machine itself, to look into: its processes and their states,
// what it has counted, a snapshot. What is to happen in it goes through m.
func (m *Machine) VM() *vm.Machine { return m.vm }

// Apply has an input enter the machine, and lets it come to rest. Most inputs
// are made more easily by [Device.Value] and its like.
func (m *Machine) Apply(in vm.Input) {
	m.t.Helper()
	before := m.work()
	m.vm.Apply(in)
	for m.vm.Busy() {
		if done := m.work() - before; done >= uint64(m.config.Budget) {
			m.reportImpurities()
			m.fatalf("vmtest: the machine has not come to rest after %d actions and events: processes keep each other busy, or Config.Budget is too small. The last of it:\n%s",
				done, indent(m.tail(12)))
			return
		}
		m.vm.Apply(vm.Input{Kind: vm.Continue})
	}
	m.reportImpurities()
	m.types.check(m, in.Kind)
}

func (m *Machine) work() uint64 { return m.vm.Stats().Actions + m.vm.Stats().Events }

// Stop stops the machine: those who hold devices are told that they have come
// to an end, and then all processes are ended.
func (m *Machine) Stop() {
	m.t.Helper()
	m.Apply(vm.Input{Kind: vm.StopAsked})
}

// AllowCrashes says that the test is not to fail because processes have
// crashed, whether before or after the call.
func (m *Machine) AllowCrashes() { m.crashesAllowed = true }

// watch is told all that happens in the machine.
func (m *Machine) watch(r *vm.Record) {
	if !hidden(r) {
		m.lines = append(m.lines, Describe(r))
	}
	switch r.Kind {
	case vm.Told:
		if e, ok := r.Endpoint(); ok {
			if c, ok := e.ID.(cord); ok {
				m.probes[c.Probe-1](r.Event)
			}
		}
	case vm.Commanded:
		m.command(&r.Command)
	case vm.Crashed:
		text := fmt.Sprintf("%s has crashed: %v", vm.Label(r.Path(), r.Name()), r.Reason)
		if p, ok := errors.AsType[*vm.PanicError](r.Reason); ok {
			text += "\n" + string(p.Stack)
		}
		m.crashes = append(m.crashes, text)
	case vm.Ended, vm.Collected:
		m.purity.forget(r.Path())
		if slices.ContainsFunc(mistakes, func(err error) bool { return errors.Is(r.Reason, err) }) {
			m.crashes = append(m.crashes, fmt.Sprintf("%s was ended by the machine: %v", vm.Label(r.Path(), r.Name()), r.Reason))
		}
	}
}

// mistakes are the reasons for which the machine ends a process.
var mistakes = []error{vm.ErrStateType, vm.ErrRole, vm.ErrNoOuterLevel, vm.ErrAction, vm.ErrOverflow}

// finish is what there is to say when the test is over.
func (m *Machine) finish() {
	m.t.Helper()
	if !m.crashesAllowed {
		for _, c := range m.crashes {
			m.errorf("vmtest: process %s\n(a test that expects it calls AllowCrashes)", c)
		}
	}
	for _, miss := range m.vm.Misses() {
		if miss.Near != "" || !miss.Heard {
			m.errorf("vmtest: nobody hears a message (%d of the type): %v", miss.Count, miss)
		}
	}
	if m.failed {
		const most = 50
		m.t.Logf("vmtest: the last of %d lines of the trace:\n%s", len(m.lines), indent(m.tail(most)))
	}
}

func (m *Machine) reportImpurities() {
	m.t.Helper()
	for _, v := range m.purity.take() {
		m.errorf("vmtest: %s", v)
	}
}

func (m *Machine) errorf(format string, args ...any) {
	m.t.Helper()
	m.failed = true
	m.t.Errorf(format, args...)
}

func (m *Machine) fatalf(format string, args ...any) {
	m.t.Helper()
	m.failed = true
	m.t.Fatalf(format, args...)
}
