package vm

import "fmt"

// Limits bound what a machine does. A zero field stands for its default.
type Limits struct {
	// Queue is how many actions may wait in the queue of one process. A
	// process that has more ends with [ErrOverflow]. Default: 1<<20.
	Queue int

	// Steps is how much work a machine does for one input, in actions
	// performed and events told, before it wants a Continue, so that
	// processes that keep each other busy for ever do not keep the machine
	// from its inputs. It is checked between rounds. Default: 1<<16.
	Steps int

	// Strict makes a process fail with [ErrNotAdvertised] that sends a message, or
	// feedback, without an endpoint that says so: a publisher that matches the
	// message, or for feedback a subscriber, at the level at which it sends. So
	// peers see everybody who talks to them. Default: anybody may send.
	Strict bool

	// Drain is how much work a machine does for a StopAsked before it ends
	// what is still there. Default: 1<<20.
	Drain int
}

func (l Limits) withDefaults() Limits {
	for _, f := range []struct {
		name  string
		value *int
		dflt  int
	}{{"Queue", &l.Queue, 1 << 20}, {"Steps", &l.Steps, 1 << 16}, {"Drain", &l.Drain, 1 << 20}} {
		if *f.value < 0 {
			panic(fmt.Sprintf("vm: Limits.%s is %d: it must not be negative; zero means %d", f.name, *f.value, f.dflt))
		}
		if *f.value == 0 {
			*f.value = f.dflt
		}
	}
	return l
}

// Stats count what a machine has done. What is dropped is counted, too.
type Stats struct {
	Inputs      uint64 // applied
	Rounds      uint64 // of the outermost machine
	Actions     uint64 // performed
	Events      uint64 // told to handlers
	Sent        uint64 // messages and feedback
	Undelivered uint64 // messages and feedback that no endpoint matched
	Spawned     uint64 // processes
	SpawnFailed uint64 // processes whose first transition panicked
	Ended       uint64 // processes that quit, failed or were killed
	Crashed     uint64 // transition functions that panicked
	Collected   uint64 // processes to which nothing could happen any more
	Dropped     uint64 // actions that processes had not performed when they ended
	Ignored     uint64 // actions on an endpoint, a process or a device that did not exist
	Overflows   uint64 // queues that were full
	Late        uint64 // inputs of devices that the machine had closed
	Commands    uint64 // to the outside
}
