package drivertest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// The suite finds a relay that changes or loses what it carries.
func TestFlawedRelay(t *testing.T) {
	loud := func(level int) actions.Action {
		return actions.Group(relay(level), actions.Spawn(actions.Stateless(
			endpoint.Subscriber(topic.All[Loud](), endpoint.OnMessage(func(l Loud) actions.Action { return actions.Send(News(l)) })),
		)))
	}
	deaf := func(int) actions.Action { return nil }
	forgetful := func(int) actions.Action {
		return actions.Spawn(actions.Stateless(endpoint.ObserveSubscribers(topic.All[News](),
			endpoint.OnFirst(func(c News) actions.Action {
				return actions.AtMeta(endpoint.Subscriber(on(c.Station), endpoint.OnMessage(func(n News) actions.Action { return actions.Send(n) })).As(c.Station))
			}, Station))))
	}
	unreasonable := func(int) actions.Action {
		return actions.Spawn(actions.Stateless(
			relayed(func(n News) actions.Action { return actions.Send(n) }),
			actions.AtMeta(endpoint.ObservePublishers(topic.All[Tuned](),
				endpoint.OnPresence(func(t Tuned) actions.Action { return ready(t.Station) }),
				endpoint.OnAbsence(func(t Tuned, _ error) actions.Action { return actions.Delete(t.Station) }))),
		))
	}
	shouting := func(int) actions.Action {
		return actions.Spawn(actions.Stateless(
			relayed(func(n News) actions.Action { return actions.Send(News{n.Station, strings.ToUpper(n.Text)}) }),
			actions.AtMeta(endpoint.ObservePublishers(topic.All[Tuned](),
				endpoint.OnPresence(func(t Tuned) actions.Action { return ready(t.Station) }),
				endpoint.OnAbsence(func(t Tuned, reason error) actions.Action { return actions.Delete(t.Station).Because(reason) }))),
		))
	}
	for _, c := range []struct {
		law   string
		relay func(int) actions.Action
		want  string
	}{
		{"opens by demand and once", deaf, "nested 1 deep, behind relays: somebody has asked for thing 0, but the driver holds no device"},
		{"closes with the last demand", forgetful, "nested 1 deep, behind relays: the last user has left, but the driver still holds"},
		{"tells of a failure with its reason", unreasonable, "nested 1 deep, behind relays: thing 1 has failed, but what users are told has no reason"},
		{"tells what happens to those who asked", shouting, "nested 1 deep, behind relays: user 1, who wants 0 must be told"},
		{"does the same everywhere", shouting, "users hear something else nested 1 deep, behind relays than at the ground"},
	} {
		mustFail(t, c.law, func(t testing.TB) Driver {
			s := newStudio(t)
			d := subject(s, driver(s))
			d.Relay = c.relay
			return d
		}, c.want)
	}
	if r := attempt(t, "does the same everywhere", func(t testing.TB) Driver {
		s := newStudio(t)
		d := subject(s, driver(s))
		d.Relay = loud
		return d
	}); len(r.errors) > 0 {
		t.Errorf("a relay that does more than it must fails: %s", r.errors)
	}
}

// Loud is a message of a relay's own.
type Loud News

func relayed(pass func(News) actions.Action) actions.Action {
	return endpoint.ObserveSubscribers(topic.All[News](),
		endpoint.OnFirst(func(c News) actions.Action {
			return actions.AtMeta(endpoint.Subscriber(on(c.Station), endpoint.OnMessage(pass)).As(c.Station))
		}, Station),
		endpoint.OnLast(func(c News) actions.Action { return actions.AtMeta(actions.Delete(c.Station)) }, Station),
	)
}

