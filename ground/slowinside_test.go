package ground

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/vm"
)

// Issue 9.11: no timer runs while a machine is idle; it runs again as soon as the
// machine works.
func TestIdleMachineIsNotLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &runner{machine: vm.New(), settings: Ground{SlowLimit: time.Second}}
		r.log.wants = true
		for range 3 {
			r.slow.begin(r)
			time.Sleep(3 * time.Second)
			if !r.slow.armed.Load() {
				t.Error("nobody looks at a machine that works")
			}
			r.slow.end()
			time.Sleep(time.Second)
			synctest.Wait()
			if r.slow.armed.Load() || r.slow.timer.Stop() {
				t.Error("the timer of an idle machine runs")
			}
		}
		r.slow.begin(r)
		r.slow.stop(r)
		if r.slow.timer.Stop() {
			t.Error("somebody looks after the end")
		}
	})
}
