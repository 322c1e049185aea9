package timer

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vmtest"
)

func TestDR40Names(t *testing.T) {
	if name := Driver().Name; name != "timer driver" {
		t.Errorf("the driver is called %q", name)
	}
	if name := Relay("r").Name; name != "timer relay r" {
		t.Errorf("the relay is called %q", name)
	}
}

// DR-41, DR-42: timers expire at a time, or after one, with the label and the
// time. DP-09, B-P21.
func TestDR41RelativeAndAbsolute(t *testing.T) {
	r := newRig(t, everybody())
	r.do(After("a", time.Minute), At("b", noon.Add(30*time.Second)), After("now", 0), After("before", -time.Hour), At("past", noon.Add(-time.Hour)))
	r.expect("past", "now", "before")
	r.pass(29 * time.Second)
	r.expect()
	r.pass(time.Second)
	r.expect("b")
	r.pass(30*time.Second - 1)
	r.expect()
	r.pass(1)
	r.expect("a")
	r.expectClosed()
}

// The time for At need not be in UTC; the time in Expired is.
func TestDR42NowIsPlain(t *testing.T) {
	r := newRig(t)
	p := vmtest.Subscriber(r, Expiring("a"))
	p.ExpectPresence(Expired{Label: "a"})
	r.do(At("a", noon.In(time.FixedZone("elsewhere", 3600))))
	p.ExpectMessages(Expired{"a", noon})
	p.ExpectNothing()
}

// DR-43, B-D17: the clock is read.
func TestBD17ReadingTheClock(t *testing.T) {
	r := newRig(t)
	a, b := vmtest.Subscriber(r, Telling("a")), vmtest.Subscriber(r, Telling("b"))
	a.ExpectPresence(Time{Label: "a"})
	b.ExpectPresence(Time{Label: "b"})
	r.do(Now("a"), Now("a"))
	a.ExpectMessages(Time{"a", noon}, Time{"a", noon})
	r.pass(time.Hour)
	r.do(Now("b"))
	b.ExpectMessages(Time{"b", noon.Add(time.Hour)})
	a.ExpectNothing()
	b.ExpectNothing()
	r.expectClosed()
}

// DR-44: timers that are due expire in one go, the earliest first; those that
// are due at the same time expire in the order in which they were set.
func TestDR44DueTimersFireInOneGo(t *testing.T) {
	r := newRig(t, everybody())
	r.do(After("c", 3*time.Minute), After("b", 2*time.Minute), At("b2", noon.Add(2*time.Minute)), After("a", time.Minute), After("b3", 2*time.Minute))
	looked := r.looked
	r.pass(time.Hour)
	r.expect("a", "b", "b2", "b3", "c")
	if n := r.looked - looked; n != 1 {
		t.Errorf("the clock was read %d times", n)
	}
}

// Any number of timers can be set, and be due, at the same time.
func TestDR44ManyAtOnce(t *testing.T) {
	r := newRigOf(t, vmtest.Config{Runs: 1, Limits: vm.Limits{Queue: 2 * turn}}, everybody())
	const n = 3*turn + 5
	var want []string
	for len(want) < n {
		var set actions.Tree
		for range min(turn, n-len(want)) {
			label := fmt.Sprint(len(want))
			set, want = append(set, After(label, time.Duration(1+len(want)/1000))), append(want, label)
		}
		r.do(set)
	}
	looked := r.looked
	r.pass(time.Second)
	r.expect(want...)
	if n := r.looked - looked; n != 1 {
		t.Errorf("the clock was read %d times", n)
	}
	r.expectClosed()
}

// Timers can be cancelled, in any state, and be set again.
func TestDR47Cancel(t *testing.T) {
	r := newRig(t, everybody())
	r.do(After("a", time.Minute), At("b", noon.Add(time.Minute)), Stop("a"), Stop("b"), Stop("c"))
	r.expectClosed()
	r.do(After("a", time.Minute), At("b", noon.Add(time.Minute)), After("c", time.Minute))
	r.do(Stop("b"))
	r.do(Stop("a"), After("a", time.Hour))
	r.pass(time.Minute)
	r.expect("c")
	r.do(Stop("a"))
	r.expectClosed()
	r.pass(time.Hour)
	r.expect()
}

