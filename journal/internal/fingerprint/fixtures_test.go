package fingerprint_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"time"
	"unique"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

type (
	says struct {
		Who, What string
		Raw       []byte
	}
	node struct {
		name string
		next *node
		all  []*node
		by   map[string]*node
		any  any
	}
	id     int
	handle struct{ h unique.Handle[string] }
	state  struct {
		Count   int
		secret  map[id][]string
		clock   world.Clock
		device  world.Device
		err     error
		fn      func()
		ch      chan int
		mu      sync.Mutex
		when    time.Time
		of      topic.Topic
		message topic.Message
		handle  handle
		address uintptr
		cache   int `fingerprint:"-"`
		float   float64
		pair    [2]complex64
	}
	// A labelled has the methods of a clock, but is more than that.
	labelled struct {
		world.Clock
		Label string
	}
	// A shy is an error that panics if it is nil inside.
	shy struct{ text *string }
	// A place is a device by pointer.
	place struct{ name string }
)

func (s shy) Error() string { return *s.text }

func (p *place) DeviceName() string { return "place " + p.name }
func (p *place) Open(context.Context, world.Env) (world.Handle, error) {
	return nil, errors.New("not a place to go")
}

var _ = &(&state{}).mu

var who = topic.FieldOf(func(s *says) *string { return &s.Who })

func ptr[T any](v T) *T { return &v }

var noon = time.Date(2026, 11, 28, 12, 0, 0, 5, time.UTC)

// circle returns a node that is part of itself.
func circle() *node {
	n := &node{name: "a"}
	n.next = &node{name: "b", next: n}
	return n
}

// An example is a value with a name. Those of different names differ.
type example struct {
	name string
	v    any
}

// examples makes the values anew each time, so that they are somewhere else in
// memory.
func examples() []example {
	looped := []any{1, nil}
	looped[1] = looped
	return []example{
		{"nil", nil},
		{"zero", 0}, {"one", 1}, {"minus one", -1}, {"one of another type", id(1)}, {"unsigned", uint(1)}, {"byte", uint8(1)},
		{"true", true}, {"false", false}, {"text", "1"}, {"no text", ""}, {"float", 1.0}, {"minus zero", math.Copysign(0, -1)},
		{"no number", math.NaN()}, {"complex", 1 + 2i}, {"small float", float32(1)},
		{"strings", []string{"a", "bc"}}, {"other strings", []string{"ab", "c"}}, {"no strings", []string{}}, {"nil strings", []string(nil)},
		{"bytes", []byte("a")}, {"no bytes", []byte{}}, {"nil bytes", []byte(nil)}, {"array", [2]string{"a", "bc"}},
		{"map", map[string]int{"a": 1, "b": 2, "c": 3}}, {"other map", map[string]int{"a": 1, "b": 3, "c": 2}},
		{"map of one", map[string]int{"a": 1}}, {"empty map", map[string]int{}}, {"nil map", map[string]int(nil)},
		{"map of pointers", map[*int]string{ptr(1): "a", ptr(2): "b"}},
		{"says", says{"tony", "hi", []byte("x")}}, {"pointer to says", &says{"tony", "hi", []byte("x")}}, {"nil pointer", (*says)(nil)},
		{"pointer to pointer", ptr(ptr(1))}, {"pointer to nil", ptr[*int](nil)},
		{"list", &node{name: "a", next: &node{name: "b"}}}, {"other list", &node{name: "a", next: &node{name: "c"}}},
		{"circle", circle()}, {"circle, begun elsewhere", circle().next}, {"loop", looped},
		{"longer circle", &node{name: "a", next: &node{name: "b", next: circle()}}},
		{"func", func() {}}, {"nil func", (func())(nil)}, {"chan", make(chan int)}, {"nil chan", (chan int)(nil)},
		{"state", state{Count: 1}}, {"secret", state{secret: map[id][]string{1: {"a"}}}}, {"clock", state{clock: world.SystemClock()}},
		{"other clock", state{clock: world.NewManualClock("test", noon)}}, {"device", state{device: world.Alarm{After: 5}}}, {"other device", state{device: &place{"a"}}},
		{"error", state{err: io.EOF}}, {"other error", state{err: fmt.Errorf("x: %w", io.EOF)}}, {"error, reduced", state{err: world.Reduce(io.EOF)}},
		{"broken error", state{err: shy{}}}, {"function", state{fn: func() {}}}, {"channel", state{ch: make(chan int)}},
		{"time", state{when: noon}}, {"later", state{when: noon.Add(1)}}, {"topic", state{of: topic.Where(who.Is("tony")).Topic()}},
		{"other topic", state{of: topic.Where(who.Is("tina")).Topic()}}, {"all", state{of: topic.All[says]().Topic()}}, {"any", state{of: topic.Any.Topic()}},
		{"glob", state{of: topic.Where(topic.Glob(who, "t*")).Topic()}},
		{"tuple", state{of: topic.Like(topic.Tuple{"a", topic.Wild, 3}).Topic()}},
		{"message", state{message: topic.MessageOf(says{Who: "a"})}}, {"other message", state{message: topic.MessageOf(1)}},
		{"handle", state{handle: handle{unique.Make("a")}}}, {"other handle", state{handle: handle{unique.Make("b")}}},
		{"float in a state", state{float: 1}}, {"pair", state{pair: [2]complex64{1, 2i}}},
		{"handle alone", handle{unique.Make("a")}}, {"labelled", labelled{world.SystemClock(), "a"}}, {"otherwise labelled", labelled{world.SystemClock(), "b"}},
		{"world.Error", &world.Error{Kind: "a"}}, {"other world.Error", &world.Error{Op: "a"}},
		{"panic", &vm.PanicError{Value: "a", Stack: []byte{1}}}, {"other panic", &vm.PanicError{Value: 1}}, {"no panic", (*vm.PanicError)(nil)},
		{"send", actions.Send(says{Who: "a"})}, {"quit", actions.Quit()}, {"spawn", actions.Spawn(actions.Stateless()).Named("a")},
		{"tree", actions.Group(actions.Quit(), actions.Send(1))},
		{"endpoint", endpoint.Publisher(topic.All[says]())}, {"other endpoint", endpoint.Subscriber(topic.All[says](), endpoint.OnMessage(func(says) actions.Action { return nil }))},
		{"tell", actions.Tell(&place{"a"}, says{})}, {"any in a node", &node{any: id(1)}}, {"another any", &node{any: 1}},
		{"map in a node", &node{by: map[string]*node{"x": {name: "x"}, "y": nil}}}, {"nodes", &node{all: []*node{{}, nil}}},
	}
}
