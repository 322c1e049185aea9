package image_test

import (
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vm/image"
)

// temp is the state of a process that may not be what its type says.
type temp struct{ N int }

// alike is a type of names that all look the same.
type alike int

func (alike) String() string { return "somebody" }

// memos subscribes to memos.
func memos(key string) actions.AddEndpoint {
	return clerkEnd{Key: key}.open()
}

func silent(key string) actions.AddEndpoint { return endpoint.Subscriber(topic.Where(memoKey.Is(key))) }

func passive(e actions.AddEndpoint) actions.AddEndpoint {
	e.Passive = true
	return e
}

// saysAll fails the test unless the error says all that it should.
func saysAll(t *testing.T, err error, want ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("there is no error")
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("the error does not say %q: %v", w, err)
		}
	}
}

// TestImageErrors: a process that is not what its type says cannot be saved,
// and the error says what is wrong.
func TestImageErrors(t *testing.T) {
	set := func(as ...actions.Action) actions.Action { return actions.Group(as...) }
	wait := func(a actions.Action) actions.Action {
		return actions.Yield(func(s temp) actions.Transition[temp] { return actions.Next(s, a) })
	}
	for _, tt := range []struct {
		name string
		has  actions.Action // what the process opens
		open actions.Action // what its type gives
		want []string
	}{
		{"an endpoint is not given", silent("x").As("e"), nil, []string{`endpoint "e" (subscriber of image_test.memo{Key: "x"})`, "gives none"}},
		{"it is given at another level", silent("x").As("e"), actions.AtMeta(silent("x").As("e")), []string{`endpoint "e"`, "gives none"}},
		{"it is passive", passive(silent("x").As("e")), silent("x").As("e"), []string{`endpoint e`, "passive: false, and it is: true"}},
		{"it has another role", silent("x").As("e"), silent("y").As("e"), []string{`endpoint "e"`, `another role: subscriber of image_test.memo{Key: "y"}`}},
		{"it has another handler", silent("x").As("e"), endpoint.Subscriber(topic.Where(memoKey.Is("x")), endpoint.OnMessage(func(memo) actions.Action { return nil })).As("e"),
			[]string{"endpoint e", "other kinds of event"}},
		{"it counts its demand", silent("x").As("e"), endpoint.Subscriber(topic.Where(memoKey.Is("x")), endpoint.OnFirst(func(memo) actions.Action { return nil })).As("e"),
			[]string{`endpoint "e"`, "with a Demand: true; in the image: false"}},
		{"its handler is for another state", silent("x").As("e"), memos("x").As("e"), []string{"handler for state image_test.clerk, not image_test.temp"}},
		{"it has a name", silent("x").As("e"), silent("x"), []string{`endpoint "e"`, "gives none"}},
		{"it has no name", set(silent("x"), silent("x")), silent("x"), []string{"endpoint without a name", "fewer"}},
		{"endpoints without names in another order", set(silent("x"), silent("y")), set(silent("y"), silent("x")), []string{"another role"}},
		{"names look the same", set(silent("x").As(alike(1)), silent("y").As(alike(2))), set(silent("x").As(alike(1)), silent("y").As(alike(2))),
			[]string{"image_test.alike(somebody)", "gives 2 that cannot be told apart"}},
		{"another name looks the same", silent("x").As(alike(1)), silent("x").As(alike(2)), []string{"another name for somebody"}},
		{"one name for two endpoints", silent("x").As("e"), set(silent("x").As("e"), silent("y").As("e")), []string{`two endpoints "e"`}},
		{"a device is not given", set(silent("x"), actions.OpenDevice{Device: hand{"h"}}), silent("x"), []string{"no device hand h"}},
		{"a device has another handler", endpoint.Device(hand{"h"}), endpoint.Device(hand{"h"}, endpoint.OnValue(func(int) actions.Action { return nil })), []string{"hand h", "other kinds of event"}},
		{"Open does more than to open", silent("x").As("e"), set(silent("x").As("e"), actions.Send(memo{})), []string{"neither AddEndpoint, OpenDevice nor MonitorProcess", "send"}},
		{"Open opens a device at a meta-level", silent("x").As("e"), actions.AtMeta(endpoint.Device(hand{"h"})), []string{"a device at a meta-level"}},
		{"Open opens nothing that is a device", silent("x").As("e"), actions.OpenDevice{}, []string{"is no device"}},
		{"Open has no topic", silent("x").As("e"), actions.AddEndpoint{}, []string{"an endpoint with role"}},
		{"Open has a bad name", silent("x").As("e"), silent("x").As([]int{1}), []string{"a name that cannot be compared"}},
		{"it is not at rest", set(silent("x").As("e"), wait(wait(wait(wait(nil))))), silent("x").As("e"), []string{"not at rest", "actions wait in its queue"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			typ := actions.Define("image_test.temp", func(temp) actions.Action { return tt.open })
			types, err := image.NewTypes(typ.Type)
			if err != nil {
				t.Fatal(err)
			}
			m := vm.Config{Limits: vm.Limits{Steps: 1}}.New(actions.Spawn(actions.Next(temp{1}, tt.has)).Named("tom"))
			m.Apply(vm.Input{Kind: vm.Start})
			for m.Busy() && !strings.Contains(tt.name, "at rest") {
				m.Apply(vm.Input{Kind: vm.Continue})
			}
			_, err = image.Of(m.Snapshot(), types, toJSON)
			saysAll(t, err, append(tt.want, "process 2 tom")...)
			if checked := image.Check(m.Snapshot(), types); !m.Busy() {
				saysAll(t, checked, append(tt.want, "process 2 tom")...)
			}
		})
	}
}

