package actions_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/internal/text"
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
		{actions.Event{Kind: actions.Delivery, Message: topic.MessageOf(3)}, "3"},
		{actions.Event{Kind: actions.Delivery, Message: topic.MessageOf(login{"tony", "hunter2"})}, `actions_test.login{User: "tony", password: ***}`},
		{actions.Event{Kind: actions.Presence, Peer: peer}, "presence of subscriber of actions_test.login{}"},
		{actions.Event{Kind: actions.Presence, Peer: peer, Self: true}, "presence of subscriber of actions_test.login{} in itself"},
		{actions.Event{Kind: actions.Absence, Peer: peer, Reason: no}, "absence of subscriber of actions_test.login{}: no"},
		{actions.Event{Kind: actions.First, Peer: peer}, "first of subscriber of actions_test.login{}"},
		{actions.Event{Kind: actions.Last, Peer: peer}, "last of subscriber of actions_test.login{}"},
		{actions.Event{Kind: actions.Value, Value: 3}, "value 3"},
		{actions.Event{Kind: actions.Value, Value: login{"tony", "hunter2"}}, `value actions_test.login{User: "tony", password: ***}`},
		{actions.Event{Kind: actions.Ended}, "end"},
		{actions.Event{Kind: actions.Ended, Reason: no}, "end: no"},
		{actions.Event{Kind: actions.Failed, Value: "x", Reason: no}, `failed "x": no`},
		{actions.Event{Kind: actions.Done, Value: 3}, "done 3"},
		{actions.Event{Kind: actions.Down, Value: actions.PID(3)}, "down of 3"},
		{actions.Event{Kind: actions.Down, Value: actions.PID(3), Reason: errors.New("no more")}, "down of 3: no more"},
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

