package rpc_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vm/image"
	"github.com/go-marketplace/marketplace/world"
)

// A step is what the outside tells the processes of a test that are all of a type.
type step struct {
	Who  int
	What int
	N    int
}

func init() { world.Register[step]("rpc_test.step") }

// A hub has the device, and starts what it is told to start.
type hub struct{}

var hubs = actions.Define("rpc_test.hub", func(hub) actions.Action {
	says := endpoint.ObserveSubscribers(there.says())
	return actions.Tree{endpoint.Publisher(topic.All[step]()), says, endpoint.Device(hand{}, endpoint.OnValue(func(s step) actions.Action {
		switch {
		case s.Who == 5 && s.What > 4:
			reason, _ := world.Reduce(errCut).(*world.Error)
			return actions.Send(link{"there", "rpc_test.add", reason})
		case s.Who != 0:
			return actions.Send(s)
		case s.What == 0:
			return clocks.Spawn(clock{})
		case s.What == 8:
			return cables.Spawn(cable{})
		}
		return members.Spawn(memberOf{s.What, s.N, nil})
	}))}
})

// A cable is the link to a far, until it is cut.
type cable struct{}

var cables = actions.Define("rpc_test.cable", func(cable) actions.Action {
	return actions.Tree{endpoint.Publisher(there.says()), endpoint.Subscriber(topic.All[step](), endpoint.OnMessage(func(s step) actions.Action {
		return actions.When(s.Who == 5, actions.Fail(errCut))
	}))}
})

// A memberOf serves Add as a plain server, a member of a queue group, or one with a
// share of the arguments, in the machine or at a far.
type memberOf struct {
	Kind, N int
	Asks    []rpc.Ask[Change, int]
}

func (s memberOf) open() actions.Action {
	var opts []rpc.ServeOption
	if s.Kind&1 > 0 {
		opts = append(opts, rpc.Member("m"+string(rune('0'+s.N))))
	}
	if s.Kind&2 > 0 {
		opts = append(opts, rpc.Only(topic.Where(Account.Is("x"))))
	}
	return actions.Tree{
		s.at().do(rpc.Methods(rpc.HandleLater(Add, func(s memberOf, a rpc.Ask[Change, int]) actions.Transition[memberOf] {
			s.Asks = append(s.Asks[:len(s.Asks):len(s.Asks)], a)
			return actions.Next(s)
		}, opts...))),
		endpoint.Subscriber(topic.All[step](), endpoint.OnMessageState(memberOf.told)),
	}
}

func (s memberOf) at() far {
	if s.Kind&4 > 0 {
		return there
	}
	return far{}
}

func (s memberOf) told(t step) actions.Transition[memberOf] {
	if t.Who != 1 || t.N != s.N {
		return actions.Next(s)
	}
	switch t.What {
	case 0:
		return actions.Next(s, actions.Quit())
	case 1:
		return actions.Next(s, actions.Fail(errOverdrawn))
	}
	var as actions.Tree
	for _, a := range s.Asks {
		as = append(as, s.at().do(a.Reply(t.What)))
	}
	s.Asks = nil
	return actions.Next(s, as)
}

var members = actions.Define("rpc_test.memberOf", memberOf.open)

// A clock is a driver of timers that lets them expire when it is told to.
type clock struct{ Labels []string }

func (c clock) open() actions.Action {
	return actions.Tree{
		endpoint.Publisher(topic.All[timer.Expired]()),
		endpoint.Subscriber(topic.All[timer.Set](), endpoint.OnMessageState(func(c clock, s timer.Set) actions.Transition[clock] {
			c.Labels = append(c.Labels[:len(c.Labels):len(c.Labels)], s.Label)
			return actions.Next(c)
		})),
		endpoint.Subscriber(topic.All[step](), endpoint.OnMessageState(func(c clock, s step) actions.Transition[clock] {
			switch {
			case s.Who != 2:
			case s.What == 0:
				return actions.Next(c, actions.Quit())
			case len(c.Labels) > 0:
				i := s.N % len(c.Labels)
				return actions.Next(c, actions.Send(timer.Expired{Label: c.Labels[i]}))
			}
			return actions.Next(c)
		})),
	}
}

var clocks = actions.Define("rpc_test.clock", clock.open)

// A client calls at its level, and goes when all its calls have ended, if it is told to.
type client struct {
	Level   int
	Answers []string
	Bound   bool
}