// TestImageErrorsOfMonitors: the Open of a type returns the monitors of its processes.
func TestImageErrorsOfMonitors(t *testing.T) {
	hears := endpoint.Monitor(2, func(actions.PID, error) actions.Action { return nil })
	for _, tt := range []struct {
		name      string
		has, open actions.Action
		want      string
	}{
		{"it is not given", hears, nil, "gives no monitor of process 2"},
		{"another one is given", hears, actions.Monitor(3, nil), "gives no monitor of process 2"},
		{"it has another handler", hears, actions.Monitor(2, nil), "monitor of process 2 a handler for other kinds of event"},
		{"it binds", hears, hears.Binding(), "gives a monitor of process 2 that binds it: true"},
		{"it is given at a meta-level", hears, actions.AtMeta(hears), "a monitor at a meta-level"},
		{"its handler is for another state", hears, endpoint.MonitorState(2, func(s clerk, _ actions.PID, _ error) actions.Transition[clerk] {
			return actions.Next(s)
		}), "monitor of process 2 with a handler for state image_test.clerk"},
	} {
		typ := actions.Define("image_test.temp", func(s temp) actions.Action {
			if s.N == 0 {
				return silent("x")
			}
			return tt.open
		})
		types, err := image.NewTypes(typ.Type)
		if err != nil {
			t.Fatal(err)
		}
		m := vm.New(actions.Spawn(actions.Next(temp{0}, silent("x"))), actions.Spawn(actions.Next(temp{1}, tt.has)).Named("tom"))
		m.Apply(vm.Input{Kind: vm.Start})
		_, err = image.Of(m.Snapshot(), types, toJSON)
		saysAll(t, err, tt.want, "process 3 tom")
		saysAll(t, image.Check(m.Snapshot(), types), tt.want, "process 3 tom")
	}
}

// TestImageUnregistered: the error names all processes of no known type.
func TestImageUnregistered(t *testing.T) {
	o := newOffice(t, hire("ann", 0), actions.Spawn(actions.Next(temp{}, silent("x"))).Named("tom"),
		actions.Spawn(vm.Nested(actions.Spawn(actions.Stateless(actions.AtMeta(silent("x")))))).Named("room"))
	_, err := image.Of(o.m.Snapshot(), o.types, toJSON)
	e, ok := errors.AsType[*image.UnregisteredError](err)
	if !ok {
		t.Fatal(err)
	}
	want := []image.Unregistered{{Path: vm.Path{3}, Name: "tom", State: reflect.TypeFor[temp]()}, {Path: vm.Path{4, 2}, State: reflect.TypeFor[struct{}]()}}
	if !reflect.DeepEqual(e.Processes, want) {
		t.Errorf("got %v, want %v", e.Processes, want)
	}
	saysAll(t, err, "2: 3 tom with state image_test.temp, 4/2 with state struct {}")
}

