package vm

import "fmt"

// Limits bound what a machine does. A zero field stands for its default.
type Limits struct {
	// Queue is the largest number of actions in the queue of one process, and of fresh
	// names and updates of local values in one turn. A process that exceeds it ends
	// with [ErrOverflow]. Default: 1<<20.
	Queue int

	// Steps is how much work a machine does for one input: the number of actions
	// performed plus that of events handled. Then it waits for a [Continue], so that
	// processes that never rest do not keep it from other inputs. The machine checks
	// it between rounds. Default: 1<<16.
	Steps int

	// Strict makes a process fail with [ErrNotAdvertised] if it sends a message, or
	// feedback, that none of its endpoints is for: a message needs a publisher that
	// matches it, and feedback a subscriber, at the level at which the process sends.
	// Then peers see everybody who talks to them. Default: any process can send.
	Strict bool

	// Drain is how much work a stopping machine does before it ends the processes
	// that are left, counted as for Steps. Default: 1<<20.
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

// Stats counts what a machine has done, since it was made or its first ancestor was:
// snapshots have the counts.
type Stats struct {
	Inputs      uint64 // all kinds, also late ones
	Rounds      uint64 // of the outermost machine
	Actions     uint64 // performed
	Events      uint64 // handled, and continuations of spawns at meta-levels
	Sent        uint64 // messages and feedback
	Undelivered uint64 // messages and feedback that no endpoint matched
	Spawned     uint64 // processes
	SpawnFailed uint64 // processes whose first transition panicked
	Ended       uint64 // processes that quit, failed or were killed
	Crashed     uint64 // transition functions that panicked, or called runtime.Goexit
	Collected   uint64 // processes that were removed because nothing could happen to them any more
	Dropped     uint64 // actions that were not performed, because a process ended or its queue was full
	Ignored     uint64 // actions on an endpoint, a process or a device that did not exist
	Overflows   uint64 // queues that were full
	Late        uint64 // inputs that were ignored: of closed devices, before the start, or after StopAsked
	Commands    uint64 // to the outside
}
