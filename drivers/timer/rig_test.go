package timer

import (
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/world"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// noon is when tests begin.
var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// A rig is a machine with a driver. The test plays the ticker, by a clock that it
// moves.
type rig struct {
	*vmtest.Machine
	t       vmtest.TB
	now     time.Time
	open    *vmtest.Device
	reading uint64    // that the ticker was asked for last
	wakes   time.Time // zero if there is none
	opened  int       // how often it was
	looked  int       // how often it has reported the time
	spy     *vmtest.Probe[Expired]
	large   bool // the state is so large that saving it each time takes too long
}

var system = ticker{world.SystemClock()}

// newRig starts a machine with a driver, and performs boot.
func newRig(t vmtest.TB, boot ...actions.Action) *rig { return newRigOf(t, vmtest.Config{}, boot...) }

func newRigOf(t vmtest.TB, c vmtest.Config, boot ...actions.Action) *rig {
	r := &rig{t: t, now: noon, large: c.Runs == 1}
	r.Machine = c.Run(t, append([]actions.Action{Driver()}, boot...)...)
	// A spy hears everything, and does not count as one who waits.
	r.spy = vmtest.ObservePublishers(r, topic.All[Expired]())
	r.spy.ExpectPresence(Expired{})
	r.play()
	return r
}

// do performs actions as a process that is not under test.
func (r *rig) do(as ...actions.Action) {
	r.t.Helper()
	r.Perform(as...)
	r.play()
}

// held returns the ticker, or nil if nobody holds it.
func (r *rig) held() *vmtest.Device {
	i := slices.IndexFunc(r.Devices(), func(d *vmtest.Device) bool { return d.Device() == world.Device(system) })
	if i < 0 {
		return nil
	}
	return r.Devices()[i]
}

// play plays the ticker until the ticker has nothing more to do.
func (r *rig) play() {
	r.t.Helper()
	for {
		r.check()
		d := r.held()
		if d == nil {
			r.open = nil
			return
		}
		looks := d != r.open
		if looks {
			r.open, r.reading, r.wakes = d, 0, time.Time{}
			r.opened++
			// It has been opened before it was told anything.
			r.look()
			continue
		}
		looks = r.obey()
		if !r.wakes.IsZero() && !r.wakes.After(r.now) {
			r.wakes, looks = time.Time{}, true
		}
		if !looks {
			return
		}
		r.look()
	}
}

// check checks that the driver and the relays can be saved.
func (r *rig) check() {
	r.t.Helper()
	if !r.large {
		vmtest.CheckTypes(r.t, r.VM(), Types(), func(p vm.ProcessInfo) bool { return !strings.HasPrefix(p.Name, "timer ") })
	}
}

// obey makes the ticker take its commands. It reports whether the ticker must
// report the time.
func (r *rig) obey() (looks bool) {
	r.t.Helper()
	for _, c := range vmtest.Commands[any](r.open) {
		switch c := c.(type) {
		case read:
			r.reading, looks = c.Reading, true
		case wake:
			r.wakes = c.At
		}
	}
	return looks
}

// look makes the ticker report the time.
func (r *rig) look() {
	r.t.Helper()
	r.looked++
	r.open.Value(now{r.now, r.reading})
}

// pass lets time pass.
func (r *rig) pass(d time.Duration) {
	r.t.Helper()
	r.now = r.now.Add(d)
	r.play()
}

// expect checks what has expired since the last call, and that each Expired has
// the current time.
func (r *rig) expect(labels ...string) {
	r.t.Helper()
	var got []string
	for _, h := range r.spy.Take() {
		switch {
		case h.Kind != actions.Delivery:
			r.t.Errorf("the spy is told %v", &h.Event)
			continue
		case !h.About.Now.Equal(r.now):
			r.t.Errorf("%q has expired at %v; it is %v", h.About.Label, h.About.Now, r.now)
		}
		got = append(got, h.About.Label)
	}
	if !slices.Equal(got, labels) {
		r.t.Errorf("%q have expired; want %q", got, labels)
	}
}

// expectClosed checks that nobody holds the ticker, and that the machine could
// end if the test did not keep it.
func (r *rig) expectClosed() {
	r.t.Helper()
	if d := r.held(); d != nil {
		r.t.Errorf("%v is still open", d)
	}
}

// waits returns a process that waits for the given patterns.
func waits(ps ...topic.Pattern[Expired]) actions.Process {
	var as actions.Tree
	for _, p := range ps {
		as = append(as, endpoint.Subscriber(p))
	}
	return actions.Stateless(as...)
}

// everybody spawns a process that waits for all timers.
func everybody() actions.Action { return actions.Spawn(waits(topic.All[Expired]())).Named("everybody") }