// TestImageOfNoMachine: only a machine that runs can be saved, and only
// if its states can.
func TestImageOfNoMachine(t *testing.T) {
	o := newOffice(t, hire("ann", 0))
	_, err := image.Of(vm.State{}, o.types, toJSON)
	saysAll(t, err, "zero State")
	_, err = image.Of(vm.New().Snapshot(), o.types, toJSON)
	saysAll(t, err, "not started")
	_, err = image.Of(o.m.Snapshot(), o.types, nil)
	saysAll(t, err, "process 2 ann", "no Encode")
	_, err = image.Of(o.m.Snapshot(), o.types, func(actions.Type, any) ([]byte, error) { panic("no ink") })
	saysAll(t, err, "process 2 ann", "no ink")
	panics, _ := image.NewTypes(actions.Define("image_test.clerk", func(clerk) actions.Action { panic("jammed") }).Type)
	_, err = image.Of(o.m.Snapshot(), panics, toJSON)
	saysAll(t, err, "process 2 ann", "panic: jammed")
	o.m.Apply(vm.Input{Kind: vm.StopAsked})
	_, err = image.Of(o.m.Snapshot(), o.types, toJSON)
	saysAll(t, err, "stopped")
}

// TestImageStateErrors: an image that does not fit, in itself or the types, is
// refused, and the error says why.
func TestImageStateErrors(t *testing.T) {
	for _, tt := range []struct {
		name   string
		damage func(*image.Image)
		want   []string
	}{
		{"limits", func(im *image.Image) { im.Limits.Queue = 0 }, []string{"limits"}},
		{"generation", func(im *image.Image) { im.Generation = math.MaxUint64 }, []string{"too large to be true"}},
		{"PID given out later", func(im *image.Image) { im.Last = 1 }, []string{"process 2 ann", "PID"}},
		{"PIDs out of order", func(im *image.Image) { im.Processes[1].PID = 2 }, []string{"process 2 room", "PID"}},
		{"PID zero", func(im *image.Image) { im.Processes[0].PID = 0 }, []string{"process 0 ann", "PID"}},
		{"depth", func(im *image.Image) { im.Processes[0].Depth = 1 }, []string{"depth 1"}},
		{"number of endpoints", func(im *image.Image) { im.Processes[0].Seq = math.MaxUint32 }, []string{"process 2 ann", "too large to be true"}},
		{"processes in no machine", func(im *image.Image) { im.Processes[0].Last = 1 }, []string{"process 2 ann", "last PID inside"}},
		{"a machine with a state", func(im *image.Image) { im.Processes[1].State = []byte("x") }, []string{"process 3 room", "has a state"}},
		{"type", func(im *image.Image) { im.Processes[0].Type = "chief" }, []string{"process 2 ann", `the program has no process type "chief"`}},
		{"state", func(im *image.Image) { im.Processes[0].State = []byte("{") }, []string{"process 2 ann", "cannot be decoded"}},
		{"endpoints out of order", func(im *image.Image) { im.Processes[0].Endpoints[0].Seq = 9 }, []string{"process 2 ann", "out of order"}},
		{"level", func(im *image.Image) { im.Processes[0].Endpoints[0].Level = 1 }, []string{"process 2 ann", "at level 1", "gives none"}},
		{"role", func(im *image.Image) { im.Processes[0].Endpoints[0].Role = "boss" }, []string{"process 2 ann", "another role"}},
		{"endpoint of nobody inside", func(im *image.Image) { im.Processes[0].Endpoints[0].Inner = 1 }, []string{"process 2 ann", "no virtual machine"}},
		{"endpoint of somebody else inside", func(im *image.Image) { im.Processes[1].Endpoints[0].InnerSeq = 7 }, []string{"process 3 room", "not one that a process inside has"}},
		{"endpoint twice outside", func(im *image.Image) {
			p := &im.Processes[1]
			p.Endpoints, p.Seq = append(p.Endpoints, p.Endpoints[0]), 2
			p.Endpoints[1].Seq = 2
		}, []string{"process 3 room", "twice"}},
		{"endpoint not outside", func(im *image.Image) { im.Processes[1].Endpoints = nil }, []string{"process 3/2 ida", "has none in the machine around"}},
		{"endpoint twice", func(im *image.Image) {
			p := &im.Processes[0]
			p.Endpoints = append(p.Endpoints[:1:1], p.Endpoints...)
			p.Endpoints[1].Seq, p.Endpoints[2].Seq, p.Seq = 2, 3, 3
		}, []string{"process 2 ann", "twice"}},
		{"number of an endpoint without a name", func(im *image.Image) { im.Processes[0].Endpoints[0].Anonymous = 7 }, []string{"process 2 ann", "without a name: 7"}},
		{"demand of nobody", func(im *image.Image) { im.Processes[2].Endpoints[0].Tallies[0].Conversation = "z" }, []string{"process 3/2 ida", "nobody is there"}},
		{"demand of nobody that looks the same", func(im *image.Image) { im.Processes[2].Endpoints[0].Tallies[0].Alike = 1 }, []string{"process 3/2 ida", "number 1", "nobody is there"}},
		{"demand with a bad number", func(im *image.Image) { im.Processes[2].Endpoints[0].Tallies[0].Alike = -1 }, []string{"process 3/2 ida", "number -1", "out of order"}},
		{"demand of none", func(im *image.Image) { im.Processes[2].Endpoints[0].Tallies[0].Peers = 0 }, []string{"process 3/2 ida", "0 peers"}},
		{"demand where none is counted", func(im *image.Image) { im.Processes[0].Endpoints[0].Tallies = []image.Tally{{}} }, []string{"process 2 ann", "with a Demand: false; in the image: false, with 1 tallies"}},
		{"demand twice", func(im *image.Image) {
			e := &im.Processes[2].Endpoints[0]
			e.Tallies = append(e.Tallies, e.Tallies...)
		}, []string{"process 3/2 ida", "out of order"}},
		{"device", func(im *image.Image) { im.Processes[0].Devices[0].Device = "foot" }, []string{"process 2 ann", "no device foot"}},
		{"number of a device", func(im *image.Image) { im.Processes[0].Devices[0].Generation = 99 }, []string{"process 2 ann", "number 99"}},
		{"number of two devices", func(im *image.Image) { im.Processes[2].Devices[0].Generation = 1 }, []string{"process 3/2 ida", "number 1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := newOffice(t, hire("ann", 0), hire("ida", 1))
			o.tell("ann", open(clerkEnd{ID: "e", Key: "x"}), open(clerkEnd{ID: "f"}))
			o.tell("ida", open(clerkEnd{Is: "counter", ID: "c", Level: 1}))
			im := o.image()
			tt.damage(im)
			_, err := im.State(o.types, fromJSON)
			saysAll(t, err, tt.want...)
		})
	}
	o := newOffice(t, hire("ann", 0))
	_, err := o.image().State(o.types, func(actions.Type, []byte) (any, error) { return 7, nil })
	saysAll(t, err, "process 2 ann", "it is a int, not a image_test.clerk")
	_, err = o.image().State(o.types, nil)
	saysAll(t, err, "process 2 ann", "no Decode")
}

