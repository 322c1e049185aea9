package door_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A subscription to what cannot be written down ends at once, with an error that names it.
func TestSubscribeRefuses(t *testing.T) {
	type holder struct {
		Any any
		Ref *int
	}
	world.Register[holder]("door_test.holder")
	anything := topic.FieldOf(func(h *holder) *any { return &h.Any })
	d := door.New("shop")
	run(t, new(ground.Ground), d.Driver())
	for p, want := range map[topic.Pattern[holder]]string{
		topic.Where(anything.Is(stranger{1})):    "door_test.stranger is not registered",
		topic.Where(anything.Is(&world.Error{})): "is not equal to what is decoded",
		topic.Where(anything.Is(math.Pi)):        "",
	} {
		ev := read(t, door.Subscribe(soon(t), d, p)).want(kindFor(want), holder{})
		if want != "" && !strings.Contains(ev.Reason.Error(), want) {
			t.Errorf("%v: %v, want %q", p, ev.Reason, want)
		}
	}
	ev := read(t, door.Subscribe(soon(t), d, topic.All[stranger]())).want(door.End, stranger{})
	if !strings.Contains(ev.Reason.Error(), "the message type door_test.stranger is not registered") {
		t.Error(ev.Reason)
	}
}

func kindFor(want string) door.Kind {
	if want == "" {
		return door.Started
	}
	return door.End
}

// All sorts of topics go in.
func TestTopics(t *testing.T) {
	d := door.New("shop")
	run(t, new(ground.Ground), d.Driver(), seller())
	checkTopic(t, d, topic.Where(item.Is("tea"), quantity.Is(1)), receipt{"tea", 1}, receipt{"tea", 2})
	checkTopic(t, d, topic.Where(topic.Glob(item, "t*")), receipt{"tea", 1}, receipt{"milk", 1})
	some := topic.Tuple{"a", topic.Tuple{1, topic.Wild}}
	r := read(t, door.Subscribe(soon(t), d, topic.Like(some)))
	if ev, _ := r.next(); ev.Kind != door.Started {
		t.Fatalf("%v", ev)
	}
	for _, m := range []topic.Tuple{{"a", 1}, {"a", topic.Tuple{2, 1}}, {"a", topic.Tuple{1, 2}}} {
		if err := d.Send(soon(t), m); err != nil {
			t.Fatal(err)
		}
	}
	if ev, _ := r.next(); ev.Kind != door.Message || ev.Value.String() != topic.MessageOf(topic.Tuple{"a", topic.Tuple{1, 2}}).Value().(topic.Tuple).String() {
		t.Errorf("got %v %v", ev.Kind, ev.Value)
	}
	everything := read(t, door.Subscribe(soon(t), d, topic.Any, door.Observing()))
	everything.next()
	if err := d.Send(soon(t), order{"tea", 1}); err != nil {
		t.Fatal(err)
	}
	present := 0
	for {
		ev, _ := everything.next()
		if ev.Kind == door.Presence && ev.Value.Topic.Valid() {
			present++
			continue
		}
		if o, ok := topic.As[order](ev.Value.Message); !ok || o.N != 1 || present == 0 {
			t.Errorf("a subscription to everything got %v %v after %d presences", ev.Kind, ev.Value, present)
		}
		return
	}
}

