package timer

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/world"
)

// The driver refuses a request that makes no sense, and tells the sender why.
// The driver goes on, and so do timers that were set before.
func TestNonsenseIsRefused(t *testing.T) {
	for _, tt := range []struct {
		send   actions.Action
		label  string
		reason error
	}{
		{actions.Send(Set{}), "", ErrNoLabel},
		{actions.Send(Set{After: time.Minute}), "", ErrNoLabel},
		{actions.Send(Cancel{}), "", ErrNoLabel},
		{actions.Send(Read{}), "", ErrNoLabel},
		{actions.Send(Set{Label: "a", At: noon, After: 1}), "a", ErrTwoTimes},
		{actions.Send(Set{Label: "a", At: noon, After: -1}), "a", ErrTwoTimes},
		{actions.Send(Set{Label: "a", Every: -1}), "a", ErrNegative},
		{actions.Send(Set{Label: "a", At: noon, Every: -time.Hour}), "a", ErrNegative},
		{After("b", time.Hour), "b", ErrNobodyWaits},
		{At("b", noon), "b", ErrNobodyWaits},
		{Every("b", time.Hour), "b", ErrNobodyWaits},
	} {
		r := newRig(t)
		vmtest.Subscriber(r, Expiring("a"))
		refused, others := vmtest.Subscriber(r, Refusing(tt.label)), vmtest.Subscriber(r, Refusing(tt.label+"?"))
		r.do(After("a", time.Minute))
		r.do(tt.send)
		refused.ExpectMessages(Refused{tt.label, tt.reason})
		refused.ExpectNothing()
		others.ExpectNothing()
		r.pass(time.Minute)
		r.expect("a")
		r.expectClosed()
	}
}

// A journal can restore the reasons.
func TestReasonsSurviveReduction(t *testing.T) {
	for _, err := range []error{ErrNobodyWaits, ErrNoLabel, ErrTwoTimes, ErrNegative} {
		if reduced := world.Reduce(err); !errors.Is(reduced, err) {
			t.Errorf("%v is reduced to %#v", err, reduced)
		}
		if text := err.Error(); !strings.HasPrefix(text, "timer: ") || strings.Count(text, ": ") < 2 || !strings.Contains(text, "; ") {
			t.Errorf("%s", text)
		}
	}
}

// A timer can have an extreme time.
func TestExtremeTimes(t *testing.T) {
	r := newRig(t, everybody())
	const longest = time.Duration(1<<63 - 1)
	r.do(
		After("far", longest),
		At("farther", time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)),
		Every("often", longest),
		At("long ago", time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC)),
		actions.Send(Set{Label: "since long ago", At: time.Date(1, 1, 1, 0, 0, 0, 2, time.UTC), Every: time.Hour}),
		After("negative", -longest-1),
	)
	r.expect("long ago", "since long ago", "negative")
	r.pass(time.Hour)
	r.expect("since long ago")
	r.do(Stop("since long ago"))
	r.pass(longest)
	r.expect("far", "often")
	r.now = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	r.play()
	r.expect("often", "farther")
}

// slippery is a clock that cannot be compared.
type slippery struct {
	world.Clock
	_ []int
}

func TestMistakesPanic(t *testing.T) {
	for name, mistake := range map[string]func(){
		"DriverOn with a nil":                  func() { DriverOn(nil) },
		"DriverOn with a timer.slippery":       func() { DriverOn(slippery{}) },
		"After with an empty label":            func() { After("", 1) },
		"At with an empty label":               func() { At("", noon) },
		`At("a") with the zero time`:           func() { At("a", time.Time{}) },
		"Every with an empty label":            func() { Every("", 1) },
		`Every("a", 0s): the interval must be`: func() { Every("a", 0) },
		`Every("a", -1ns)`:                     func() { Every("a", -1) },
		"Stop with an empty label":             func() { Stop("") },
		"Now with an empty label":              func() { Now("") },
	} {
		func() {
			defer func() {
				text := fmt.Sprint(recover())
				if !strings.HasPrefix(text, "timer: ") || !strings.Contains(text, name) || !strings.Contains(text[len("timer: "):], ": ") {
					t.Errorf("%s: the panic says: %s", name, text)
				}
			}()
			mistake()
		}()
	}
}

var _ topic.Key[Refused] = RefusedLabel