// TestNewKinds: types have to be complete, and different.
func TestNewTypes(t *testing.T) {
	open := func(any) actions.Action { return nil }
	state := reflect.TypeFor[temp]()
	for _, tt := range []struct {
		name string
		typ  actions.Type
		want string
	}{
		{"no name", actions.Type{State: state, Open: open}, "image_test.temp"},
		{"no state", actions.Type{Name: "n", Open: open}, `"n" has no State`},
		{"no Open", actions.Type{Name: "n", State: state}, `"n" has no Open`},
		{"no Decode", actions.Type{Name: "n", State: state, Open: open, Encode: func(any) ([]byte, error) { return nil, nil }}, `"n" has one of`},
		{"a machine", actions.Type{Name: "n", State: vm.Nested().StateType(), Open: open}, `"n" is for virtual machines`},
		{"one name", actions.Type{Name: clerks.Name, State: state, Open: open}, `two types are called "image_test.clerk"`},
		{"one state", actions.Type{Name: "n", State: clerks.State, Open: open}, `"image_test.clerk" and "n"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := image.NewTypes(clerks.Type, tt.typ)
			saysAll(t, err, tt.want)
		})
	}
	set, err := image.NewTypes(clerks.Type)
	if k, ok := set.ByName("image_test.clerk"); err != nil || !ok || k.State != clerks.State {
		t.Errorf("by its name: %v, %v", k, err)
	}
	if k, ok := set.ByState(clerks.State); !ok || k.Name != clerks.Name {
		t.Errorf("by its state: %v", k)
	}
}
