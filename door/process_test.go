package door

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/world"
)

type remark struct {
	Who  string
	Text any
}

func init() { world.Register[remark]("door.remark") }

var (
	who  = topic.FieldOf(func(r *remark) *string { return &r.Who })
	text = topic.FieldOf(func(r *remark) *any { return &r.Text })
)

// rig is a machine with the process of a door, whose device the test plays.
func rig(t *testing.T) (*vmtest.Machine, *vmtest.Device) {
	t.Helper()
	d := New("shop")
	m := vmtest.Config{Types: Types(New("other"), d)}.Run(t, d.Driver())
	h := m.Device(device{"shop", d})
	h.Value(opened{})
	h.ExpectCommands(ready{})
	return m, h
}

func subscribing(t *testing.T, id uint64, p interface{ Topic() topic.Topic }) subscribe {
	t.Helper()
	w, err := writeTopic(p.Topic())
	if err != nil {
		t.Fatal(err)
	}
	return subscribe{ID: id, Orientation: topic.Subscriber, Topic: w}
}

// What is sent in a batch is performed in its order, before the acknowledgement. The
// process can be saved and restored whenever the machine is at rest, with subscriptions
// of all sorts: vmtest.Config.Types.
func TestBatch(t *testing.T) {
	m, h := rig(t)
	all := vmtest.Subscriber(m, topic.All[remark]())
	h.Value(remark{"ann", 1})
	all.ExpectMessages(remark{"ann", 1})
	h.ExpectCommands(taken{1})
	h.Value(batch{[]any{
		remark{"ann", 2},
		subscribing(t, 1, topic.Where(who.Is("ann"), text.Is(true))),
		subscribing(t, 2, topic.Where(topic.Glob(who, "a*"))),
		subscribing(t, 3, topic.Any),
		subscribing(t, 4, topic.Like(topic.Tuple{"x", topic.Wild})),
		subscribing(t, 5, topic.All[topic.Tuple]()),
		unsubscribe{3}, unsubscribe{99},
		remark{"ann", true},
		topic.Tuple{"x", 1},
	}})
	all.ExpectMessages(remark{"ann", 2}, remark{"ann", true})
	got := vmtest.Commands[any](h)
	if len(got) == 0 || got[len(got)-1] != any(taken{10}) && got[0] != any(taken{10}) {
		t.Errorf("the device was told %v", got)
	}
	var ids []uint64
	for _, c := range got {
		if c, ok := c.(told); ok && c.Kind == Message {
			ids = append(ids, c.ID)
		}
	}
	if slices.Sort(ids); !slices.Equal(ids, []uint64{1, 2, 4, 5}) {
		t.Errorf("subscriptions %v heard the messages", ids)
	}
}

// At the opening value, the process forgets the subscriptions of an earlier opening.
func TestOpenedAgain(t *testing.T) {
	m, h := rig(t)
	h.Value(subscribing(t, 1, topic.All[remark]()))
	m.Perform(actions.Send(remark{"ann", 1}))
	if got := vmtest.Commands[any](h); len(got) != 2 {
		t.Fatalf("the device was told %v", got)
	}
	h.Value(opened{})
	m.Perform(actions.Send(remark{"ann", 2}))
	h.ExpectCommands(ready{})
	h.ExpectNothing()
	h.Value(subscribing(t, 1, topic.All[remark]())) // the number is free again
	h.ExpectCommands(taken{1})
}

// A subscription to a type that the program does not know any more ends, and only that.
func TestSubscribeUnknown(t *testing.T) {
	_, h := rig(t)
	h.Value(subscribe{ID: 1, Topic: writtenTopic{Type: "nothing"}})
	got := vmtest.Commands[any](h)
	end, ok := got[0].(told)
	if !ok || end.Kind != End || !strings.Contains(end.Reason.Error(), `no type is registered as "nothing"`) || got[1] != any(taken{1}) {
		t.Errorf("the device was told %v", got)
	}
	h.Value(remark{"ann", 1})
	h.ExpectCommands(taken{1})
}

// The process ends with the device, for the same reason.
func TestDeviceEnds(t *testing.T) {
	for _, reason := range []error{nil, errors.New("broken")} {
		m, h := rig(t)
		p := vmtest.ObservePublishers(m, Open("shop"))
		p.ExpectPresence(Here{"shop"})
		h.End(reason)
		p.ExpectAbsence(Here{"shop"}, world.Reduce(reason))
	}
}

// The state of the process is not restored from bytes that are not one, nor for a door
// that the program does not have.
func TestReadKeeper(t *testing.T) {
	d := New("shop")
	s := subscribing(t, 1, topic.All[remark]())
	for _, c := range []struct {
		k     *keeper
		doors []*Door
		want  string
	}{
		{newKeeper(device{"shop", d}, holds).with([]*subscribe{&s}), []*Door{d}, ""},
		{newKeeper(device{"shop", d}, holds).with(nil), []*Door{New("x")}, `there is no door "shop"`},
		{newKeeper(device{"shop", d}, holds+1).with(nil), []*Door{d}, "not the state"},
		{newKeeper(device{"shop", d}, looks).with([]*subscribe{&s, &s}), []*Door{d}, "not the state"},
		{newKeeper(device{"shop", d}, looks).with([]*subscribe{nil}), []*Door{d}, "not the state"},
		{newKeeper(device{"shop", d}, looks).with([]*subscribe{{Topic: writtenTopic{Type: "x"}}}), []*Door{d}, "subscription 0"},
	} {
		data, err := c.k.write()
		if err != nil {
			t.Fatal(err)
		}
		k, err := read(data, c.doors)
		if c.want == "" && (err != nil || k.device != c.k.device || len(k.subs) != 1) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v is read as %+v, %v", c.k, k, err)
		}
		if _, err := read(append(data, 0), c.doors); err == nil {
			t.Errorf("%+v with a byte more is read", c.k)
		}
	}
	if _, err := read([]byte{1}, nil); err == nil {
		t.Error("a number is read")
	}
}
