package vm

import (
	"github.com/go-marketplace/marketplace/actions"
)

// A Machine is a virtual machine that is driven by hand: the caller applies inputs,
// one at a time, and carries out the commands that the Machine returns. It starts no
// goroutine, and reads no clock. Most programs use package ground, which is the loop
// around a Machine; tests and simulators use a Machine directly.
//
//	m := vm.New(boot...)
//	commands := m.Apply(vm.Input{Kind: vm.Start})
//	for m.Busy() {
//		commands = append(commands, m.Apply(vm.Input{Kind: vm.Continue})...)
//	}
//
// A Machine is not safe for concurrent use.
//
// [Machine.Apply] is [Machine.Enter], [Machine.Work] and [Machine.Commands], for
// callers that need them separately.
//
// A transition function that panics ends its process and nothing else. One that calls
// runtime.Goexit ends its process and the goroutine in which the Machine works; the
// caller goes on in another goroutine.
type Machine struct {
	owner        *owner
	limits       Limits
	watchers     []*Watcher
	watched      RecordSet // by any of them
	warn         func(*Warning)
	digests      bool
	digest       Digest
	inspect      func(*Call) (any, actions.Action)
	boot         func(actions.PID) actions.Process
	root         *kernel
	phase        phase
	incarnation  uint64
	generation   uint64 // of the device opened last
	held         map[uint64]holder
	pendingLasts []pendingLast
	out          []Command
	stats        Stats
	failure      error // the reason of the first process, since the last start

	running     *proc          // the process whose transition function runs; nil if none does
	event       *actions.Event // that the function is told, if it is a handler
	calling     callKind       // what kind of function it is
	applying    bool           // Apply is at work, which finishes its work in any case
	steps       int            // work done since the input
	backlog     int            // actions in the queues of all processes
	lastsToTell int            // how many of pendingLasts are to be told now
	toldLast    bool           // an endpoint has been told Last in this pass
	overtime    bool           // pendingLasts have been told although there is work left
	stopping    stopping
	spares      [][]item
	rec         Record
	misses      *misses // nil before Warn is called
}

type stopping struct {
	steps int      // how much work the machine has done since
	held  []uint64 // the generations of the devices whose holders have not been told
}

// A Config has the options of a machine. The zero Config is ready to use.
type Config struct {
	// Limits bound what the machine does. Zero fields stand for defaults.
	Limits Limits

	// Watch, if not nil, gets all records: see [Machine.Watch].
	Watch func(*Record)

	// Digest asks for a digest of what the machine does: see [Machine.Digest].
	Digest bool

	// Inspect, if not nil, makes every call of a transition function: it calls
	// [Call.Run] and returns its results. A test can call each function twice, and
	// compare the results.
	Inspect func(*Call) (state any, as actions.Action)
}

// New returns a machine whose first process performs boot. It does nothing
// until it gets an input of kind [Start].
func New(boot ...actions.Action) *Machine { return Config{}.New(boot...) }

// New is the function [New] with options. It panics if a limit is negative.
func (c Config) New(boot ...actions.Action) *Machine {
	return c.NewFunc(func(actions.PID) actions.Process { return actions.Stateless(boot...) })
}

// NewFunc returns a machine whose first process is the one that boot returns.
// Boot runs as part of that process, and gets its PID. NewFunc panics if boot is nil,
// or a limit is negative.
func (c Config) NewFunc(boot func(self actions.PID) actions.Process) *Machine {
	if boot == nil {
		panic("vm: NewFunc of a nil function")
	}
	m := &Machine{
		owner:   new(owner),
		limits:  c.Limits.withDefaults(),
		digests: c.Digest,
		inspect: c.Inspect,
		boot:    boot,
		held:    map[uint64]holder{},
	}
	if c.Watch != nil {
		m.Watch(AllRecords, c.Watch)
	}
	m.root = newKernel(m, nil)
	return m
}
