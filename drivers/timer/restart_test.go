package timer

import (
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/world"
)

// After a restart the ticker is opened again, and the driver goes on with the
// state that it had. What the ticker was told before is lost.
func (r *rig) restart(after time.Duration) {
	vmtest.Commands[any](r.open)
	r.now, r.reading, r.wakes = r.now.Add(after), 0, time.Time{}
	r.look()
	r.play()
}

func TestRestart(t *testing.T) {
	r := newRig(t, everybody())
	r.do(After("a", time.Minute), After("b", time.Hour), Every("c", time.Minute))
	r.restart(2 * time.Minute)
	r.expect("a", "c")
	r.pass(time.Minute)
	r.expect("c")
	r.do(Stop("c"))
	r.restart(time.Second) // the ticker has not rung yet
	r.pass(57*time.Minute - time.Second)
	r.expect("b")
	r.expectClosed()
}

// Timers that have waited for a reading count from the reading after the
// restart.
func TestRestartDuringAReading(t *testing.T) {
	r := newRig(t, everybody())
	clock := vmtest.Subscriber(r, Telling("clock"))
	clock.ExpectPresence(Time{Label: "clock"})
	r.do(At("due", noon.Add(time.Minute)))
	r.Perform(After("a", time.Minute), Now("clock"))
	r.Perform(After("b", 2*time.Minute))
	r.restart(time.Hour)
	clock.ExpectMessages(Time{"clock", r.now})
	r.expect("due")
	r.pass(time.Minute)
	r.expect("a")
	r.pass(time.Minute)
	r.expect("b")
	r.expectClosed()
}

// The same while the ticker is being opened: the command to open it is given
// again.
func TestRestartWhileOpening(t *testing.T) {
	r := newRig(t, everybody())
	r.Perform(After("a", time.Minute))
	r.Perform(After("b", time.Minute), At("c", noon.Add(time.Minute)))
	r.now = r.now.Add(time.Hour)
	r.play()
	r.expect("c")
	r.pass(time.Minute)
	r.expect("a", "b")
	r.expectClosed()
}

// When the machine stops, those who wait hear that the driver goes.
func TestStop(t *testing.T) {
	r := newRig(t)
	p := vmtest.Subscriber(r, Expiring("a"))
	p.ExpectPresence(Expired{Label: "a"})
	r.do(After("a", time.Minute))
	r.Stop()
	p.ExpectAbsence(Expired{Label: "a"}, world.ErrStopped)
}
