package vm

import "fmt"

// A result is how a program ends. It belongs to whoever holds the lock of the
// runner.
type result struct {
	asked bool  // the machine is to stop
	err   error // what Run returns
}

// fails stops the machine, because its first process has failed.
func (r *runner) fails(reason error) {
	r.exit(fmt.Errorf("vm: the first process has failed: %w", reason))
}

// exit stops the machine. The first error is what Run returns. The lock of r is
// held.
func (r *runner) exit(err error) {
	if r.result.asked {
		return
	}
	r.result = result{true, err}
	r.enqueue(queued{Input: Input{Kind: StopAsked}})
}

// Exit implements what world.Result asks for.
func (d *device) Exit(err error) {
	r := d.r
	r.wg.Go(func() {
		r.Lock()
		r.exit(err)
		r.Unlock()
		r.work(nil)
	})
}