// checkTopic checks that a subscription hears one message, and not another.
func checkTopic[M comparable](t *testing.T, d *door.Door, p topic.Pattern[M], heard, other M) {
	t.Helper()
	r := read(t, door.Subscribe(soon(t), d, p, door.Observing()))
	var zero M
	r.want(door.Started, zero)
	for {
		ev, _ := r.next()
		if ev.Kind == door.Presence {
			if err := errors.Join(d.Send(soon(t), other), d.Send(soon(t), heard)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if ev.Kind != door.Message || ev.Value != heard {
			t.Errorf("%v: %v %v %v", p, ev.Kind, ev.Value, ev.Reason)
		}
		return
	}
}

// Publish makes Go code present as a publisher, which gets feedback.
func TestPublish(t *testing.T) {
	d := door.New("shop")
	run(t, new(ground.Ground), d.Driver(), actions.Spawn(actions.Stateless(
		endpoint.Subscriber(topic.Where(item.Is("tea")),
			endpoint.OnPresence(func(receipt) actions.Action { return actions.Feedback(receipt{"tea", 7}) })))))
	r := read(t, door.Publish(soon(t), d, topic.All[receipt]()))
	r.want(door.Started, receipt{})
	r.want(door.Presence, receipt{Item: "tea"})
	r.want(door.Message, receipt{"tea", 7})
	if err := d.Feedback(soon(t), receipt{"milk", 1}); err != nil {
		t.Fatal(err)
	}
	r.want(door.Message, receipt{"milk", 1})
}

// and harms nobody.
func TestSlowSubscriber(t *testing.T) {
	d := door.New("shop")
	run(t, new(ground.Ground), d.Driver(), seller())
	slow := read(t, door.Subscribe(soon(t), d, topic.All[receipt](), door.Buffer(2)))
	slow.want(door.Started, receipt{})
	slow.want(door.Presence, receipt{})
	dropping := read(t, door.Subscribe(soon(t), d, topic.All[receipt](), door.Buffer(2), door.DropWhenFull()))
	dropping.want(door.Started, receipt{})
	dropping.want(door.Presence, receipt{})
	quick := read(t, door.Subscribe(soon(t), d, topic.All[receipt]()))
	quick.want(door.Started, receipt{})
	quick.want(door.Presence, receipt{})
	for n := range 5 {
		if err := d.Send(soon(t), order{"tea", n}); err != nil {
			t.Fatal(err)
		}
		quick.want(door.Message, receipt{"tea", n})
	}
	slow.want(door.Message, receipt{"tea", 0})
	slow.want(door.Message, receipt{"tea", 1})
	slow.wantEnd(door.ErrSlow)
	dropping.want(door.Message, receipt{"tea", 0})
	dropping.want(door.Message, receipt{"tea", 1})
	if err := d.Send(soon(t), order{"tea", 9}); err != nil {
		t.Fatal(err)
	}
	quick.want(door.Message, receipt{"tea", 9})
	if ev := dropping.want(door.Message, receipt{"tea", 9}); ev.Dropped != 3 {
		t.Errorf("%d were dropped, want 3", ev.Dropped)
	}
	if err := d.Send(soon(t), order{"tea", 10}); err != nil {
		t.Fatal(err)
	}
	if ev := dropping.want(door.Message, receipt{"tea", 10}); ev.Dropped != 0 {
		t.Errorf("%d were dropped, want none", ev.Dropped)
	}
}

// A loop that ends closes its endpoint, which peers see come and go unless it observes.
func TestLoopEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := door.New("shop")
		came, went := 0, 0
		stop := run(t, new(ground.Ground), d.Driver(), actions.Spawn(actions.Stateless(endpoint.Publisher(topic.All[receipt](),
			endpoint.OnPresence(func(receipt) actions.Action { came++; return nil }),
			endpoint.OnAbsence(func(receipt, error) actions.Action { went++; return nil })))))
		for range door.Subscribe(t.Context(), d, topic.All[receipt]()) {
			break
		}
		for range door.Subscribe(t.Context(), d, topic.All[receipt](), door.Observing()) {
			break
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for ev := range door.Subscribe(ctx, d, topic.All[receipt]()) {
			if ev.Kind == door.Started {
				cancel()
			} else if ev.Kind != door.Presence && (ev.Kind != door.End || !errors.Is(ev.Reason, context.Canceled)) {
				t.Errorf("%v %v", ev.Kind, ev.Reason)
			}
		}
		synctest.Wait()
		if came != 2 || went != 2 {
			t.Errorf("%d have come, and %d have gone; want 2 each", came, went)
		}
		stop()
	})
}