// If a field of a Driver is missing, the tests fail if they all need it, and
// otherwise skip what needs it.
func TestIncompleteDrivers(t *testing.T) {
	without := func(leaveOut func(*Driver)) func(testing.TB) Driver {
		return func(t testing.TB) Driver {
			s := newStudio(t)
			d := subject(s, driver(s))
			leaveOut(&d)
			return d
		}
	}
	for _, c := range []struct {
		want     string
		leaveOut func(*Driver)
	}{
		{"Driver.Boot is nil: set it", func(d *Driver) { d.Boot = nil }},
		{"Driver.Demand is nil: set it", func(d *Driver) { d.Demand = nil }},
		{"Driver.Things is -1", func(d *Driver) { d.Things = -1 }},
		{"Driver.Patience is -1ns", func(d *Driver) { d.Patience = -1 }},
		{"but Driver.Open says that nothing is open outside", func(d *Driver) { d.Open = func() []string { return nil } }},
	} {
		mustFail(t, "opens by demand and once", without(c.leaveOut), c.want)
	}
	mustFail(t, "tells what happens to those who asked", without(func(d *Driver) {
		never := make(chan struct{})
		d.Happen = func(int, int) []any { <-never; return nil }
		d.Close = func() { close(never) }
	}), "Driver.Happen(0, 1) has not returned: nobody takes what happens outside")
	for law, leaveOut := range map[string]func(*Driver){
		"tells what happens to those who asked": func(d *Driver) { d.Happen = nil },
		"tells of a failure with its reason":    func(d *Driver) { d.Fail = nil },
	} {
		if r := attempt(t, law, without(leaveOut)); r.skipped == "" || len(r.errors) > 0 {
			t.Errorf("%s: not skipped, but fails: %s", law, r.errors)
		}
	}
	for _, l := range laws {
		if l.needs != nil {
			continue
		}
		r := attempt(t, l.name, without(func(d *Driver) { d.Happen, d.Fail, d.Open, d.Close, d.Ready, d.Things = nil, nil, nil, nil, nil, 0 }))
		if l.name == "shows that it is ready" {
			continue // with this driver, only Ready shows that
		}
		if r.skipped != "" || len(r.errors) > 0 {
			t.Errorf("%s: skipped %q, fails: %s", l.name, r.skipped, r.errors)
		}
	}
}

// blockForEver is the end of a goroutine.
func blockForEver(c chan struct{}) { <-c }

// A bubble in which something is blocked for ever fails the test, and not the
// program.
func TestBlockedForEver(t *testing.T) {
	r := new(report)
	func() {
		defer forgiveDeadlock(fake{t, r})
		synctest.Test(t, func(*testing.T) { go blockForEver(make(chan struct{})) })
	}()
	if len(r.errors) != 1 || !strings.Contains(r.errors[0], "goroutines are blocked for ever (deadlock: ") {
		t.Errorf("reported is %q", r.errors)
	}
	func() {
		defer func() {
			if p := recover(); p != "another panic" {
				t.Errorf("%v has come through", p)
			}
		}()
		defer forgiveDeadlock(fake{t, r})
		panic("another panic")
	}()
}

// If Happen returns no messages, they are not compared, but users must hear
// something.
func TestUnspokenMessages(t *testing.T) {
	for boot, fails := range map[bool]bool{true: false, false: true} {
		r := attempt(t, "tells what happens to those who asked", func(t testing.TB) Driver {
			s := newStudio(t)
			d := subject(s, driver(s))
			if !boot {
				d = subject(s, serving(s, "", func(r radio) actions.Action { return alike(r) }, silence))
			}
			happen := d.Happen
			d.Happen = func(i, n int) []any { happen(i, n); return nil }
			return d
		})
		if failed := len(r.errors) > 0; failed != fails {
			t.Errorf("fails: %v, want %v: %s", failed, fails, r.errors)
		}
	}
}

// The messages of a driver may wrap what they mean to users.
func TestMeans(t *testing.T) {
	meaning := func(n int) func(testing.TB) Driver {
		return func(t testing.TB) Driver {
			s := newStudio(t)
			d := subject(s, driver(s))
			happen := d.Happen
			d.Happen = func(i, number int) []any { return []any{happen(i, number)[0].(News).Text} }
			d.Means = func(m any) any { return m.(News).Text[n:] }
			return d
		}
	}
	Test(t, meaning(0))
	mustFail(t, "tells what happens to those who asked", meaning(1), "must be told")
}

// A Tally is a list of what was opened and not closed.
func TestTally(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var tally Tally
		type entry struct {
			name   string
			closed func()
		}
		var want, past []entry
		t.Repeat(map[string]func(*rapid.T){
			"open": func(t *rapid.T) {
				name := fmt.Sprint(rapid.IntRange(0, 2).Draw(t, "name"))
				want = append(want, entry{name, tally.Opened(name)})
			},
			"close": func(t *rapid.T) {
				if len(want) == 0 {
					t.Skip("there is none yet")
				}
				i := rapid.IntRange(0, len(want)-1).Draw(t, "which")
				want[i].closed()
				past = append(past, want[i])
				want = slices.Delete(want, i, i+1)
			},
			"close again": func(t *rapid.T) {
				if len(past) == 0 {
					t.Skip("there is none yet")
				}
				past[rapid.IntRange(0, len(past)-1).Draw(t, "which")].closed()
			},
			"": func(t *rapid.T) {
				names := []string{}
				for _, e := range want {
					names = append(names, e.name)
				}
				if got := tally.Open(); !slices.Equal(got, names) {
					t.Errorf("open are %q, want %q", got, names)
				}
			},
		})
	})
}
