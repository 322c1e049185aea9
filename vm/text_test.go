package vm_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/internal/text"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// The ways in which a type can hide its content.
type (
	byString   string
	byFormat   string
	byLogValue string
	byGoString string
	byError    string
	byPointer  string
)

func (byString) String() string             { return "***" }
func (byFormat) Format(s fmt.State, _ rune) { io.WriteString(s, "***") }
func (byLogValue) LogValue() slog.Value     { return slog.StringValue("***") }
func (byGoString) GoString() string         { return "***" }
func (byError) Error() string               { return "***" }
func (*byPointer) String() string           { return "***" }

// An access is a message, a value and a command with secrets in it.
type access struct {
	User  string
	a     byString
	b     byFormat
	c     byLogValue
	d     byGoString
	e     byError
	f     byPointer
	Token byString
}

var accessToken = topic.FieldOf(func(a *access) *byString { return &a.Token })

// A denial is a reason that shows less in logs.
type denial struct{ token string }

func (d denial) Error() string        { return "denied: " + d.token }
func (d denial) LogValue() slog.Value { return slog.StringValue("denied: ***") }

func anAccess(secret string) access {
	return access{"tony", byString(secret), byFormat(secret), byLogValue(secret), byGoString(secret), byError(secret), byPointer(secret), byString(secret)}
}

// secretive returns a machine with records of all kinds.
func secretive(secret string) *vm.Machine {
	a := anAccess(secret)
	about := topic.Where(accessToken.Is(a.Token))
	door := hand{"door"}
	return vm.New(
		actions.Spawn(actions.Stateless(endpoint.Subscriber(about, endpoint.OnMessage(func(access) actions.Action { return actions.Fail(denial{secret}) })).As(a.Token))).Named("guard"),
		actions.Spawn(actions.Stateless(endpoint.ObserveSubscribers(about, endpoint.OnAbsence(func(access, error) actions.Action { return nil })).As("log"))).Named("log"),
		actions.Spawn(vm.Nested(actions.Spawn(actions.Stateless(
			endpoint.Device(door, endpoint.OnValue(func(a access) actions.Action {
				return actions.Group(actions.Tell(door, a), actions.AtMeta(actions.Send(a), endpoint.Publisher(about)), actions.Pause(door))
			}), endpoint.OnEnded(func(error) actions.Action { panic("no more") })),
			actions.Send(a),
			actions.Delete("nothing"),
		)).Named("porter"))).Named("inside"),
	)
}

// play applies inputs to m, and returns the texts of its records.
func play(m *vm.Machine, secret string, show func(*vm.Record)) {
	m.Watch(vm.AllRecords, show)
	var commands []vm.Command
	apply := func(in vm.Input) { commands = append(commands, m.Apply(in)...) }
	apply(vm.Input{Kind: vm.Start})
	at := commands[0].Address
	apply(vm.Input{Kind: vm.Value, Address: at, Value: anAccess(secret)})
	apply(vm.Input{Kind: vm.Failed, Address: at, Value: anAccess(secret), Err: world.Reduce(io.ErrShortWrite)})
	apply(vm.Input{Kind: vm.End, Address: at, Err: world.Reduce(errors.New("no\nmore"))})
	apply(vm.Input{Kind: vm.Value, Address: at, Value: anAccess(secret)})
}

const secretiveTrace = `> start
1 boot: spawned
1 boot: spawn guard
2 guard: spawned
1 boot: spawn log
3 log: spawned
1 boot: spawn inside
4/1 boot: spawned
4 inside: spawned
1 boot: collected
2 guard: open subscriber of ABOUT as ***
3 log: open publisher (observer) of ABOUT as "log"
3 log: hears presence of subscriber of ABOUT at publisher (observer) of ABOUT as "log"
4/1 boot: spawn porter
4/2 porter: spawned
4/1 boot: collected
4/2 porter: hold hand door
< open hand door for 4/2
4/2 porter: send ACCESS
4/2 porter: undelivered: send ACCESS
4/2 porter: delete endpoint "nothing"
4/2 porter: ignored: delete endpoint "nothing"
> value of hand door for 4/2: ACCESS
4/2 porter: hears value ACCESS
4/2 porter: tell hand door: ACCESS
< tell hand door for 4/2: ACCESS
4/2 porter: at meta: send ACCESS; open publisher of ABOUT
4/2 porter: pause hand door
< pause hand door for 4/2
4 inside: send ACCESS
2 guard: hears ACCESS at subscriber of ABOUT as ***
4 inside: open publisher of ABOUT
2 guard: hears presence of publisher of ABOUT at subscriber of ABOUT as ***
4/2 porter: hears presence of subscriber of ABOUT at publisher of ABOUT
2 guard: fail: denied: ***
2 guard: ended: denied: ***
3 log: hears absence of subscriber of ABOUT: denied: *** at publisher (observer) of ABOUT as "log"
4/2 porter: hears absence of subscriber of ABOUT: denied: *** at publisher of ABOUT
> failed of hand door for 4/2: ACCESS: short write
4/2 porter: hears failed ACCESS: short write
> end of hand door for 4/2: no\nmore
4/2 porter: hears end: no\nmore
4/2 porter: crashed: vm: panic: no more
4/2 porter: fail: vm: panic: no more
4/2 porter: ended: vm: panic: no more
4 inside: delete endpoint: vm: panic: no more
4 inside: collected
> value of hand door for 4/2: ACCESS
late: value of hand door for 4/2: ACCESS
`

