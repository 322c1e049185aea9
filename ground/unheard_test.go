package ground_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// broken is a device that cannot be opened.
func broken() world.Device {
	s := newStage()
	s.fails = errBoom
	return puppet{"broken", s}
}

// Issue 9.8: the end of a device with a reason is a warning where its holder has
// no handler for it, or passes the reason on and nobody hears it.
func TestDefaultLogDeviceEnds(t *testing.T) {
	held := func() actions.Action { return endpoint.Device(broken()) }
	told := func() actions.Action {
		return endpoint.Device(broken(), endpoint.OnEnded(func(error) actions.Action { return nil }))
	}
	passed := func(change func(error) error) actions.Action {
		return actions.Group(endpoint.Publisher(topic.All[claim]()).As("claims"), endpoint.Device(broken(), endpoint.OnEnded(func(reason error) actions.Action {
			return actions.Delete("claims").Because(change(reason))
		})))
	}
	same := func(reason error) error { return reason }
	hears := actions.Spawn(actions.Stateless(endpoint.ObservePublishers(topic.All[claim](),
		endpoint.OnAbsence(func(claim, error) actions.Action { return nil }))))
	ignores := actions.Spawn(actions.Stateless(endpoint.ObservePublishers(topic.All[claim](),
		endpoint.OnAbsence(func(claim, error) actions.Action { return nil }).IgnoringReason())))
	for name, tt := range map[string]struct {
		holder, other actions.Action
		want          string
	}{
		"no handler":         {held(), nil, `what="device puppet broken" reason=`},
		"handler":            {told(), nil, ""},
		"passed to nobody":   {passed(same), nil, `what="publisher of ground_test.claim{`},
		"passed to one":      {passed(same), hears, ""},
		"passed to the deaf": {passed(same), ignores, `reason=`},
		"reason of its own":  {passed(func(error) error { return errors.New("renamed") }), nil, ""},
		"inside":             {actions.Spawn(vm.Nested(passed(same))), nil, `path=4/1 name=boot what="publisher of ground_test.claim{`},
	} {
		t.Run(name, func(t *testing.T) {
			log := byDefault(t, actions.Spawn(actions.Stateless()), actions.Group(tt.other), actions.Spawn(actions.Stateless(tt.holder)).Named("holder"))
			if tt.want == "" && log != "" || !strings.Contains(log, tt.want) || strings.Count(log, "a reason that nobody hears") > 1 {
				t.Errorf("want %q, got\n%s", tt.want, log)
			}
		})
	}
}

// TestDefaultLogOrphans: that a process ends with the one to which it is bound is a warning
// only if that one has ended for a reason.
func TestDefaultLogOrphans(t *testing.T) {
	bound := actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[claim]()))).Named("bound").
		Monitored(endpoint.Monitor(0, func(actions.PID, error) actions.Action { return nil }).Binding())
	for want, reason := range map[string]error{"": nil, "the process to which this one was bound has ended: boom": errBoom} {
		log := byDefault(t, actions.Spawn(actions.Stateless()), actions.Spawn(actions.Stateless(bound, actions.Yield(
			func(s struct{}) actions.Transition[struct{}] { return actions.Next(s, actions.Fail(reason)) }))))
		if want == "" && log != "" || !strings.Contains(log, want) {
			t.Errorf("want %q, got\n%s", want, log)
		}
	}
}
