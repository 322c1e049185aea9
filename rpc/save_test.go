package rpc_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vm/image"
)

func imageOf(t *testing.T, m *vm.Machine) (*image.Image, error) {
	types, err := image.NewTypes(laters.Type, customers.Type, relays.Type, boots.Type)
	if err != nil {
		t.Fatal(err)
	}
	return image.Of(m.Snapshot(), types, func(_ actions.Type, v any) ([]byte, error) { return codec.AppendValue(nil, v) })
}

func restored(t *testing.T, im *image.Image) *vm.Machine {
	types, err := image.NewTypes(laters.Type, customers.Type, relays.Type, boots.Type)
	if err != nil {
		t.Fatal(err)
	}
	s, err := im.State(types, func(k actions.Type, data []byte) (any, error) {
		v, _, err := codec.DecodeValue(data, k.State)
		return v, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s.Machine(nil)
}

// A boot spawns the processes of a test, and stays, so that a machine can be saved.
type boot struct{ N int }

var boots = actions.Define("rpc_test.boot", func(boot) actions.Action {
	return endpoint.Subscriber(topic.All[kick]())
})

// A relay is a process by which a test sends orders and reads the answers.
type relay struct{ Answers []Answer }

func (r relay) open() actions.Action {
	return actions.Tree{
		endpoint.Device(hand{}, endpoint.OnValue(func(o Order) actions.Action { return actions.Send(o) })),
		endpoint.Subscriber(topic.All[Answer](), endpoint.OnMessageState(func(r relay, a Answer) actions.Transition[relay] {
			r.Answers = append(r.Answers[:len(r.Answers):len(r.Answers)], a)
			return actions.Next(r)
		})),
	}
}

var relays = actions.Define("rpc_test.relay", relay.open)

// Calls that continue with a named function are saved with the machine, with what the
// client knows of the servers. The restored machine answers them.
func TestSavedCalls(t *testing.T) {
	m := vm.Config{}.NewFunc(func(actions.PID) actions.Process {
		return boots.Process(boot{}, laters.Spawn(later{}), customers.Spawn(customer{}), relays.Spawn(relay{}))
	})
	m.Apply(vm.Input{Kind: vm.Start})
	send := func(m *vm.Machine, o Order) {
		t.Helper()
		address := m.Held(1)
		m.Apply(vm.Input{Kind: vm.Value, Address: address, Value: o})
	}
	send(m, Order{"a", Change{"x", 1}})
	send(m, Order{"b", Change{"x", 2}})
	im, err := imageOf(t, m)
	if err != nil {
		t.Fatal(err)
	}
	for name, m := range map[string]*vm.Machine{"original": m, "restored": restored(t, im)} {
		send(m, Order{"c", Change{"x", 3}})
		var r relay
		for p := range m.Processes() {
			if s, ok := p.State.(relay); ok {
				r = s
			}
		}
		// Each order makes the bank answer what it has, and then the customer calls.
		want := []Answer{{"a", 2, ""}, {"b", 4, ""}}
		if len(r.Answers) != len(want) || r.Answers[0] != want[0] || r.Answers[1] != want[1] {
			t.Errorf("%s: the answers are %v, want %v", name, r.Answers, want)
		}
	}
}

// A process that has made a call with a deadline can be saved when the call has ended.
func TestSavedAfterADeadline(t *testing.T) {
	late := rpc.CallThen(Add, Change{"x", 1}, answered, "a", rpc.Within(time.Second))
	m := vm.Config{}.NewFunc(func(actions.PID) actions.Process {
		return boots.Process(boot{}, laters.Spawn(later{}), actions.Spawn(customers.Process(customer{}, late)))
	})
	m.Apply(vm.Input{Kind: vm.Start})
	im, err := imageOf(t, m)
	if err != nil {
		t.Fatal(err)
	}
	restored(t, im)
}

var answeredAny = rpc.DefineThen("rpc_test.answeredAny", func(c customer, tag any, r int, err error) actions.Transition[customer] {
	return actions.Next(c, answer(fmt.Sprint(tag))(r, err))
})

// The tag of a call may be nil, if its type is an interface.
func TestSavedCallWithoutATag(t *testing.T) {
	m := vm.Config{}.NewFunc(func(actions.PID) actions.Process {
		return boots.Process(boot{}, laters.Spawn(later{}), actions.Spawn(customers.Process(customer{}, rpc.CallThen(Add, Change{"x", 1}, answeredAny, nil))))
	})
	m.Apply(vm.Input{Kind: vm.Start})
	im, err := imageOf(t, m)
	if err != nil {
		t.Fatal(err)
	}
	restored(t, im)
}

func TestUnnamedCallsAreNotSaved(t *testing.T) {
	m := vm.Config{}.NewFunc(func(actions.PID) actions.Process {
		return boots.Process(boot{}, laters.Spawn(later{}), actions.Spawn(customers.Process(customer{}, call("a", Change{"x", 1}))))
	})
	m.Apply(vm.Input{Kind: vm.Start})
	im, err := imageOf(t, m)
	if err == nil || !strings.Contains(err.Error(), "a call of rpc_test.add has no answer yet, and it continues with a function that has no name: use rpc.CallThen") {
		t.Errorf("image %v, error %v", im != nil, err)
	}
}