// The text of a record, an input and a command is one line, and hides what the types
// of the values hide (Issue 9.12).
func TestRecordText(t *testing.T) {
	want := strings.NewReplacer(
		"ACCESS", "vm_test.access{User: \"tony\", a: ***, b: ***, c: ***, d: ***, e: ***, f: ***, Token: ***}",
		"ABOUT", "vm_test.access{Token: \"***\"}",
	).Replace(secretiveTrace)
	var got strings.Builder
	play(secretive("hunter2"), "hunter2", func(r *vm.Record) { fmt.Fprintln(&got, r) })
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Error(diff)
	}
	failed := text.Printer{}.Line((&vm.Input{Kind: vm.Failed, Address: &vm.Address{Device: hand{"x"}}, Value: 3}).Describe)
	if last := failed[len(failed)-1]; last.Of != text.Command {
		t.Errorf("what has failed is of a %s", last.Of)
	}
	for want, v := range map[string]fmt.Stringer{
		"start":                                    &vm.Input{Kind: vm.Start},
		"value of hand x for 2/1: 3":               &vm.Input{Kind: vm.Value, Address: &vm.Address{Path: vm.Path{2, 1}, Device: hand{"x"}}, Value: 3},
		"failed of hand x for 2: 3: EOF":           &vm.Input{Kind: vm.Failed, Address: &vm.Address{Path: vm.Path{2}, Device: hand{"x"}}, Value: 3, Err: world.Reduce(io.EOF)},
		"open hand x for 2, paused":                &vm.Command{Kind: vm.Open, Address: &vm.Address{Path: vm.Path{2}, Device: hand{"x"}}, Paused: true},
		"pause hand x for 2":                       &vm.Command{Kind: vm.Flow, Address: &vm.Address{Path: vm.Path{2}, Device: hand{"x"}}, Paused: true},
		"resume hand x for 2":                      &vm.Command{Kind: vm.Flow, Address: &vm.Address{Path: vm.Path{2}, Device: hand{"x"}}},
		`publisher of any as "it" at meta-level 2`: vm.EndpointInfo{ID: "it", Role: topic.Role{Topic: topic.Any.Topic()}, Level: 2},
		`subscriber (observer) of vm_test.say{}`:   vm.EndpointInfo{Role: topic.Role{Orientation: topic.Subscriber, Interest: topic.Observer, Topic: topic.All[say]().Topic()}},
	} {
		if got := v.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Every printer hides what types hide and what its Hide hides, in texts and in
// pieces, and tells Hide what each value belongs to.
func TestRecordPrinters(t *testing.T) {
	const secret = "hunter2"
	asked := map[string]bool{}
	for name, p := range map[string]text.Printer{
		"zero":    {},
		"limited": {Limits: text.Limits{Depth: 3, Parts: 4, Bytes: 1000}},
		"narrow":  {Limits: text.Limits{Bytes: 40}},
		"asking": {Hide: func(of, _, _ string) bool {
			asked[of] = true
			return false
		}},
		"hiding": {Hide: func(_, typ, field string) bool {
			return typ == "vm_test.access" && field == "User" || typ == "vm_test.hand" && field == "Name"
		}},
	} {
		n := 0
		play(secretive(secret), secret, func(r *vm.Record) {
			n++
			s, line := p.Text(r.Describe), p.Line(r.Describe)
			if s != line.String() || strings.Contains(s, "\n") {
				t.Errorf("%s: text %s\nline %s", name, s, line)
			}
			for _, all := range []string{s, fmt.Sprintf("%#v", line)} {
				if strings.Contains(all, secret) || name == "hiding" && (strings.Contains(all, "tony") || strings.Contains(all, "door")) {
					t.Errorf("%s: %s", name, all)
				}
			}
			if (name == "zero" || name == "asking") && s != r.String() {
				t.Errorf("%s: got %s, want %s", name, s, r)
			}
			if p.Bytes > 0 && len(s) > p.Bytes+200 {
				t.Errorf("%s: %d bytes: %s", name, len(s), s)
			}
		})
		if n < 30 {
			t.Errorf("%s: %d records", name, n)
		}
	}
	for _, of := range []string{text.Message, text.Input, text.Command, text.Topic, text.Name, text.Reason, text.Device} {
		if !asked[of] {
			t.Errorf("nobody has asked whether a %s is to be hidden", of)
		}
	}
}