// A timer that is set again takes the place of the one before, from that moment
// on: even if that one is expiring, and the time from which the new one counts
// is not known yet.
func TestDR47SetAgain(t *testing.T) {
	r := newRig(t, everybody())
	r.do(After("a", time.Minute), After("b", time.Minute))
	r.now = r.now.Add(time.Minute)
	r.Perform(After("a", time.Minute)) // the reading is under way
	r.look()                           // and the ticker wakes us
	r.expect()
	r.play()
	r.expect("b")
	r.now = r.now.Add(time.Minute)
	r.Perform(After("c", 0)) // another reading is under way
	r.Perform(After("a", time.Minute))
	r.play()
	r.expect("c")
	r.pass(time.Minute)
	r.expect("a")
	r.expectClosed()
	r.do(At("a", r.now.Add(time.Minute)))
	r.now = r.now.Add(time.Minute)
	r.Perform(Now("b"))
	r.obey()
	r.Perform(Now("a"), After("c", 0)) // to ask for the time is something else
	r.look()
	r.expect("a")
	r.play()
	r.expect("c")
}

// Expired never comes too early: a reading that has been taken before a timer
// was set is not used for it.
func TestDR41NeverTooEarly(t *testing.T) {
	r := newRig(t, everybody())
	r.do(At("keep", noon.Add(time.Hour)))
	r.Perform(After("a", time.Minute))
	r.obey()
	stale := now{r.now, r.reading} // on its way
	r.now = r.now.Add(10 * time.Second)
	r.Perform(After("b", time.Minute))
	r.open.Value(stale)
	r.play()
	r.pass(50 * time.Second)
	r.expect("a")
	r.pass(9 * time.Second)
	r.expect()
	r.pass(time.Second)
	r.expect("b")
}

// One reading serves all timers that are set in one go.
func TestDR41OneReadingForMany(t *testing.T) {
	r := newRig(t, everybody())
	r.do(At("keep", noon.Add(time.Hour)))
	looked := r.looked
	r.do(After("a", 1), After("b", 2), After("c", 3), Now("d"))
	if n := r.looked - looked; n != 1 {
		t.Errorf("the clock was read %d times", n)
	}
	looked = r.looked
	r.do(At("e", noon.Add(time.Minute)), Stop("e"))
	if n := r.looked - looked; n != 0 {
		t.Errorf("the clock was read %d times", n)
	}
}

// Periodic timers expire until they are stopped. Times that have been missed are
// left out. DP-09, B-P21.
func TestDR47Periodic(t *testing.T) {
	r := newRig(t, everybody())
	r.do(Every("a", time.Minute), actions.Send(Set{Label: "b", At: noon.Add(30 * time.Second), Every: time.Minute}),
		actions.Send(Set{Label: "c", Every: time.Hour}))
	r.expect("c")
	for range 3 {
		r.pass(30 * time.Second)
		r.expect("b")
		r.pass(30 * time.Second)
		r.expect("a")
	}
	r.pass(10*time.Minute + 10*time.Second)
	r.expect("b", "a")
	r.pass(20 * time.Second)
	r.expect("b")
	r.do(Stop("b"))
	r.pass(30 * time.Second)
	r.expect("a")
	r.do(Stop("a"), Stop("c"))
	r.expectClosed()
}

// Equal deadlines keep the order in which they were set, however often they
// come.
func TestDR44PeriodicKeepsItsPlace(t *testing.T) {
	r := newRig(t, everybody())
	r.do(Every("a", time.Minute), Every("b", time.Minute), Every("c", time.Minute))
	for range 3 {
		r.pass(time.Minute)
		r.expect("a", "b", "c")
		r.do(Stop("x"))
	}
}

// DR-46: a process that waits for timers sees the driver come and go.
func TestDR46Presence(t *testing.T) {
	m := vmtest.Run(t)
	expired, times := vmtest.Subscriber(m, Expiring("a")), vmtest.Subscriber(m, Telling("a"))
	m.Perform(Driver())
	expired.ExpectPresence(Expired{Label: "a"})
	times.ExpectPresence(Time{Label: "a"})
	m.Perform(After("a", time.Minute))
	m.Device(system).Value(now{noon, 0})
	broken := errors.New("the clock is broken")
	m.Device(system).End(broken)
	for _, h := range append(expired.Take(), actionsOf(times)...) {
		if h.Kind != actions.Absence || h.Reason == nil || h.Reason.Error() != broken.Error() {
			t.Errorf("told %v", &h.Event)
		}
	}
}

