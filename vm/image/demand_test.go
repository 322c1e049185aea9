package image_test

import (
	"encoding/json"
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

// A postman opens a box for each twin whose letters somebody reads, and closes it
// when the last reader has gone. The texts of all twins are the same.
type postman struct {
	Level          int // at which readers are
	Idle           bool
	Opened, Closed []twin
}

func (p postman) box() actions.Action {
	box := endpoint.ObserveSubscribers(topic.All[letter](),
		endpoint.OnFirstState(func(p postman, l letter) actions.Transition[postman] {
			p.Opened = append(slices.Clip(p.Opened), l.To)
			return actions.Next(p)
		}, letterTo),
		endpoint.OnLastState(func(p postman, l letter) actions.Transition[postman] {
			p.Closed = append(slices.Clip(p.Closed), l.To)
			return actions.Next(p)
		}, letterTo))
	if p.Idle {
		box = endpoint.ObserveSubscribers(topic.All[letter]())
	}
	var a actions.Action = box.As("box")
	for range p.Level {
		a = actions.AtMeta(a)
	}
	return a
}

func (p postman) open() actions.Action {
	return actions.Group(
		endpoint.Device(hand{"postman"}, endpoint.OnValueState(func(p postman, counts bool) actions.Transition[postman] {
			p.Idle = !counts
			return actions.Next(p, p.box())
		})),
		p.box(),
	)
}

// A reader subscribes to the letters to one twin, or, if its hand says so, to
// another one.
type reader struct {
	Number int
	Of     twin
}

const none = twin(0) // to say that a reader should leave

func (r reader) open() actions.Action {
	return actions.Group(
		endpoint.Device(hand{fmt.Sprint("reader ", r.Number)}, endpoint.OnValueState(func(r reader, to twin) actions.Transition[reader] {
			if to == none {
				return actions.Next(r, actions.Quit())
			}
			r.Of = to
			return actions.Next(r, actions.Replace(endpoint.Subscriber(topic.Where(letterTo.Is(to))).As("mail")))
		})),
		endpoint.Subscriber(topic.Where(letterTo.Is(r.Of))).As("mail"),
	)
}

// A postOffice is a machine with a postman, who may be further inside, and readers.
type postOffice struct {
	m     *vm.Machine
	hands map[string]*vm.Address
}

func newPostOffice(depth int, readers ...twin) *postOffice {
	p := postman{Level: depth}
	var boot actions.Action = actions.Spawn(actions.Next(p, p.open())).Named("postman")
	for range depth {
		boot = actions.Spawn(vm.Nested(boot))
	}
	all := actions.Tree{boot}
	for i, of := range readers {
		r := reader{i, of}
		all = append(all, actions.Spawn(actions.Next(r, r.open())))
	}
	o := &postOffice{vm.New(all), map[string]*vm.Address{}}
	for _, c := range run(o.m, vm.Input{Kind: vm.Start}) {
		o.hands[c.Address.Device.(hand).Name] = c.Address
	}
	return o
}

// moves makes a reader subscribe to the letters to another twin, or leave.
func (o *postOffice) moves(reader int, to twin) {
	run(o.m, vm.Input{Kind: vm.Value, Address: o.hands[fmt.Sprint("reader ", reader)], Value: to})
}

// counts makes the postman begin or cease to count readers.
func (o *postOffice) counts(yes bool) {
	run(o.m, vm.Input{Kind: vm.Value, Address: o.hands["postman"], Value: yes})
}

// expect checks which boxes the postman has opened and closed.
func (o *postOffice) expect(t *testing.T, opened, closed []twin) {
	t.Helper()
	for p := range o.m.Processes() {
		s, ok := p.State.(postman)
		if !ok {
			continue
		}
		if !slices.Equal(s.Opened, opened) || !slices.Equal(s.Closed, closed) {
			t.Fatalf("the boxes of %d were opened and those of %d closed; want %d and %d", s.Opened, s.Closed, opened, closed)
		}
		return
	}
	t.Fatal("there is no postman")
}

var postKinds = func() image.Types {
	k, err := image.NewTypes(
		actions.Define("image_test.postman", postman.open).Type,
		actions.Define("image_test.reader", reader.open).Type,
	)
	if err != nil {
		panic(err)
	}
	return k
}()

func (o *postOffice) image(t *testing.T) *image.Image {
	t.Helper()
	im, err := image.Of(o.m.Snapshot(), postKinds, toJSON)
	if err != nil {
		t.Fatal(err)
	}
	return im
}

// anew returns the post office as it is restored from its image, and checks that
// its image is the same.
func (o *postOffice) anew(t *testing.T) *postOffice {
	t.Helper()
	im := o.image(t)
	text, err := json.Marshal(im)
	if err != nil {
		t.Fatal(err)
	}
	var read image.Image
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	s, err := read.State(postKinds, fromJSON)
	if err != nil {
		t.Fatal(err)
	}
	anew := &postOffice{s.Machine(nil), o.hands}
	if diff := cmp.Diff(im, anew.image(t)); diff != "" {
		t.Errorf("the image of the restored machine differs (-original +restored):\n%s", diff)
	}
	return anew
}

// TestDemandAlike is for Issue 9.5: each conversation has its first and its last,
// however many of them have the same text.
func TestDemandAlike(t *testing.T) {
	for _, n := range []int{1, 2, 4, 5, 6, 40} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			var readers, all, left []twin
			for i := range n {
				readers = append(readers, twin(i+1), twin(i+1)) // two for each
				all = append(all, twin(i+1))
			}
			o := newPostOffice(0, readers...)
			o.expect(t, all, nil)
			for i := range n { // in another order than they have come
				who := i * 7 % n
				if n%7 == 0 {
					who = i
				}
				o.moves(2*who, none)
				o.expect(t, all, left)
				o.moves(2*who+1, none)
				left = append(left, twin(who+1))
				o.expect(t, all, left)
			}
		})
	}
}

// TestDemandAlikeMoves: one conversation ends and another one with the same text
// begins, in one step.
func TestDemandAlikeMoves(t *testing.T) {
	o := newPostOffice(0, 1, 2, 3, 4, 5, 6)
	all := []twin{1, 2, 3, 4, 5, 6}
	o.moves(5, 7)
	o.moves(0, 6)
	o.moves(1, 1)
	o.moves(2, 6)
	o.expect(t, append(all, 7, 6, 1), []twin{6, 1, 2, 3})
	for i := range 6 {
		o.moves(i, none)
	}
	o.expect(t, append(all, 7, 6, 1), []twin{6, 1, 2, 3, 1, 6, 4, 5, 7})
}
