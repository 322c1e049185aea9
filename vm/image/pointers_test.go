package image_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vm/image"
)

// A gauge belongs to the outside: a pointer stands for it, and a restored
// machine has another pointer.
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

// TestImageOfPointers: pointers are no obstacle, if the codec of a type can
// restore them.
func TestImageOfPointers(t *testing.T) {
	typ := actions.Coded(actions.Define("image_test.dial", dial.open),
		func(d dial) ([]byte, error) { return []byte(d.of.Name), nil },
		func(data []byte) (dial, error) { return dial{&gauge{string(data)}}, nil })
	types, err := image.NewTypes(typ.Type)
	if err != nil {
		t.Fatal(err)
	}
	d := dial{&gauge{"steam"}}
	m := vm.New(actions.Spawn(actions.Next(d, d.open())))
	at := m.Apply(vm.Input{Kind: vm.Start})[0].Address
	im, err := image.Of(m.Snapshot(), types, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []image.Endpoint{
		{Seq: 1, ID: `image_test.dialEnd{of: 0x, Text: "0x12"}`, Role: "subscriber of image_test.reading{Of: 0x}"},
		{Seq: 2, ID: "*image_test.gauge(0x)", Role: "publisher (observer) of image_test.reading{Of: 0x}", Counts: true,
			Tallies: []image.Tally{{Conversation: "image_test.reading{Of: 0x}", Peers: 1}}},
		{Seq: 3, ID: "image_test.hand hand dial", Role: "publisher of image_test.memo{}"},
	}
	if diff := cmp.Diff(want, im.Processes[0].Endpoints); diff != "" {
		t.Error(diff)
	}
	s, err := im.State(types, nil)
	if err != nil {
		t.Fatal(err)
	}
	again, err := image.Of(s, types, nil)
	if diff := cmp.Diff(im, again); err != nil || diff != "" {
		t.Errorf("the image differs: %v %s", err, diff)
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
	types, err := image.NewTypes(actions.Define("image_test.temp", func(temp) actions.Action { return have() }).Type)
	if err != nil {
		t.Fatal(err)
	}
	m := vm.New(actions.Spawn(actions.Next(temp{1}, have())))
	m.Apply(vm.Input{Kind: vm.Start})
	if err := image.Check(m.Snapshot(), types); err != nil {
		t.Error(err)
	}
	im, err := image.Of(m.Snapshot(), types, toJSON)
	if err != nil {
		t.Fatal(err)
	}
	s, err := im.State(types, fromJSON)
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

// TestImageOfInterfaces: a type may have states of an interface type.
func TestImageOfInterfaces(t *testing.T) {
	typ := actions.Coded(actions.Define("image_test.mood", func(m mood) actions.Action { return silent(m.String()) }),
		func(m mood) ([]byte, error) { return []byte(m.String()), nil },
		func(data []byte) (mood, error) {
			if string(data) != "calm" {
				return nil, fmt.Errorf("no mood: %q", data)
			}
			return calm{}, nil
		})
	types, err := image.NewTypes(typ.Type)
	if err != nil {
		t.Fatal(err)
	}
	m := vm.New(actions.Spawn(actions.Next[mood](calm{}, silent("calm"))))
	m.Apply(vm.Input{Kind: vm.Start})
	im, err := image.Of(m.Snapshot(), types, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := im.State(types, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Machine(nil).String(); got != m.String() {
		t.Errorf("made anew: %s", got)
	}
	im.Processes[0].State = []byte("rage")
	_, err = im.State(types, nil)
	saysAll(t, err, "process 2", `no mood: "rage"`)
}

// A twin is a value that looks the same as all others.
type twin int

func (twin) String() string { return "twin" }

type letter struct{ To twin }

var letterTo = topic.FieldOf(func(l *letter) *twin { return &l.To })

// TestImageOfTwins is for Issue 9.5: conversations that look the same are not
// mixed up, and a restored machine goes on counting each of them.
func TestImageOfTwins(t *testing.T) {
	readers := []twin{3, 1, 6, 1, 2, 5, 4, 6, 6, 3}
	for _, tt := range []struct {
		name   string
		depth  int // at which the postman is
		opened []twin
	}{
		{"in one machine", 0, []twin{3, 1, 6, 2, 5, 4}},
		{"in a machine inside", 1, []twin{3, 1, 6, 2, 5, 4}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			original := newPostOffice(tt.depth, readers...)
			original.moves(4, 7) // 2 is not there any more, and 7 has come last
			opened, closed := append(tt.opened, 7), []twin{2}
			original.expect(t, opened, closed)
			anew := original.anew(t)
			for _, o := range []*postOffice{original, anew} {
				o.expect(t, opened, closed)
				o.moves(1, 0) // one of two
				o.moves(0, 4)
				o.expect(t, opened, closed)
				closed := closed
				for _, leaves := range []struct {
					reader int
					last   twin
				}{{3, 1}, {2, 0}, {7, 0}, {8, 6}, {9, 3}, {5, 5}, {0, 0}, {4, 7}, {6, 4}} {
					o.moves(leaves.reader, 0)
					if leaves.last > 0 {
						closed = append(slices.Clip(closed), leaves.last)
					}
					o.expect(t, opened, closed)
				}
			}
			if diff := cmp.Diff(original.image(t), anew.image(t)); diff != "" {
				t.Errorf("in the end, the restored machine differs (-original +restored):\n%s", diff)
			}
		})
	}
}

// TestImageOfTwinsNotCounted: a conversation that does not count is not taken for
// one that looks the same and does. That happens at a meta-level, where those who
// are there when counting begins do not count.
func TestImageOfTwinsNotCounted(t *testing.T) {
	for _, tt := range []struct {
		name   string
		counts []twin // after the others
	}{
		{"one counts", []twin{7}},
		{"two count", []twin{8, 7}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			original := newPostOffice(1, 1, 2, 5, 6)
			original.counts(false)
			original.counts(true) // and none of the four counts any more
			opened := []twin{1, 2, 5, 6}
			for i, to := range tt.counts {
				original.moves(2-i, to)
				opened = append(opened, to)
			}
			original.expect(t, opened, nil)
			anew := original.anew(t)
			for _, o := range []*postOffice{original, anew} {
				for i := range 4 {
					o.moves(i, none)
				}
				closed := slices.Clone(tt.counts) // by PID, and so the other way round
				slices.Reverse(closed)
				o.expect(t, opened, closed)
			}
		})
	}
}

// TestImageOfPointedTwins: what only pointers tell apart is not saved, because
// values that share a pointer may not share it when they are restored.
func TestImageOfPointedTwins(t *testing.T) {
	dials := []dial{{&gauge{"steam"}}, {&gauge{"oil"}}}
	counter := func() actions.Action {
		return endpoint.ObserveSubscribers(topic.All[reading](), endpoint.OnFirst(func(reading) actions.Action { return nil }, readingOf))
	}
	types, err := image.NewTypes(actions.Define("image_test.dial", func(d dial) actions.Action {
		return actions.Group(counter(), endpoint.Subscriber(topic.Where(readingOf.Is(d.of))))
	}).Type)
	if err != nil {
		t.Fatal(err)
	}
	var boot []actions.Action
	for _, d := range dials {
		boot = append(boot, actions.Spawn(actions.Next(d, counter(), endpoint.Subscriber(topic.Where(readingOf.Is(d.of))))).Named("tom"))
	}
	m := vm.New(boot...)
	m.Apply(vm.Input{Kind: vm.Start})
	_, err = image.Of(m.Snapshot(), types, func(actions.Type, any) ([]byte, error) { return nil, nil })
	saysAll(t, err, "process 2 tom", "cannot be told apart", "image_test.reading{Of: 0x}")
}
