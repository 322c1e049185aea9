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

// nest puts as into a machine that many levels further in, with a relay and a
// vmtest.Here at each. The places are named by name and level.
func nest(name string, depth int, as ...actions.Action) actions.Action {
	inside := actions.Group(as...)
	for level := depth; level > 0; level-- {
		here := fmt.Sprint(name, level)
		inside = actions.Spawn(vm.Nested(Relay("relay"), vmtest.Here(here), inside))
	}
	return inside
}

// place returns the place at a level.
func (r *rig) place(name string, level int) vmtest.Place {
	if level == 0 {
		return r
	}
	return r.At(fmt.Sprint(name, level))
}

// at performs actions at a level.
func (r *rig) at(p vmtest.Place, as ...actions.Action) {
	r.t.Helper()
	p.Perform(as...)
	r.play()
}

// DR-45: timers work at any depth, with the labels that they have there.
func TestDR45AnyDepth(t *testing.T) {
	for depth := range 4 {
		t.Run(fmt.Sprint(depth), func(t *testing.T) {
			r := newRig(t, nest("room", depth))
			inside := r.place("room", depth)
			a, clock := vmtest.Subscriber(inside, Expiring("a")), vmtest.Subscriber(inside, Telling("clock"))
			a.ExpectPresence(Expired{Label: "a"})
			clock.ExpectPresence(Time{Label: "clock"})
			refused := vmtest.Subscriber(inside, topic.All[Refused]())
			r.at(inside, After("a", time.Minute), Now("clock"), Now("clock"))
			clock.ExpectMessages(Time{"clock", noon}, Time{"clock", noon})
			r.pass(time.Minute)
			a.ExpectMessages(Expired{"a", r.now})
			r.at(inside, At("a", r.now.Add(time.Hour)))
			r.pass(time.Hour)
			a.ExpectMessages(Expired{"a", r.now})
			r.at(inside, Every("a", time.Minute))
			for range 3 {
				r.pass(time.Minute)
				a.ExpectMessages(Expired{"a", r.now})
			}
			r.at(inside, Stop("a"))
			r.expectClosed()
			r.at(inside, After("a", time.Minute))
			a.Close(nil)
			r.play()
			r.expectClosed()
			clock.ExpectNothing()
			refused.ExpectNothing()
			r.at(inside, After("a", 0), After("b", 0), actions.Send(Set{Label: "a", Every: -1}), actions.Send(Set{}), actions.Send(Cancel{}), actions.Send(Read{}))
			refused.ExpectMessages(Refused{"a", ErrNobodyWaits}, Refused{"b", ErrNobodyWaits}, Refused{"a", ErrNegative},
				Refused{"", ErrNoLabel}, Refused{"", ErrNoLabel}, Refused{"", ErrNoLabel})
			r.expectClosed()
		})
	}
}

// DR-45: labels of one machine have nothing to do with those of others: siblings
// whose relays have the same id, and machines further in and out.
func TestDR45LabelsAreKeptApart(t *testing.T) {
	r := newRig(t, nest("one", 3), nest("other", 2))
	type user struct {
		at    vmtest.Place
		ears  *vmtest.Probe[Expired]
		after time.Duration
	}
	var users []user
	for level := range 4 {
		users = append(users, user{at: r.place("one", level)})
	}
	users = append(users, user{at: r.place("other", 1)}, user{at: r.place("other", 2)})
	for i := range users {
		u := &users[i]
		u.after = time.Duration(10-i) * time.Minute
		u.ears = vmtest.Subscriber(u.at, topic.Where(topic.Glob(Label, "*a")))
		u.ears.ExpectPresence(Expired{})
		r.at(u.at, After("a", u.after))
	}
	defer func() {
		for line := range strings.Lines(r.Trace()) {
			if strings.Contains(line, "timer relay relay: hears timer.Expired") && strings.Contains(line, "observer") {
				t.Errorf("a relay hears what is for others: %s", line)
			}
		}
	}()
	for range 10 {
		r.pass(time.Minute)
		for _, u := range users {
			if r.now.Equal(noon.Add(u.after)) {
				u.ears.ExpectMessages(Expired{"a", r.now})
			}
			u.ears.ExpectNothing()
		}
	}
	r.expectClosed()
}