// actionsOf returns what a probe was told, without what it is about.
func actionsOf[M any](p *vmtest.Probe[M]) (hs []vmtest.Heard[Expired]) {
	for _, h := range p.Take() {
		hs = append(hs, vmtest.Heard[Expired]{Event: h.Event})
	}
	return hs
}

// A driver shows itself to those who have asked before it, so a process can set
// its timers when it sees one.
func TestDR46WaitForPresence(t *testing.T) {
	r := newRig(t)
	r.do(actions.Spawn(actions.Stateless(endpoint.Subscriber(Expiring("a"),
		endpoint.OnPresence(func(Expired) actions.Action { return After("a", time.Minute) })))))
	r.pass(time.Minute)
	r.expect("a")
}

// While no process has set a timer, nothing is open, however many wait.
func TestNothingIsOpenWithoutTimers(t *testing.T) {
	r := newRig(t, everybody(), actions.Spawn(waits(Expiring("a"), topic.Where(topic.Glob(Label, "b*")))))
	r.expectClosed()
	if r.opened != 0 {
		t.Errorf("the ticker was opened")
	}
	r.do(Stop("a"))
	r.expectClosed()
}

// A process that sets the next timer when one has expired finds the ticker
// open.
func TestTheTickerStaysOpenBetweenTimers(t *testing.T) {
	r := newRig(t)
	r.do(actions.Spawn(actions.Stateless(endpoint.Subscriber(Expiring("a"),
		endpoint.OnMessage(func(Expired) actions.Action { return After("a", time.Minute) })),
		After("a", time.Minute),
	)))
	for range 3 {
		r.pass(time.Minute)
		r.expect("a")
	}
	if r.opened != 1 {
		t.Errorf("the ticker was opened %d times", r.opened)
	}
}

// While many timers expire, the machine takes other inputs. One with the time
// has to wait.
func TestDR44InputsBetweenTurns(t *testing.T) {
	const n = 3 * turn
	var expired []string
	m := vm.Config{Limits: vm.Limits{Steps: turn / 2}, Watch: func(r *vm.Record) {
		if send, ok := r.Action.(*actions.SendMessage); ok && r.Kind == vm.Performed {
			if e, ok := send.Message.Value().(Expired); ok {
				expired = append(expired, fmt.Sprint(e.Label, " ", e.Now.Sub(noon)))
			}
		}
	}}.New(Driver(), everybody(), actions.SpawnFunc(func(actions.PID) actions.Process {
		var set actions.Tree
		for i := range n {
			set = append(set, At(fmt.Sprintf("%05d", i), noon.Add(time.Minute)))
		}
		return actions.Stateless(append(set, At("later", noon.Add(2*time.Minute))))
	}))
	rest := func(commands []vm.Command) []vm.Command {
		out := slices.Clone(commands)
		for m.Busy() {
			out = append(out, m.Apply(vm.Input{Kind: vm.Continue})...)
		}
		return out
	}
	at := rest(m.Apply(vm.Input{Kind: vm.Start}))[0].Address
	tick := func(d time.Duration) []vm.Command {
		return m.Apply(vm.Input{Kind: vm.Value, Address: at, Value: now{noon.Add(d), 0}})
	}
	tick(0)
	if out := tick(time.Minute); !m.Busy() || len(out) > 0 {
		t.Fatalf("the machine is busy, %v, and wants %v", m.Busy(), out)
	}
	tick(2 * time.Minute)
	rest(nil)
	for i, line := range expired {
		if want := fmt.Sprintf("%05d ", i); i < n && !strings.HasPrefix(line, want) {
			t.Fatalf("number %d is %s", i, line)
		}
	}
	if len(expired) != n+1 || expired[0] != "00000 1m0s" || expired[n] != "later 2m0s" {
		t.Errorf("%d have expired, from %s to %s", len(expired), expired[0], expired[len(expired)-1])
	}
	if !m.Idle() {
		t.Error("the machine is not idle")
	}
}
