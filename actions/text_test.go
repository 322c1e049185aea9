package actions_test

import (
	"errors"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A password hides what it is, also where it is in a field that is not exported.
type password string

func (password) String() string { return "***" }

type login struct {
	User     string
	password password
}

// Each kind of event has a text of its own (Issue 9.12).
func TestEventText(t *testing.T) {
	no := errors.New("no")
	peer := topic.Role{Orientation: topic.Subscriber, Topic: topic.All[login]().Topic()}
	for _, tt := range []struct {
		ev   actions.Event
		want string
	}{
		{actions.Event{Kind: actions.Delivery, Message: topic.MessageOf(3)}, "message 3"},
		{actions.Event{Kind: actions.Delivery, Message: topic.MessageOf(3), Peer: topic.Role{Orientation: topic.Subscriber}}, "feedback 3"},
		{actions.Event{Kind: actions.Presence, Peer: peer}, "presence of subscriber of actions_test.login{}"},
		{actions.Event{Kind: actions.Absence, Peer: peer, Reason: no}, "absence of subscriber of actions_test.login{} (no)"},
		{actions.Event{Kind: actions.First, Peer: peer}, "first of subscriber of actions_test.login{}"},
		{actions.Event{Kind: actions.Last, Peer: peer}, "last of subscriber of actions_test.login{}"},
		{actions.Event{Kind: actions.Value, Value: 3}, "value 3"},
		{actions.Event{Kind: actions.Value, Value: login{"tony", "hunter2"}}, `value actions_test.login{User: "tony", password: ***}`},
		{actions.Event{Kind: actions.Ended}, "end"},
		{actions.Event{Kind: actions.Ended, Reason: no}, "end (no)"},
		{actions.Event{Kind: actions.Refused, Value: "x", Reason: no}, `refused "x" (no)`},
		{actions.Event{Kind: actions.Done, Value: 3}, "done 3"},
		{actions.Event{Kind: actions.Done, Value: login{"tony", "hunter2"}}, `done actions_test.login{User: "tony", password: ***}`},
		{actions.Event{Kind: actions.EventKind(actions.EventKinds)}, "unknown"},
	} {
		if got := tt.ev.String(); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
	seen := map[string]actions.EventKind{}
	for k := range actions.EventKind(actions.EventKinds) {
		if other, ok := seen[k.String()]; ok || k.String() == "unknown" {
			t.Errorf("kinds %d and %d are both %q", other, k, k)
		}
		seen[k.String()] = k
	}
}

// The texts of actions hide what the types of values hide (Issue 9.12).
func TestActionText(t *testing.T) {
	no := errors.New("no")
	d := world.Alarm{Label: "tea"}
	role := topic.Role{Topic: topic.All[login]().Topic()}
	for _, tt := range []struct {
		a    interface{ String() string }
		want string
	}{
		{actions.AddEndpoint{Role: role}, "add publisher of actions_test.login{}"},
		{actions.AddEndpoint{ID: password("hunter2"), Role: role}, "add publisher of actions_test.login{} (***)"},
		{actions.ReplaceEndpoint{AddEndpoint: actions.AddEndpoint{ID: "it", Role: role}}, `replace ("it") by publisher of actions_test.login{}`},
		{actions.DeleteEndpoint{ID: login{"tony", "hunter2"}, Reason: no}, `delete (actions_test.login{User: "tony", password: ***}) (no)`},
		{actions.Send(login{"tony", "hunter2"}), `send actions_test.login{User: "tony", password: "***"}`},
		{(*actions.SendMessage)(nil), "send nothing"},
		{actions.SpawnProcess{Name: "x"}, "spawn x"},
		{actions.QuitProcess{Reason: no}, "quit (no)"},
		{actions.QuitProcess{PID: 3}, "kill 3"},
		{actions.OpenDevice{Device: d}, `open world.Alarm(nil, 0ns, "tea")`},
		{actions.OpenDevice{}, "open no device"},
		{actions.TellDevice{Device: d, Command: login{"tony", "hunter2"}}, `tell world.Alarm(nil, 0ns, "tea") actions_test.login{User: "tony", password: ***}`},
		{actions.CloseDevice{Device: d}, `close world.Alarm(nil, 0ns, "tea")`},
		{actions.FlowControl{Device: d, Paused: true}, `pause world.Alarm(nil, 0ns, "tea")`},
		{actions.FlowControl{Device: d}, `resume world.Alarm(nil, 0ns, "tea")`},
	} {
		if got := tt.a.String(); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}
