package drivertest

import (
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
)

// A law is a promise that drivers keep.
type law struct {
	name  string                     // of the subtest
	needs func(Driver) string        // says why the law does not apply to a driver, or ""
	check func(t *trial, in []place) // checks it in all places in which the driver has to work
}

// laws are all promises, in the order in which Test tries them.
var laws = []law{
	{"opens nothing unless asked", nil, everywhere(opensNothingUnlessAsked)},
	{"opens by demand and once", nil, everywhere(opensByDemand)},
	{"serves those who were there before it", nil, servesEarlyDemand},
	{"closes with the last demand", nil, everywhere(closesWithTheLast)},
	{"closes after a demand that is gone at once", nil, everywhere(closesAfterBrief)},
	{"closes after a user has crashed", nil, everywhere(closesAfterCrash)},
	{"opens again what was closed", nil, everywhere(opensAgain)},
	{"shows that it is ready", nil, everywhere(showsReadiness)},
	{"tells what happens to those who asked", needsHappen, everywhere(tellsWhatHappens)},
	{"tells of a failure with its reason", needsFail, everywhere(tellsOfFailure)},
	{"lets the machine end", nil, everywhere(letsTheMachineEnd)},
	{"leaves nothing behind", nil, everywhere(everything)},
	{"can be stopped at any moment", nil, canBeStopped},
	{"does the same everywhere", nil, doesTheSameEverywhere},
	{"is pure on its machine side", nil, isPure},
	{"has devices with good names and values", nil, namesItsDevices},
	{"has devices that can be closed at any time", nil, devicesCanBeClosed},
	{"has devices that can be closed while they are stuck", needsStuck, stuckDevicesCanBeClosed},
}

func needsHappen(d Driver) string {
	if d.Happen == nil {
		return "Driver.Happen is nil: nothing can be made to happen outside"
	}
	return ""
}

func needsFail(d Driver) string {
	if d.Fail == nil {
		return "Driver.Fail is nil: nothing can be made to fail"
	}
	return ""
}

func needsStuck(d Driver) string {
	if d.Stuck == nil {
		return "Driver.Stuck is nil: no device can be made to wait in Do"
	}
	return ""
}

// A trial is the test of one law on one driver.
type trial struct {
	testing.TB
	fresh  func(testing.TB) Driver
	bubble func(func(testing.TB)) // calls a function in a bubble of its own
}

// try tries the law, or skips it.
func (l law) try(t *trial) {
	t.Helper()
	var in []place
	inapplicable := ""
	t.bubble(func(tb testing.TB) {
		d := t.fresh(tb).settings(tb)
		in = places(d)
		if l.needs != nil {
			inapplicable = l.needs(d)
		}
		d.Close()
	})
	if inapplicable != "" {
		t.Skip("drivertest: " + inapplicable)
	}
	l.check(t, in)
}

// everywhere turns a script that states its expectations into a check.
func everywhere(script func(*stage)) func(*trial, []place) {
	return func(t *trial, in []place) {
		t.Helper()
		for _, p := range in {
			t.play(p, script)
		}
	}
}

// play runs a script from beginning to end.
func (t *trial) play(p place, script func(*stage)) {
	t.Helper()
	t.stage(p, func(s *stage) {
		s.Helper()
		s.start()
		script(s)
		if !s.done {
			s.finish()
		}
	})
}

// stage calls a function with a stage for a fresh driver, in a bubble.
func (t *trial) stage(p place, f func(*stage)) {
	t.Helper()
	t.bubble(func(tb testing.TB) {
		tb.Helper()
		s := newStage(tb, t.fresh(tb), p)
		defer s.abandon()
		f(s)
	})
}

// expectOpen fails the test if nothing is open.
func (s *stage) expectOpen(why string) {
	s.Helper()
	if open := s.watch.openNow(); len(open) == 0 {
		s.fatalf("%s, but the driver holds no device", why)
	}
	if open := s.driver.Open(); len(open) == 0 && !s.driver.blind {
		s.fatalf("%s, and the driver holds %s, but Driver.Open says that nothing is open outside: so it could not tell if something were left there",
			why, list(s.watch.openNow()))
	}
}

// expectClosed fails the test if something is open.
func (s *stage) expectClosed(why string) {
	s.Helper()
	if open := s.watch.openNow(); len(open) > 0 {
		s.fatalf("%s, but the driver still holds %s", why, list(open))
	}
	if open := s.driver.Open(); len(open) > 0 {
		s.fatalf("%s, and the driver has closed its devices, but outside is still open: %s", why, list(open))
	}
}

// expectTold fails the test unless a user has heard the messages or, if told is
// false, anything.
func (u *user) expectTold(messages []any, told bool) {
	u.s.Helper()
	heard := u.heard()
	if !told {
		if len(heard) == 0 {
			u.s.fatalf("something has happened that %s must hear of, but it has heard nothing", u.name)
		}
		return
	}
	var got []any
	for _, e := range heard {
		if e.kind == actions.Delivery {
			got = append(got, e.message)
		}
	}
	if !slices.EqualFunc(got, messages, func(a, b any) bool { return reflect.DeepEqual(a, b) }) {
		u.s.fatalf("%s must be told\n\t%+v\nbut has been told\n\t%+v", u.name, messages, got)
	}
}

// expectSilence fails the test if a user has heard anything.
func (u *user) expectSilence(why string) {
	u.s.Helper()
	if heard := u.heard(); len(heard) > 0 {
		u.s.fatalf("%s, but %s has heard something: %s", why, u.name, heard[0].text)
	}
}

// presences returns how many of the events say that somebody else has come, and
// how many that somebody has gone.
func presences(events []event) (came, went int) {
	for _, e := range events {
		switch {
		case e.self:
		case e.kind == actions.Presence:
			came++
		case e.kind == actions.Absence:
			went++
		}
	}
	return came, went
}

// complaint returns the first of the events that says that somebody has gone for
// a reason, or else the first that says that somebody has gone.
func complaint(events []event) (e event, ok bool) {
	for _, reasoned := range []bool{true, false} {
		for _, e := range events {
			if e.kind == actions.Absence && !e.self && (e.reason != nil) == reasoned {
				return e, true
			}
		}
	}
	return event{}, false
}

// matches reports whether a reason is the one that a test wants.
func matches(reason, want error) bool {
	return reason != nil && (want == nil || errors.Is(reason, want))
}
