package drivertest

import (
	"errors"
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// A listening is the state of a driver that can be written down.
type listening struct{ Stations []string }

func (l listening) open(s *studio) actions.Action {
	all := actions.Tree{
		endpoint.ObserveSubscribers(topic.All[News](),
			endpoint.OnFirstState(func(l listening, c News) actions.Transition[listening] {
				l.Stations = append(slices.Clip(l.Stations), c.Station)
				return actions.Next(l, tune(radio{station: c.Station, studio: s}))
			}, Station),
			endpoint.OnLastState(func(l listening, c News) actions.Transition[listening] {
				l.Stations = slices.DeleteFunc(slices.Clone(l.Stations), func(o string) bool { return o == c.Station })
				return actions.Next(l, silence(radio{station: c.Station, studio: s}))
			}, Station),
		),
	}
	for _, station := range l.Stations {
		all = append(all, tune(radio{station: station, studio: s}), ready(station))
	}
	return all
}

// saved returns a driver with the given kind.
func saved(kind func(*studio) actions.Kind) func(testing.TB) Driver {
	return func(t testing.TB) Driver {
		s := newStudio(t)
		l := listening{}
		d := subject(s, actions.Spawn(actions.Next(l, l.open(s))).Named("radio driver"))
		d.Kinds = []actions.Kind{kind(s)}
		return d
	}
}

// kindOf returns a kind whose Open gives what give returns.
func kindOf(give func(l listening, s *studio) actions.Action) func(*studio) actions.Kind {
	return func(s *studio) actions.Kind {
		return actions.KindOf("test.radio", func(_ actions.PID, l listening) actions.Action { return give(l, s) })
	}
}

// A driver passes whose processes are of kinds, and one fails whose kind is not
// true.
func TestKinds(t *testing.T) {
	Test(t, saved(kindOf(listening.open)))
	const law = "is pure on its machine side"
	for name, c := range map[string]struct {
		kind func(*studio) actions.Kind
		want string
	}{
		"another type": {func(*studio) actions.Kind {
			return actions.KindOf("test.tally", func(actions.PID, tally) actions.Action { return nil })
		}, `process 2 "radio driver" is of no kind: its state is a drivertest.listening`},
		"forgets an endpoint": {kindOf(func(l listening, s *studio) actions.Action {
			return actions.Group(listening{}.open(s), tune(radio{station: "station 0", studio: s}))
		}), `Open does not give the endpoint publisher of drivertest.Tuned{Station: "station 0"} as "station 0"`},
		"forgets a device": {kindOf(func(l listening, s *studio) actions.Action {
			return actions.Group(listening{}.open(s), ready("station 0"), ready("station 1"))
		}), "Open does not give the device radio(station 0)"},
		"gives another role": {kindOf(func(l listening, s *studio) actions.Action {
			e := ready("station 0")
			e.Role.Interest = topic.Observer
			return actions.Group(listening{}.open(s), tune(radio{station: "station 0", studio: s}), e)
		}), `Open gives the endpoint publisher (observer) of drivertest.Tuned{Station: "station 0"} as "station 0" at level 0, which is publisher of`},
		"gives a handler for another state": {kindOf(func(l listening, s *studio) actions.Action {
			return actions.Group(l.open(s), endpoint.Subscriber(on("station 2"), endpoint.OnMessageState(func(n int, _ News) actions.Transition[int] { return actions.Next(n) })))
		}), "Open gives a handler for states of type int"},
		"does more than to open": {kindOf(func(l listening, s *studio) actions.Action {
			return actions.Group(l.open(s), actions.Quit())
		}), "Open gives actions.QuitProcess, which opens no endpoint and no device"},
		"loses something": {func(s *studio) actions.Kind {
			return actions.CodedAs(kindOf(listening.open)(s),
				func(l listening) []string { return l.Stations },
				func(all []string) (listening, error) { return listening{all[:min(1, len(all))]}, nil })
		}, "and when it has been read as"},
		"cannot be read": {func(s *studio) actions.Kind {
			return actions.CodedAs(kindOf(listening.open)(s),
				func(l listening) []string { return l.Stations },
				func([]string) (listening, error) { return listening{}, errors.New("illegible") })
		}, "illegible"},
	} {
		t.Run(name, func(t *testing.T) { mustFail(t, law, saved(c.kind), c.want) })
	}
}