// Each action has a text, which hides what the types of values hide (Issue 9.12).
func TestActionText(t *testing.T) {
	no := errors.New("no")
	d := world.Alarm{Label: "tea"}
	e := actions.AddEndpoint{Role: topic.Role{Topic: topic.All[login]().Topic()}}
	named := e
	named.ID = "me"
	secret := e
	secret.ID = password("hunter2")
	for _, tt := range []struct {
		a    actions.Action
		want string
	}{
		{actions.Send(1), "send 1"},
		{actions.Feedback("x"), `feedback "x"`},
		{actions.Send(login{"tony", "hunter2"}), `send actions_test.login{User: "tony", password: ***}`},
		{(*actions.SendMessage)(nil), "send nil"},
		{e, "open publisher of actions_test.login{}"},
		{named, `open publisher of actions_test.login{} as "me"`},
		{secret, "open publisher of actions_test.login{} as ***"},
		{actions.ReplaceEndpoint{AddEndpoint: named}, `replace by publisher of actions_test.login{} as "me"`},
		{actions.DeleteEndpoint{ID: login{"tony", "hunter2"}, Reason: no}, `delete endpoint actions_test.login{User: "tony", password: ***}: no`},
		{actions.Spawn(actions.Stateless()), "spawn"},
		{actions.SpawnProcess{Name: "x"}, "spawn x"},
		{actions.Quit(), "quit"},
		{actions.Fail(no), "fail: no"},
		{actions.Kill(3, no), "kill 3: no"},
		{actions.QuitProcess{PID: 3}, "kill 3"},
		{actions.Monitor(3, nil), "monitor 3"},
		{actions.Unmonitor(3), "unmonitor 3"},
		{actions.Yield(func(s int) actions.Transition[int] { return actions.Next(s) }), "yield"},
		{actions.Fresh(func(s int, _ actions.EndpointID) actions.Transition[int] { return actions.Next(s) }), "fresh name"},
		{actions.OpenDevice{Device: d}, `hold world.Alarm(nil, 0ns, "tea")`},
		{actions.OpenDevice{Device: d}.StartPaused(), `hold world.Alarm(nil, 0ns, "tea"), paused`},
		{actions.OpenDevice{}, "hold no device"},
		{actions.TellDevice{Device: d, Command: login{"tony", "hunter2"}}, `tell world.Alarm(nil, 0ns, "tea"): actions_test.login{User: "tony", password: ***}`},
		{actions.Close(d), `close world.Alarm(nil, 0ns, "tea")`},
		{actions.Pause(d), `pause world.Alarm(nil, 0ns, "tea")`},
		{actions.Resume(d), `resume world.Alarm(nil, 0ns, "tea")`},
		{actions.AtMeta(actions.Send(1), actions.AtMeta(actions.Quit())), "at meta: send 1; at meta: quit"},
		{actions.Tree{nil, actions.Tree{actions.Send(1)}, actions.Quit()}, "send 1; quit"},
		{actions.Tree{}, ""},
		{actions.Fail(errors.New("no\nmore")), `fail: no\nmore`},
	} {
		if got := fmt.Sprint(tt.a); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

// The text of an action of any size is bounded.
func TestActionTextLimits(t *testing.T) {
	describe := func(a actions.Action) func(*text.Writer) {
		return func(w *text.Writer) { actions.Describe(w, a) }
	}
	var many actions.Tree
	var deep actions.Action = actions.Quit()
	for range 100000 {
		many = append(many, actions.Send("x"))
		deep = actions.MetaLevel{Action: deep}
	}
	p := text.Printer{Limits: text.Limits{Parts: 3, Depth: 2}}
	for _, tt := range []struct {
		p    text.Printer
		a    actions.Action
		want string
	}{
		{text.Printer{}, nil, "nothing"},
		{p, many, `send "x"; send "x"; send "x"; … 99997 more`},
		{p, deep, "at meta: at meta: …"},
		{text.Printer{}, deep, strings.Repeat("at meta: ", 12) + "…"},
		{p, actions.AtMeta(actions.Send("x"), actions.Quit()), `at meta: send "x"; quit`},
		{text.Printer{Limits: text.Limits{Bytes: 20}}, many, `send "x"; send "x"; send …; … 99997 more`},
		{text.Printer{Limits: text.Limits{Bytes: 9}}, actions.AtMeta(many), "at meta: … 100000 more"},
		{text.Printer{Limits: text.Limits{Bytes: 10}}, actions.Send(strings.Repeat("x", 1000)), `send "xxxxx"… 995 more`},
		{text.Printer{Limits: text.Limits{Bytes: 10}}, actions.SpawnProcess{Name: strings.Repeat("x", 1000)}, "spawn xxxx… 996 more"},
	} {
		if got := tt.p.Text(describe(tt.a)); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
		if got := tt.p.Line(describe(tt.a)).String(); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

// A description has the role, the name, the device, the value and the reason in
// pieces of their own.
func TestActionPieces(t *testing.T) {
	e := endpoint.Subscriber(topic.All[login]()).As("me")
	for _, tt := range []struct {
		a    actions.Action
		want string
	}{
		{e, `open  | topic: subscriber of actions_test.login{} |  as  | name: "me"`},
		{actions.Delete("me").Because(errors.New("no")), `delete endpoint |   | name: "me" | :  | reason: no`},
		{actions.Tell(world.Alarm{Label: "x"}, 3), `tell  | device: world.Alarm(nil, 0ns, "x") | :  | command: 3`},
		{actions.Send(login{User: "x"}), `send  | message: actions_test.login{User: "x", password: ***}`},
		{actions.SpawnProcess{Name: "x"}, "spawn |   | name: x"},
	} {
		var pieces []string
		for _, piece := range (text.Printer{}).Line(func(w *text.Writer) { actions.Describe(w, tt.a) }) {
			s := piece.String()
			if piece.Of != "" {
				s = piece.Of + ": " + s
			}
			pieces = append(pieces, s)
		}
		if got := strings.Join(pieces, " | "); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}
