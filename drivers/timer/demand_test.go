package timer

import (
	"errors"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
)

func glob(pattern string) topic.Pattern[Expired] { return topic.Where(topic.Glob(Label, pattern)) }

// DR-47, B-D16: a timer ends with the last endpoint that waits for it, whatever
// else the endpoint waits for.
func TestBD16ATimerEndsWithThoseWhoWait(t *testing.T) {
	patterns := map[string]topic.Pattern[Expired]{
		"label": Expiring("a"),
		"glob":  glob("a*"),
		"globs": topic.Where(topic.Glob(Label, "a*"), topic.Glob(Label, "*a")),
		"all":   topic.All[Expired](),
	}
	for name, p := range patterns {
		for second, q := range patterns {
			t.Run(name+" and "+second, func(t *testing.T) {
				r := newRig(t)
				one, other := vmtest.Subscriber(r, p), vmtest.Subscriber(r, q)
				elsewhere := vmtest.Subscriber(r, Expiring("b"))
				r.do(After("a", time.Minute), After("b", time.Minute))
				one.Close(nil)
				r.play()
				if r.held() == nil {
					t.Fatal("the ticker was closed")
				}
				r.pass(30 * time.Second)
				r.do(After("a", 31*time.Second))
				other.Close(nil)
				r.play()
				r.pass(30 * time.Second)
				r.expect("b")
				r.expectClosed()
				again := vmtest.Subscriber(r, Expiring("a"))
				again.ExpectPresence(Expired{Label: "a"})
				r.pass(time.Hour)
				again.ExpectNothing()
				elsewhere.Close(nil)
			})
		}
	}
}

// A process that crashes ends its timers, while they wait for a reading, too.
func TestDR47ACrashEndsTimers(t *testing.T) {
	r := newRig(t)
	r.AllowCrashes()
	type crash struct{ With error }
	r.do(actions.Spawn(actions.Stateless(
		endpoint.Subscriber(glob("mine *")),
		endpoint.Subscriber(Expiring("also mine")),
		endpoint.Subscriber(topic.All[crash](), endpoint.OnMessage(func(c crash) actions.Action { panic(c.With) })),
		After("mine 1", time.Minute), After("mine 2", time.Hour), Every("also mine", time.Second),
	)))
	r.do(After("mine 3", time.Minute))
	r.Perform(After("mine 4", time.Minute), Now("x"), actions.Send(crash{errors.New("oops")}))
	r.play()
	r.expectClosed()
	r.pass(time.Hour)
	r.expect()
}

// A timer that ends while the clock is being opened leaves nothing open.
func TestDR47EndWhileOpening(t *testing.T) {
	for _, set := range []actions.Action{After("a", time.Minute), At("a", noon.Add(time.Minute))} {
		for _, then := range []actions.Action{nil, After("aa", time.Minute), At("aa", noon.Add(time.Minute))} {
			r := newRig(t)
			p := vmtest.Subscriber(r, glob("*a"))
			r.Perform(set)
			r.Perform(then)
			r.held().ExpectNothing()
			p.Close(nil)
			r.expectClosed()
		}
	}
}

// A process that has asked for the time is told, whatever happens to the timers
// that were set with the same reading.
func TestBD17ReadingsStayWhenTimersEnd(t *testing.T) {
	r := newRig(t)
	clock := vmtest.Subscriber(r, Telling("clock"))
	clock.ExpectPresence(Time{Label: "clock"})
	p := vmtest.Subscriber(r, glob("*a"))
	r.Perform(After("a", time.Minute), Now("clock"))
	r.Perform(After("aa", time.Minute), Now("clock"))
	p.Close(nil)
	r.play()
	clock.ExpectMessages(Time{"clock", noon}, Time{"clock", noon})
	r.expectClosed()
}

// A timer that is handed from one process to another goes on.
func TestDR47Handover(t *testing.T) {
	r := newRig(t)
	for _, p := range []topic.Pattern[Expired]{Expiring("a"), glob("a*"), topic.All[Expired]()} {
		r.do(actions.Spawn(actions.Stateless(
			endpoint.Subscriber(p),
			After("a", time.Minute),
			actions.Yield(func(struct{}) actions.Transition[struct{}] {
				return actions.Stateless(
					actions.Spawn(actions.Stateless(endpoint.Subscriber(p,
						endpoint.OnMessage(func(Expired) actions.Action { return actions.Quit() })))),
					actions.Quit(),
				)
			}),
		)))
		r.pass(time.Minute)
		r.expect("a")
		r.expectClosed()
	}
}

// Those who only watch do not count: the spy of the rig does not, and neither do
// observers of subscribers, nor those who hear nothing.
func TestDR47ThoseWhoWatchDoNotCount(t *testing.T) {
	r := newRig(t)
	vmtest.New(r, topic.Subscriber, topic.Everything, topic.Any)
	vmtest.ObservePublishers(r, Expiring("a"))
	vmtest.ObserveSubscribers(r, Expiring("a"))
	vmtest.Publisher(r, Expiring("a"))
	refused := vmtest.Subscriber(r, Refusing("a"))
	r.do(After("a", time.Minute))
	refused.ExpectMessages(Refused{"a", ErrNobodyWaits})
	r.expectClosed()
}

// A subscriber that pins more than the label still waits for the label. One
// that pins no label waits for all.
func TestDR47OtherFieldsDoNotCount(t *testing.T) {
	r := newRig(t)
	when := topic.FieldOf(func(e *Expired) *time.Time { return &e.Now })
	p := vmtest.Subscriber(r, topic.Where(Label.Is("a"), when.Is(noon.Add(time.Minute))))
	q := vmtest.Subscriber(r, topic.Where(when.Is(noon)))
	r.do(After("a", time.Minute), After("b", time.Minute))
	r.pass(time.Minute)
	p.ExpectPresence(Expired{"a", noon.Add(time.Minute)})
	p.ExpectMessages(Expired{"a", noon.Add(time.Minute)})
	q.ExpectPresence(Expired{Now: noon})
	q.ExpectNothing()
}

// Processes can share a label, and then share the timer.
func TestDR47SharedLabel(t *testing.T) {
	r := newRig(t)
	one, other := vmtest.Subscriber(r, Expiring("a")), vmtest.Subscriber(r, Expiring("a"))
	one.ExpectPresence(Expired{Label: "a"})
	other.ExpectPresence(Expired{Label: "a"})
	r.do(After("a", time.Minute))
	one.Close(nil)
	r.pass(time.Minute)
	other.ExpectMessages(Expired{"a", r.now})
	r.expect("a")
	one.ExpectNothing()
}