// Timers that are due at the same time expire in the order in which they were
// set, through any number of relays.
func TestDR45KeepsTheOrder(t *testing.T) {
	for depth := range 4 {
		r := newRig(t, nest("room", depth))
		inside := r.place("room", depth)
		ears := vmtest.Subscriber(inside, topic.All[Expired]())
		ears.ExpectPresence(Expired{})
		r.at(inside, After("c", time.Minute), After("a", time.Minute), After("b", time.Second))
		r.at(inside, At("d", noon.Add(time.Minute)))
		r.pass(time.Hour)
		ears.ExpectMessages(Expired{"b", r.now}, Expired{"c", r.now}, Expired{"a", r.now}, Expired{"d", r.now})
		ears.ExpectNothing()
	}
}

// DR-45, B-D16: a relay forgets timers for which nobody waits any more, and
// leaves nothing open outside.
func TestBD16RelayForgets(t *testing.T) {
	for depth := 1; depth < 4; depth++ {
		r := newRig(t, nest("room", depth))
		inside := r.place("room", depth)
		outside := vmtest.New(r, topic.Publisher, topic.Observer, topic.All[Expired]())
		before := len(outside.Take())
		ps := []topic.Pattern[Expired]{Expiring("a"), glob("a*"), topic.All[Expired]()}
		for _, p := range ps {
			ears := vmtest.Subscriber(inside, p)
			ears.ExpectPresence(p.Example())
			r.at(inside, After("a", time.Minute), Every("a", time.Minute))
			r.at(inside, After("a", time.Minute))
			ears.Close(nil)
			r.play()
			r.expectClosed()
			ears = vmtest.Subscriber(inside, p)
			ears.ExpectPresence(p.Example())
			r.at(inside, Every("a", time.Minute), After("a", time.Minute), Now("clock"))
			r.pass(time.Minute)
			ears.ExpectMessages(Expired{"a", r.now})
			r.pass(time.Hour)
			ears.ExpectNothing()
			ears.Close(nil)
			r.play()
			r.expectClosed()
		}
		open := before
		for _, h := range outside.Take() {
			switch h.Kind {
			case actions.Presence:
				open++
			case actions.Absence:
				open--
			}
		}
		if open != 0 {
			t.Errorf("depth %d: %d endpoints are left outside", depth, open)
		}
	}
}

// A machine that ends takes its timers with it, wherever it is.
func TestBD16AMachineEndsItsTimers(t *testing.T) {
	for depth := 1; depth < 4; depth++ {
		r := newRig(t, nest("room", depth))
		for level := 1; level <= depth; level++ {
			vmtest.Subscriber(r.place("room", level), Expiring("a"))
			r.at(r.place("room", level), After("a", time.Minute), Every("a", time.Minute))
		}
		if r.held() == nil {
			t.Error("the ticker is not open")
		}
		r.at(r.place("room", 1), actions.AtMeta(actions.Fail(errors.New("enough"))))
		r.expectClosed()
	}
}

// DR-46: a relay is present inside while somebody serves outside, and goes with
// the reason for which that one goes.
func TestDR46RelayIsPresentWhileTheDriverIs(t *testing.T) {
	for depth := 1; depth < 4; depth++ {
		r := &rig{t: t, now: noon, Machine: vmtest.Run(t, nest("room", depth))}
		inside := r.place("room", depth)
		ears, clock := vmtest.Subscriber(inside, Expiring("a")), vmtest.Subscriber(inside, Telling("a"))
		r.at(inside, After("a", time.Minute), Stop("a"), Now("a"))
		ears.ExpectNothing()
		clock.ExpectNothing()
		enough := errors.New("enough")
		for range 2 {
			var driver actions.PID
			r.do(actions.Spawn(actions.Stateless(actions.SpawnThen(actions.Stateless(), func(s struct{}, pid actions.PID) actions.Transition[struct{}] {
				driver = pid + 1
				return actions.Stateless()
			}), Driver())))
			ears.ExpectPresence(Expired{Label: "a"})
			clock.ExpectPresence(Time{Label: "a"})
			r.at(inside, After("a", time.Minute), Now("other"))
			r.pass(time.Minute)
			ears.ExpectMessages(Expired{"a", r.now})
			r.Perform(Now("a"))
			inside.Perform(After("a", time.Minute), Every("b", time.Minute), Now("a"))
			r.do(actions.Kill(driver, enough))
			ears.ExpectAbsence(Expired{Label: "a"}, enough)
			clock.ExpectAbsence(Time{Label: "a"}, enough)
			r.expectClosed()
			undelivered := r.VM().Stats().Undelivered
			r.at(inside, After("a", time.Minute), Stop("a"), Now("a"))
			if n := r.VM().Stats().Undelivered - undelivered; n != 3 {
				t.Errorf("%d messages were not delivered", n)
			}
			r.open = nil
		}
	}
}

