package vmtest

import (
	"errors"
	"fmt"
	"slices"

	"github.com/google/go-cmp/cmp"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
)

// TB has the methods of [*testing.T] that this package calls. Fatalf must not
// return.
type TB interface {
	Helper()
	Name() string
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// A Config has the options of a test. The zero Config is ready to use.
type Config struct {
	// Limits are those of the machine.
	Limits vm.Limits

	// Budget is how much work the machine may do for one input: the number of
	// actions performed plus that of events handled. If the machine is not at rest
	// after that, the test fails. It is checked each time that the machine has done
	// Limits.Steps of work. Default: 1<<17.
	Budget int

	// Runs is how many times each transition function is called, to check that it
	// is pure. The check takes time with the size of the state. 1 turns it off.
	// Default: 2.
	Runs int

	// Compare has options for the comparison of messages and commands, in addition
	// to those of this package, which compare unexported fields like all others,
	// topics by what they match, and values of topic.Message by their values.
	Compare []cmp.Option

	// Types are process types. Whenever the machine is at rest, each process of one
	// of them is checked: the Open of its type must return its endpoints and
	// devices for its state. If all processes are of these types, apart from those
	// of this package, the machine is also saved and restored, and must be the same.
	Types []actions.Type

	// Heard makes unheard messages a failure: at its end, the test fails for each
	// type of message that was sent and that nobody has heard, or that an endpoint
	// nearly heard, as [vm.Miss] says.
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
	types   typeCheck

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
// and lets it come to rest. After the actions of the first process, or before it
// quits, it spawns a process of this package, which performs the actions of
// [Machine.Perform].
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
		m.vm.Warn(func(*vm.Warning) {}) // so that the machine keeps account of misses
	}
	t.Cleanup(m.finish)
	m.types.begin(m)
	m.Apply(vm.Input{Kind: vm.Start})
	return m
}

// guarded is a process that also makes the outermost machine a [Place].
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
	return state, actions.Tree(slices.Insert(all, end, Here("")))
}

// VM returns the machine itself, for reading: its processes and their states, its
// counters, a snapshot. Do not change it: use the methods of m for that.
func (m *Machine) VM() *vm.Machine { return m.vm }

// Apply gives the machine an input, and lets it come to rest. The test fails if it
// does not: see [Config.Budget]. For inputs of devices, the methods of [Device] are
// easier.
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

// Stop stops the machine: it tells the holders of devices that these have ended, and
// ends all processes.
func (m *Machine) Stop() {
	m.t.Helper()
	m.Apply(vm.Input{Kind: vm.StopAsked})
}

// AllowCrashes says that crashes of processes, before and after the call, are no
// failure of the test.
func (m *Machine) AllowCrashes() { m.crashesAllowed = true }

// watch gets all records of the machine.
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

// finish makes the checks at the end of the test.
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
