package vm_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// A gauge belongs to the outside: what stands for it is a pointer, which is
// another one when a machine is made anew.
type gauge struct{ Name string }

type reading struct {
	Of   *gauge
	Text string
}

var readingOf = topic.FieldOf(func(r *reading) **gauge { return &r.Of })

// A dial shows what a gauge reads.
type dial struct{ of *gauge }

type dialEnd struct {
	of   *gauge
	Text string
}

func (d dial) open() actions.Action {
	is := topic.Where(readingOf.Is(d.of))
	return actions.Group(
		endpoint.Subscriber(is, endpoint.OnMessageState(func(d dial, r reading) actions.Transition[dial] {
			return actions.Next(d, actions.Tell(hand{"dial"}, r.Text))
		})).As(dialEnd{d.of, "0x12"}),
		endpoint.ObserveSubscribers(is,
			endpoint.OnFirst(func(reading) actions.Action { return nil }),
			endpoint.OnLast(func(reading) actions.Action { return actions.Quit() })).As(d.of),
		endpoint.Device(hand{"dial"}, endpoint.OnValueState(func(d dial, o func(dial) actions.Action) actions.Transition[dial] {
			return actions.Next(d, o(d))
		})),
		endpoint.Device(hand{"dial"}, endpoint.OnValueState(func(d dial, o func(dial) actions.Action) actions.Transition[dial] {
			return actions.Next(d, o(d)) // the same once more
		})),
		endpoint.Publisher(topic.All[memo]()).As(hand{"dial"}),
	)
}

// TestImageOfPointers: pointers are no obstacle, if the codec of a kind knows
// how to come by them.
func TestImageOfPointers(t *testing.T) {
	kind := actions.Coded(actions.KindOf("vm_test.dial", func(_ actions.PID, d dial) actions.Action { return d.open() }),
		func(d dial) ([]byte, error) { return []byte(d.of.Name), nil },
		func(data []byte) (dial, error) { return dial{&gauge{string(data)}}, nil })
	kinds, err := vm.NewKinds(kind)
	if err != nil {
		t.Fatal(err)
	}
	d := dial{&gauge{"steam"}}
	m := vm.New(actions.Spawn(actions.Next(d, d.open())))
	at := m.Apply(vm.Input{Kind: vm.Start})[0].Address
	im, err := m.Snapshot().Image(kinds, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []vm.EndpointImage{
		{Seq: 1, ID: `vm_test.dialEnd{of: 0x, Text: "0x12"}`, Role: "subscriber of vm_test.reading{Of: 0x}"},
		{Seq: 2, ID: "*vm_test.gauge(0x)", Role: "publisher (observer) of vm_test.reading{Of: 0x}", Counts: true,
			Tallies: []vm.TallyImage{{Conversation: "vm_test.reading{Of: 0x}", Peers: 1}}},
		{Seq: 3, ID: "vm_test.hand hand dial", Role: "publisher of vm_test.memo{}"},
	}
	if diff := cmp.Diff(want, im.Processes[0].Endpoints); diff != "" {
		t.Error(diff)
	}
	s, err := im.State(kinds, nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.Image(kinds, nil)
	if diff := cmp.Diff(im, again); err != nil || diff != "" {
		t.Errorf("another image: %v %s", err, diff)
	}
	anew := s.Machine(nil)
	tell := func(o func(dial) actions.Action) string {
		return fmt.Sprint(said(anew.Apply(vm.Input{Kind: vm.Value, Address: at, Value: o})))
	}
	for _, tt := range []struct {
		order func(dial) actions.Action
		want  string
	}{
		{func(dial) actions.Action { return actions.Send(reading{d.of, "from the old gauge"}) }, "[]"},
		{func(d dial) actions.Action { return actions.Send(reading{d.of, "high"}) }, "[tell 2 hand dialhigh]"},
		{func(d dial) actions.Action { return actions.Delete(dialEnd{d.of, "0x12"}) }, "[close 2 hand dial <nil>]"},
	} {
		if got := tell(tt.order); got != tt.want {
			t.Errorf("it says %s, want %s", got, tt.want)
		}
	}
}

// A glove is a device that has something of the outside in it, which its name
// leaves out.
type glove struct {
	hand
	of *gauge
}

// TestImageOfDevices: devices are known by their names.
func TestImageOfDevices(t *testing.T) {
	have := func() actions.Action {
		d := glove{hand{"left"}, new(gauge)}
		return actions.Group(endpoint.Device(d), silent("x").As(d))
	}
	kinds, err := vm.NewKinds(actions.KindOf("vm_test.temp", func(actions.PID, temp) actions.Action { return have() }))
	if err != nil {
		t.Fatal(err)
	}
	m := vm.New(actions.Spawn(actions.Next(temp{1}, have())))
	m.Apply(vm.Input{Kind: vm.Start})
	if err := m.Snapshot().Check(kinds); err != nil {
		t.Error(err)
	}
	im, err := m.Snapshot().Image(kinds, toJSON)
	if err != nil {
		t.Fatal(err)
	}
	s, err := im.State(kinds, fromJSON)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Machine(nil).String(); got != m.String() {
		t.Errorf("made anew: %s", got)
	}
}

// A mood is a state that is an interface.
type mood interface{ String() string }

type calm struct{}

func (calm) String() string { return "calm" }

// TestImageOfInterfaces: a kind may have states of an interface type.
func TestImageOfInterfaces(t *testing.T) {
	kind := actions.Coded(actions.KindOf("vm_test.mood", func(_ actions.PID, m mood) actions.Action { return silent(m.String()) }),
		func(m mood) ([]byte, error) { return []byte(m.String()), nil },
		func(data []byte) (mood, error) {
			if string(data) != "calm" {
				return nil, fmt.Errorf("no mood: %q", data)
			}
			return calm{}, nil
		})
	kinds, err := vm.NewKinds(kind)
	if err != nil {
		t.Fatal(err)
	}
	m := vm.New(actions.Spawn(actions.Next[mood](calm{}, silent("calm"))))
	m.Apply(vm.Input{Kind: vm.Start})
	im, err := m.Snapshot().Image(kinds, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := im.State(kinds, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Machine(nil).String(); got != m.String() {
		t.Errorf("made anew: %s", got)
	}
	im.Processes[0].State = []byte("rage")
	_, err = im.State(kinds, nil)
	saysAll(t, err, "process 2", `no mood: "rage"`)
}

// A twin is a value of which all look the same.
type twin int

func (twin) String() string { return "twin" }

type letter struct{ To twin }

var letterTo = topic.FieldOf(func(l *letter) *twin { return &l.To })

// TestImageOfTwins: conversations that look the same are not mixed up.
func TestImageOfTwins(t *testing.T) {
	counter := endpoint.ObserveSubscribers(topic.All[letter](), endpoint.OnFirst(func(letter) actions.Action { return nil }, letterTo))
	reader := func(n twin) actions.AddEndpoint { return endpoint.Subscriber(topic.Where(letterTo.Is(n))).As(int(n)) }
	all := func() actions.Action { return actions.Group(counter, reader(1), reader(2)) }
	kinds, err := vm.NewKinds(actions.KindOf("vm_test.temp", func(actions.PID, temp) actions.Action { return all() }))
	if err != nil {
		t.Fatal(err)
	}
	m := vm.New(actions.Spawn(actions.Next(temp{}, all())).Named("tom"))
	m.Apply(vm.Input{Kind: vm.Start})
	_, err = m.Snapshot().Image(kinds, toJSON)
	saysAll(t, err, "process 2 tom", "cannot be told apart", "vm_test.letter{To: twin}")
}
