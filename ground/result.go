package ground

import (
	"fmt"
	"sync/atomic"

	"github.com/go-marketplace/marketplace/vm"
)

// A result is how a program ends.
type result struct {
	first atomic.Pointer[error] // what Run returns; nil if nobody has said so
	asked bool                  // the machine is to stop; belongs to whoever holds the lock of the runner
}

// say notes what Run returns. The first one counts.
func (s *result) say(err error) { s.first.CompareAndSwap(nil, &err) }

// err returns what Run returns.
func (s *result) err() error {
	if first := s.first.Load(); first != nil {
		return *first
	}
	return nil
}

// fails stops the machine, because its first process has failed. The lock of r is
// held.
func (r *runner) fails(reason error) {
	if !r.result.asked {
		r.result.say(fmt.Errorf("ground: the first process has failed: %w", reason))
		r.exit()
	}
}

// exit stops the machine. The lock of r is held.
func (r *runner) exit() {
	if r.result.asked {
		return
	}
	r.result.asked = true
	r.enqueue(queued{Input: vm.Input{Kind: vm.StopAsked}})
}

// Exit implements what world.Result asks for. It needs no lock: the caller may hold
// that of the runner, so another goroutine takes it, and stops the machine.
func (d *device) Exit(err error) {
	r := d.r
	r.result.say(err)
	r.wg.Go(func() {
		r.Lock()
		r.exit()
		r.Unlock()
		r.work(nil)
	})
}
