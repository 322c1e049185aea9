package drivertest

import (
	"errors"
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// A listening is the state of a driver that can be saved.
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

// A radioType is the process type of the driver of a studio.
type radioType func(*studio) actions.Definition[listening]

func (f radioType) erased(s *studio) actions.Type { return f(s).Type }

// saved returns a driver with the given process type.
func saved(of func(*studio) actions.Type) func(testing.TB) Driver {
	return func(t testing.TB) Driver {
		s := newStudio(t)
		l := listening{}
		d := subject(s, actions.Spawn(actions.Next(l, l.open(s))).Named("radio driver"))
		d.Types = []actions.Type{of(s)}
		return d
	}
}

// giving returns a type whose Open returns what give returns.
func giving(give func(l listening, s *studio) actions.Action) radioType {
	return func(s *studio) actions.Definition[listening] {
		return actions.Define("test.radio", func(l listening) actions.Action { return give(l, s) })
	}
}

// A driver passes if its processes are of its types, and fails if a type is
// wrong.
func TestTypes(t *testing.T) {
	Test(t, saved(giving(listening.open).erased))
	const law = "is pure on its machine side"
	for name, c := range map[string]struct {
		of   func(*studio) actions.Type
		want string
	}{
		"another type": {func(*studio) actions.Type {
			return actions.Define("test.tally", func(tally) actions.Action { return nil }).Type
		}, `process 2 "radio driver" is of no type: its state is a drivertest.listening`},
		"forgets an endpoint": {giving(func(l listening, s *studio) actions.Action {
			return actions.Group(listening{}.open(s), tune(radio{station: "station 0", studio: s}))
		}).erased, `Open does not open the endpoint publisher of drivertest.Tuned{Station: "station 0"} as "station 0"`},
		"forgets a device": {giving(func(l listening, s *studio) actions.Action {
			return actions.Group(listening{}.open(s), ready("station 0"), ready("station 1"))
		}).erased, "Open does not open the device radio(station 0)"},
		"gives another role": {giving(func(l listening, s *studio) actions.Action {
			e := ready("station 0")
			e.Role.Interest = topic.Observer
			return actions.Group(listening{}.open(s), tune(radio{station: "station 0", studio: s}), e)
		}).erased, `Open opens the endpoint publisher (observer) of drivertest.Tuned{Station: "station 0"} as "station 0" at level 0, but the process has publisher of`},
		"gives a handler for another state": {giving(func(l listening, s *studio) actions.Action {
			return actions.Group(l.open(s), endpoint.Subscriber(on("station 2"), endpoint.OnMessageState(func(n int, _ News) actions.Transition[int] { return actions.Next(n) })))
		}).erased, "its Open returns a handler for states of type int"},
		"does more than to open": {giving(func(l listening, s *studio) actions.Action {
			return actions.Group(l.open(s), actions.Quit())
		}).erased, "its Open returns actions.QuitProcess, which is neither an endpoint, a device nor a monitor"},
		"loses something": {func(s *studio) actions.Type {
			return actions.CodedAs(giving(listening.open)(s),
				func(l listening) []string { return l.Stations },
				func(all []string) (listening, error) { return listening{all[:min(1, len(all))]}, nil }).Type
		}, "and after it is read again as"},
		"cannot be read": {func(s *studio) actions.Type {
			return actions.CodedAs(giving(listening.open)(s),
				func(l listening) []string { return l.Stations },
				func([]string) (listening, error) { return listening{}, errors.New("illegible") }).Type
		}, "illegible"},
	} {
		t.Run(name, func(t *testing.T) { mustFail(t, law, saved(c.of), c.want) })
	}
}
