package ground

import (
	"fmt"
	"sync/atomic"

	"github.com/go-marketplace/marketplace/vm"
)

// A result is the result of a program.
type result struct {
	first atomic.Pointer[error] // the error that Run returns, which may be nil; nil before set
	asked bool                  // StopAsked is in the queue; the lock of the runner guards it
}

// say sets the error that Run returns. Only the first call counts.
func (s *result) say(err error) { s.first.CompareAndSwap(nil, &err) }

// err returns the error that Run returns.
func (s *result) err() error {
	if first := s.first.Load(); first != nil {
		return *first
	}
	return nil
}

// fails stops the machine, because its first process has failed. The caller holds the
// lock of r.
func (r *runner) fails(reason error) {
	if !r.result.asked {
		r.result.say(fmt.Errorf("ground: the first process has failed: %w", reason))
		r.exit()
	}
}

// exit stops the machine. The caller holds the lock of r.
func (r *runner) exit() {
	if r.result.asked {
		return
	}
	r.result.asked = true
	r.enqueue(queued{Input: vm.Input{Kind: vm.StopAsked}})
}

// Exit ends the program: [world.Result] calls it. The caller may hold the lock of the
// runner, so another goroutine takes the lock and stops the machine.
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