// A request at the moment when the driver goes has no effect: the relay has
// been told, but its endpoints are still there.
func TestDR46AskedForTooLate(t *testing.T) {
	r := actions.Next(&relay{errands: none}).Then(func(r *relay) errand { return r.present(Expired{}) }).State
	r.audience = r.audience.with(topic.All[Expired]())
	r = r.set(Set{Label: "a"}).State.read(Read{"b"}).State.absent(Expired{}, nil).State
	for name, asked := range map[string]errand{
		"Set":     r.set(Set{Label: "a"}),
		"Cancel":  r.cancel(Cancel{"a"}),
		"Read":    r.read(Read{"b"}),
		"Expired": r.expired(Expired{Label: `timer relay "" 0.1`}),
		"Time":    r.told(Time{Label: `timer relay "" 0.2`}),
	} {
		if asked.Actions != nil || asked.State.outer.Len()+asked.State.inner.Len()+asked.State.readers.Len() > 0 {
			t.Errorf("%s leads to %v", name, asked.Actions)
		}
	}
}

// A relay with several drivers outside serves as long as there is one.
func TestDR46SeveralDriversOutside(t *testing.T) {
	r := newRig(t, nest("room", 1))
	inside := r.place("room", 1)
	ears := vmtest.Subscriber(inside, Expiring("a"))
	ears.ExpectPresence(Expired{Label: "a"})
	other := vmtest.Publisher(r, topic.All[Expired]())
	r.at(inside, After("a", time.Minute))
	other.Close(nil)
	ears.ExpectNothing()
	r.spy.Take()
	r.pass(time.Minute)
	ears.ExpectMessages(Expired{"a", r.now})
}

// A timer that is set again, or cancelled, while it is expiring outside does
// not expire inside.
func TestDR45ExpiredTooLate(t *testing.T) {
	r := newRig(t, nest("room", 1))
	inside := r.place("room", 1)
	ears := vmtest.Subscriber(inside, Expiring("a"))
	ears.ExpectPresence(Expired{Label: "a"})
	spy := vmtest.ObservePublishers(r, topic.All[Expired]())
	spy.Take()
	r.at(inside, After("a", time.Minute))
	r.pass(time.Minute)
	made := spy.Take()[0].About.Label
	ears.ExpectMessages(Expired{"a", r.now})
	if !strings.HasPrefix(made, `timer relay "relay" `) {
		t.Errorf("the label outside is %s", made)
	}
	r.at(inside, After("a", time.Hour))
	r.do(actions.Send(Expired{made, r.now}), actions.Send(Expired{"a", r.now}), actions.Send(Expired{made + "1", r.now}), actions.Send(Time{made, r.now}))
	ears.ExpectNothing()
	r.pass(time.Hour)
	ears.ExpectMessages(Expired{"a", r.now})
}

