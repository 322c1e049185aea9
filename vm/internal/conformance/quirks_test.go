package conformance

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vmtest/scenario"
)

// This file shows what holds here where the reference has its quirks: see
// setAside.

// runToRest runs a machine until it is at rest.
func runToRest(t *testing.T, boot ...actions.Action) {
	t.Helper()
	m := vm.New(boot...)
	m.Apply(vm.Input{Kind: vm.Start})
	for n := 0; m.Busy(); n++ {
		if n == scenario.Enough {
			t.Fatal("the machine does not come to rest")
		}
		m.Apply(vm.Input{Kind: vm.Continue})
	}
}

// TestQuirkKillerIsTold: a process that kills another one hears of its
// departure, like everybody else, and after it has gone. B-M08.
func TestQuirkKillerIsTold(t *testing.T) {
	type pulse struct{}
	var told []string
	watch := func(who string) actions.Action {
		return endpoint.Subscriber(topic.All[pulse](),
			endpoint.OnAbsence(func(_ pulse, reason error) actions.Action {
				told = append(told, fmt.Sprintf("%s is told: %v", who, reason))
				return nil
			}),
			endpoint.OnMessage(func(pulse) actions.Action {
				told = append(told, who+" gets a message")
				return nil
			}))
	}
	kill := func(_ struct{}, victim actions.PID) actions.Transition[struct{}] {
		return actions.Stateless(
			actions.Kill(victim, errors.New("enough")),
			actions.Send(pulse{}),
		)
	}
	runToRest(t,
		actions.Spawn(actions.Stateless(
			watch("killer"),
			actions.SpawnThen(actions.Stateless(endpoint.Publisher(topic.All[pulse]())), func(s struct{}, victim actions.PID) actions.Transition[struct{}] {
				// By its next turn the victim has come.
				return actions.Stateless(actions.Yield(func(s struct{}) actions.Transition[struct{}] { return kill(s, victim) }))
			}),
		)),
		actions.Spawn(actions.Stateless(watch("bystander"))),
	)
	want := []string{
		"killer is told: enough", "bystander is told: enough",
		"killer gets a message", "bystander gets a message",
	}
	if !slices.Equal(told, want) {
		t.Errorf("got  %q\nwant %q", told, want)
	}
}

// TestQuirkFalseIsAMessage: no value has a special meaning. The message false
// is delivered, and peers that converse about exactly false see each other.
func TestQuirkFalseIsAMessage(t *testing.T) {
	type heard struct {
		what  string
		value bool
	}
	var got []heard
	note := func(what string) func(bool) actions.Action {
		return func(value bool) actions.Action {
			got = append(got, heard{what, value})
			return nil
		}
	}
	itself := topic.FieldOf(func(b *bool) *bool { return b })
	runToRest(t,
		actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[bool](), endpoint.OnMessage(note("any"))))),
		actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.Where(itself.Is(false)),
			endpoint.OnPresence(note("presence")), endpoint.OnMessage(note("exactly"))))),
		actions.Spawn(actions.Stateless(
			endpoint.Publisher(topic.Where(itself.Is(false))),
			actions.Send(false),
			actions.Send(true),
		)),
	)
	want := []heard{{"presence", false}, {"any", false}, {"exactly", false}, {"any", true}}
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// TestQuirkYieldWaitsItsTurn: the continuation of a yield is evaluated in the
// process's next turn, after the others have had theirs, with the state that
// the process has by then; and its actions are performed at once. HL-94, B-M13.
func TestQuirkYieldWaitsItsTurn(t *testing.T) {
	type said string
	type reply struct{}
	type tick struct{}
	var log []string
	// The logger hears what is said at once, and replies to the word "first"
	// in its own next turn.
	logger := actions.Stateless(endpoint.Subscriber(topic.All[said](), endpoint.OnMessage(func(s said) actions.Action {
		log = append(log, string(s))
		return actions.When(s == "first", actions.Send(reply{}))
	})))
	yielding := actions.Next(0,
		endpoint.Subscriber(topic.All[reply](), endpoint.OnMessageState(func(n int, _ reply) actions.Transition[int] {
			return actions.Next(n + 1)
		})),
		actions.Yield(func(n int) actions.Transition[int] {
			return actions.Next(n, actions.Send(said(fmt.Sprintf("continued with state %d", n))))
		}),
		actions.Send(said("first")),
	)
	// A process whose turns come later in the same rounds. It does not yield: in
	// its second turn it reacts to what it sent to itself in the first.
	other := actions.Stateless(
		endpoint.Subscriber(topic.All[tick](), endpoint.OnMessage(func(tick) actions.Action {
			return actions.Send(said("other, second turn"))
		})),
		actions.Send(said("other, first turn")),
		actions.Send(tick{}),
	)
	// The logger is there first, so it has its turns first.
	runToRest(t, actions.Spawn(logger), actions.Yield(func(struct{}) actions.Transition[struct{}] {
		return actions.Stateless(actions.Spawn(yielding), actions.Spawn(other))
	}))
	want := []string{"first", "other, first turn", "continued with state 1", "other, second turn"}
	if !slices.Equal(log, want) {
		t.Errorf("got  %q\nwant %q", log, want)
	}
}

// TestQuirkYieldFails: a continuation that panics ends the process at once,
// too, before the next action in the queue. HL-90.
func TestQuirkYieldFails(t *testing.T) {
	type claim struct{}
	var reasons []error
	runToRest(t,
		actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[claim](),
			endpoint.OnAbsence(func(_ claim, reason error) actions.Action {
				reasons = append(reasons, reason)
				return nil
			})))),
		actions.Spawn(actions.Stateless(
			endpoint.Publisher(topic.All[claim]()).As("claim"),
			actions.Yield(func(struct{}) actions.Transition[struct{}] { panic("failed") }),
			actions.Yield(func(struct{}) actions.Transition[struct{}] {
				return actions.Stateless(actions.Delete("claim"))
			}),
		)),
	)
	if len(reasons) != 1 {
		t.Fatalf("told of %d absences, want 1", len(reasons))
	}
	if e, ok := errors.AsType[*vm.PanicError](reasons[0]); !ok || e.Value != "failed" {
		t.Errorf("the reason is %v, want the panic", reasons[0])
	}
}
