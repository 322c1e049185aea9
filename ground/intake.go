package ground

import "sync/atomic"

// An intake is the way of values from a device into the machine. A value goes
// through it alone: the ground receives the next one only when the machine has
// taken the one before.
type intake struct {
	receivable atomic.Bool // the ground may receive: see device.updateLocked
	slot       slot

	// The lock of the runner and the mutex of the device guard paused: both to
	// write it, one of them to read it.
	paused bool

	// The lock of the runner guards what follows.
	stash queued // a value that came while the device was being paused; Kind is zero if there is none
	turn  *turn  // in which the value waits to be admitted; nil if it does not

	scratch []*device // memory for runner.runStint; belongs to the goroutine that receives
}

// A slot holds the one value that is on its way into the machine.
type slot struct{ bits atomic.Uint32 }

const (
	taken   = 1 << iota // a value is on its way
	held                // it waits to be admitted
	awaited             // a goroutine waits for the slot
)

// acquire takes the slot, if it is free.
func (s *slot) acquire() bool { return s.bits.CompareAndSwap(0, taken) }

// hold notes that the value waits to be admitted.
func (s *slot) hold() { s.bits.Or(held) }

// free reports whether no value is on its way.
func (s *slot) free() bool { return s.bits.Load() == 0 }

// isHeld reports whether a value waits to be admitted.
func (s *slot) isHeld() bool { return s.bits.Load()&held != 0 }

// await notes that the caller waits. It reports false if the slot is free.
func (s *slot) await() bool {
	for {
		bits := s.bits.Load()
		if bits == 0 || s.bits.CompareAndSwap(bits, bits|awaited) {
			return bits != 0
		}
	}
}

// release frees the slot. It reports whether somebody may wait for that: a
// goroutine, or a poller that does not read because the value was held.
func (s *slot) release() bool { return s.bits.Swap(0)&(held|awaited) != 0 }