// Timers that expire in a later turn can still be cancelled, or be set again,
// when the first has expired. A relay ignores what comes from outside after
// that.
func TestDR45TakenBackBetweenTurns(t *testing.T) {
	for depth := range 2 {
		room := func(as ...actions.Action) actions.Action { return actions.Group(as...) }
		for range depth {
			inner := room
			room = func(as ...actions.Action) actions.Action { return actions.Spawn(vm.Nested(Relay("r"), inner(as...))) }
		}
		var set actions.Tree
		for i := range 2 * turn {
			set = append(set, At(fmt.Sprint(i), noon.Add(time.Minute)))
		}
		for _, label := range []string{"cancelled", "set", "set for later", "expires", "cancelled in the second turn"} {
			set = append(set, At(label, noon.Add(time.Minute)))
		}
		heard := []string{}
		user := actions.Stateless(endpoint.Subscriber(topic.All[Expired](),
			endpoint.OnPresence(func(Expired) actions.Action { return set }),
			endpoint.OnMessage(func(e Expired) actions.Action {
				heard = append(heard, e.Label)
				return actions.Group(
					actions.When(e.Label == "0", Stop("cancelled"), At("set", noon.Add(2*time.Minute)), After("set for later", time.Hour)),
					actions.When(e.Label == fmt.Sprint(turn), Stop("cancelled in the second turn")),
				)
			})))
		r := newRigOf(t, vmtest.Config{Runs: 1}, room(actions.Spawn(user)))
		r.pass(time.Minute)
		if got := heard[min(len(heard), 2*turn):]; !slices.Equal(got, []string{"expires"}) {
			t.Errorf("at depth %d, %q have expired", depth, got)
		}
		r.pass(time.Minute)
		if got := heard[len(heard)-1]; got != "set" {
			t.Errorf("at depth %d, the last to expire is %q", depth, got)
		}
		r.pass(time.Hour)
		r.expectClosed()
	}
}

// A relay ignores labels from outside that it does not know, or no longer
// knows.
func TestDR45UnknownCountersAreIgnored(t *testing.T) {
	r := actions.Next(&relay{id: "r", errands: none}).Then(func(r *relay) errand { return r.present(Expired{}) }).State
	r.audience = r.audience.with(topic.All[Expired]())
	r = r.set(Set{Label: "a"}).State.cancel(Cancel{"a"}).State.set(Set{Label: "a"}).State.read(Read{"a"}).State
	for i := range 5 {
		label := fmt.Sprintf(`timer relay "r" 0.%d`, i)
		expired, told := r.expired(Expired{label, noon}), r.told(Time{label, noon})
		if known := expired.State != r; known != (i == 2) || known != (expired.Actions != nil) {
			t.Errorf("expiration of %s: %v", label, expired.Actions)
		}
		if known := told.State != r; known != (i == 3) || known != (told.Actions != nil) {
			t.Errorf("time for %s: %v", label, told.Actions)
		}
	}
}

// A process that leaves while others wait for the same timers does not end
// them.
func TestDR45OthersWaitInside(t *testing.T) {
	r := newRig(t, nest("room", 1))
	inside := r.place("room", 1)
	ears := vmtest.Subscriber(inside, glob("*a"))
	ears.ExpectPresence(Expired{})
	for _, p := range []topic.Pattern[Expired]{Expiring("a"), glob("a*"), topic.All[Expired]()} {
		other := vmtest.Subscriber(inside, p)
		r.at(inside, After("a", time.Minute))
		other.Close(nil)
		r.pass(time.Minute)
		ears.ExpectMessages(Expired{"a", r.now})
	}
}

// A relay at the ground has nothing outside.
func TestRelayAtTheGround(t *testing.T) {
	m := vmtest.Run(t)
	m.AllowCrashes()
	p := vmtest.Subscriber(m, Expiring("a"))
	m.Perform(Relay("r"))
	p.ExpectNothing()
	if n := m.VM().Stats().Ended; n != 1 {
		t.Errorf("%d processes have ended", n)
	}
}

// A timer inside is handed over like any other.
func TestDR45Handover(t *testing.T) {
	r := newRig(t, nest("room", 2))
	heard := func(Expired) actions.Action { return actions.Send(Refused{Label: "heard"}) }
	second := actions.Stateless(endpoint.Subscriber(Expiring("a"), endpoint.OnMessage(heard)))
	ears := vmtest.Subscriber(r.place("room", 2), Refusing("heard"))
	r.at(r.place("room", 2), actions.Spawn(actions.Stateless(
		endpoint.Subscriber(Expiring("a")),
		After("a", time.Minute),
		actions.Yield(func(struct{}) actions.Transition[struct{}] {
			return actions.Stateless(actions.Spawn(second), actions.Quit())
		}),
	)))
	r.pass(time.Minute)
	ears.ExpectMessages(Refused{Label: "heard"})
}
