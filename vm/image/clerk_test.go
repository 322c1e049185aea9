package image_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vm/image"
	"github.com/go-marketplace/marketplace/vmtest"
)

// A clerk is a process that does what its hand tells it to. It can be saved:
// what it has open is in its state.
type clerk struct {
	Name  string
	Jobs  int // messages that it has got
	Ends  []clerkEnd
	Lamps []string // further hands that it holds
}

// A clerkEnd is an endpoint of a clerk.
type clerkEnd struct {
	Is    string // "subscriber", "publisher", or "counter", which counts subscribers by their keys
	Key   string // "" for all
	ID    string // "" for one without a name
	Fresh vm.FreshID
	Level int
}

type memo struct{ Key string }

var memoKey = topic.FieldOf(func(m *memo) *string { return &m.Key })

// An order is what a clerk is told. It is not saved.
type order func(clerk) actions.Transition[clerk]

// clerks are the type of the clerks.
var clerks = actions.Define("image_test.clerk", clerk.open)

// open returns all that c has had open, and so perhaps more than it has.
func (c clerk) open() actions.Action {
	all := actions.Tree{endpoint.Device(hand{c.Name}, endpoint.OnValueState(func(c clerk, o order) actions.Transition[clerk] { return o(c) }))}
	for _, lamp := range c.Lamps {
		all = append(all, actions.OpenDevice{Device: hand{lamp}})
	}
	for _, e := range c.Ends {
		all = append(all, e.at(e.open()))
	}
	return all
}

func (e clerkEnd) open() (as actions.AddEndpoint) {
	pattern := topic.All[memo]()
	if e.Key != "" {
		pattern = topic.Where(memoKey.Is(e.Key))
	}
	switch e.Is {
	case "counter":
		as = endpoint.ObserveSubscribers(pattern,
			endpoint.OnFirst(func(memo) actions.Action { return nil }, memoKey),
			endpoint.OnLast(func(memo) actions.Action { return nil }, memoKey))
	case "publisher":
		as = endpoint.Publisher(pattern, endpoint.OnPresence(func(memo) actions.Action { return nil }),
			endpoint.OnAbsence(func(memo, error) actions.Action { return nil }))
	default:
		as = endpoint.Subscriber(pattern, endpoint.OnMessageState(func(c clerk, _ memo) actions.Transition[clerk] {
			c.Jobs++
			return actions.Next(c)
		}))
	}
	if e.Fresh > 0 {
		return as.As(e.Fresh)
	} else if e.ID != "" {
		return as.As(e.ID)
	}
	return as
}

// at returns the action as one at the level of e.
func (e clerkEnd) at(a actions.Action) actions.Action {
	for range e.Level {
		a = actions.AtMeta(a)
	}
	return a
}

// open makes a clerk open an endpoint, or move the one of that name.
func open(e clerkEnd) order {
	return func(c clerk) actions.Transition[clerk] {
		had := slices.ContainsFunc(c.Ends, func(o clerkEnd) bool { return e.ID != "" && o.ID == e.ID && o.Level == e.Level })
		c.Ends = slices.DeleteFunc(slices.Clone(c.Ends), func(o clerkEnd) bool { return e.ID != "" && o.ID == e.ID && o.Level == e.Level })
		c.Ends = append(c.Ends, e)
		if had {
			return actions.Next(c, e.at(actions.Replace(e.open())))
		}
		return actions.Next(c, e.at(e.open()))
	}
}

// openFresh makes a clerk open an endpoint with a fresh name.
func openFresh(e clerkEnd) order {
	return func(c clerk) actions.Transition[clerk] {
		return actions.Next(c, actions.Fresh(func(c clerk, name actions.EndpointID) actions.Transition[clerk] {
			e.Fresh = name.(vm.FreshID)
			return open(e)(c)
		}))
	}
}

// do makes a clerk perform actions.
func do(as ...actions.Action) order {
	return func(c clerk) actions.Transition[clerk] { return actions.Next(c, as...) }
}

// hold makes a clerk hold a lamp.
func hold(lamp string, paused bool) order {
	return func(c clerk) actions.Transition[clerk] {
		c.Lamps = append(slices.Clip(c.Lamps), lamp)
		return actions.Next(c, actions.OpenDevice{Device: hand{lamp}, Paused: paused})
	}
}

func crashes(clerk) actions.Transition[clerk] { panic(errors.New("overworked")) }

// hire returns the action that spawns a clerk, so many levels further in.
func hire(name string, levels int) actions.Action {
	c := clerk{Name: name}
	as := actions.Spawn(actions.Next(c, c.open())).Named(name)
	for range levels {
		as = actions.Spawn(vm.Nested(as)).Named("room")
	}
	return as
}

// An office is a machine with clerks.
type office struct {
	t     *testing.T
	m     *vm.Machine
	types image.Types
	hands map[string]*vm.Address
	lines []string // what has happened that matters
}

func newOffice(t *testing.T, boot ...actions.Action) *office {
	t.Helper()
	types, err := image.NewTypes(clerks.Type)
	if err != nil {
		t.Fatal(err)
	}
	o := &office{t: t, types: types, hands: map[string]*vm.Address{}}
	o.m = vm.Config{Watch: o.watch}.New(boot...)
	o.m.Apply(vm.Input{Kind: vm.Start, Incarnation: 3})
	return o
}

func (o *office) watch(r *vm.Record) {
	if r.Kind == vm.Commanded && r.Command.Kind == vm.Open {
		o.hands[r.Command.Address.Device.(hand).Name] = r.Command.Address
	}
	told := r.Kind == vm.Told && r.Event.Kind != actions.Value
	if told || r.Kind == vm.Spawned || r.Kind == vm.Ended || r.Kind == vm.Commanded {
		o.lines = append(o.lines, vmtest.Describe(r))
	}
}

// tell gives a clerk orders.
func (o *office) tell(name string, orders ...order) {
	o.t.Helper()
	for _, order := range orders {
		o.m.Apply(vm.Input{Kind: vm.Value, Address: o.hands[name], Value: order})
	}
}

func (o *office) image() *image.Image {
	o.t.Helper()
	im, err := image.Of(o.m.Snapshot(), o.types, toJSON)
	if err != nil {
		o.t.Fatal(err)
	}
	return im
}

// anew returns the office restored from its image, as JSON, in another run.
func (o *office) anew() *office {
	o.t.Helper()
	text, err := json.Marshal(o.image())
	if err != nil {
		o.t.Fatal(err)
	}
	var im image.Image
	if err := json.Unmarshal(text, &im); err != nil {
		o.t.Fatal(err)
	}
	s, err := im.State(o.types, fromJSON)
	if err != nil {
		o.t.Fatal(err)
	}
	p := &office{t: o.t, types: o.types, hands: o.hands}
	p.m = s.Machine(p.watch)
	return p
}

// toJSON and fromJSON are a codec for states.
func toJSON(_ actions.Type, state any) ([]byte, error) { return json.Marshal(state) }

func fromJSON(t actions.Type, data []byte) (any, error) {
	p := reflect.New(t.State)
	err := json.Unmarshal(data, p.Interface())
	return p.Elem().Interface(), err
}