var clientAnswered = rpc.DefineThen("rpc_test.clientAnswered", func(c client, tag int, r int, err error) actions.Transition[client] {
	s := "ok"
	if err != nil {
		s = err.Error()
	}
	c.Answers = append(c.Answers[:len(c.Answers):len(c.Answers)], s)
	return actions.Next(c, actions.When(!c.Bound, actions.AtLevel(c.Level, answer(s)(r, err))))
})

type (
	ear   struct{}
	mouth struct{}
)

func (c client) open() actions.Action {
	if c.Bound {
		return nil
	}
	return actions.AtLevel(c.Level, actions.Tree{
		endpoint.Subscriber(topic.All[step](), endpoint.OnMessageState(client.told)).As(ear{}),
		endpoint.Publisher(topic.All[Answer]()).As(mouth{}),
	})
}

func (c client) told(s step) actions.Transition[client] {
	if s.Who != 3+c.Level {
		return actions.Next(c)
	}
	var opts []rpc.Option
	if s.What&1 > 0 {
		opts = append(opts, rpc.Patient())
	}
	if s.What&2 > 0 {
		opts = append(opts, rpc.Within(time.Second))
	}
	if s.What > 8 {
		opts = append(opts, rpc.At(there))
	}
	account := "x"
	if s.What&4 > 0 {
		account = "y"
	}
	var as actions.Tree
	for i := range s.N {
		as = append(as, actions.AtLevel(c.Level, rpc.CallThen(Add, Change{account, i}, clientAnswered, i, opts...)))
	}
	if s.What == 8 {
		c.Bound = true
		as = append(as, actions.AtLevel(c.Level, actions.Tree{actions.Delete(ear{}), actions.Delete(mouth{})}))
	}
	return actions.Next(c, as)
}

var clientType = actions.Define("rpc_test.client", client.open)

// A restored machine does what the original does, with open calls, calls that wait,
// deadlines, queue groups, calls at several levels, and calls at a destination.
func TestRestoredMachineDoesTheSame(t *testing.T) {
	types, err := image.NewTypes(hubs.Type, members.Type, clocks.Type, cables.Type, clientType.Type)
	if err != nil {
		t.Fatal(err)
	}
	save := func(m *vm.Machine) (*image.Image, error) {
		return image.Of(m.Snapshot(), types, func(_ actions.Type, v any) ([]byte, error) { return codec.AppendValue(nil, v) })
	}
	rapid.Check(t, func(r *rapid.T) {
		m := vm.Config{Digest: true, Limits: vm.Limits{Strict: true}}.NewFunc(func(actions.PID) actions.Process {
			return hubs.Process(hub{}, clientType.Spawn(client{}), clientType.Spawn(client{}),
				actions.Spawn(vm.NestedFunc(func(actions.PID) actions.Process {
					return clientType.Process(client{Level: 1}, clientType.Spawn(client{Level: 1}))
				})))
		})
		m.Apply(vm.Input{Kind: vm.Start})
		for range rapid.IntRange(1, 30).Draw(r, "steps") {
			s := step{rapid.IntRange(0, 5).Draw(r, "who"), rapid.IntRange(0, 16).Draw(r, "what"), rapid.IntRange(0, 4).Draw(r, "n")}
			before := m.Snapshot()
			im, err := save(m)
			if err != nil {
				r.Fatal(err)
			}
			state, err := im.State(types, func(k actions.Type, data []byte) (any, error) {
				v, _, err := codec.DecodeValue(data, k.State)
				return v, err
			})
			if err != nil {
				r.Fatal(err)
			}
			machines := []*vm.Machine{before.Machine(nil), state.Machine(nil), m}
			var did [3][]string
			for i, m := range machines {
				m.Watch(vm.AllRecords, func(rec *vm.Record) {
					did[i] = append(did[i], rec.String())
					if errors.Is(rec.Reason, vm.ErrNotAdvertised) {
						r.Errorf("%v: %v", rec, rec.Reason)
					}
				})
				m.Apply(vm.Input{Kind: vm.Value, Address: m.Held(1), Value: s})
				if m.Digest() != machines[0].Digest() || !slices.Equal(did[i], did[0]) {
					r.Fatalf("machine %d does something else for %v:\n%v\n%v", i, s, did[0], did[i])
				}
			}
			if rapid.Bool().Draw(r, "restored") {
				m = machines[1]
			}
		}
	})
}
