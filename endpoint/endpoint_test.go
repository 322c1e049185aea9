package endpoint_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

type note struct {
	Key  string
	Text string
}

var key = topic.FieldOf(func(n *note) *string { return &n.Key })

// heard is what has been heard, in order.
type heard []string

func (h *heard) add(format string, args ...any) actions.Action {
	*h = append(*h, fmt.Sprintf(format, args...))
	return nil
}

func (h *heard) want(t *testing.T, lines ...string) {
	t.Helper()
	if !slices.Equal(*h, lines) {
		t.Errorf("heard\n\t%s\nwant\n\t%s", strings.Join(*h, "\n\t"), strings.Join(lines, "\n\t"))
	}
}

// all is the handlers of everything.
func (h *heard) all(who string) []endpoint.Handler[note] {
	return []endpoint.Handler[note]{
		endpoint.OnPresence(func(c note) actions.Action { return h.add("%s: presence %q", who, c.Key) }),
		endpoint.OnAbsence(func(c note, reason error) actions.Action { return h.add("%s: absence %q %v", who, c.Key, reason) }),
		endpoint.OnMessage(func(m note) actions.Action { return h.add("%s: message %v", who, m) }),
	}
}

// Each constructor plays the role that its name says. HL-20 to HL-27.
func TestRoles(t *testing.T) {
	p := topic.Where(key.Is("k"))
	for _, tt := range []struct {
		got  actions.AddEndpoint
		want topic.Role
	}{
		{endpoint.Subscriber(p), topic.Role{Orientation: topic.Subscriber}},
		{endpoint.Publisher(p), topic.Role{Orientation: topic.Publisher}},
		{endpoint.ObservePublishers(p), topic.Role{Orientation: topic.Subscriber, Interest: topic.Observer}},
		{endpoint.ObserveSubscribers(p), topic.Role{Orientation: topic.Publisher, Interest: topic.Observer}},
		{endpoint.ObservePublishers(p).Everything(), topic.Role{Orientation: topic.Subscriber, Interest: topic.Everything}},
		{endpoint.ObserveSubscribers(p).Everything(), topic.Role{Orientation: topic.Publisher, Interest: topic.Everything}},
		{endpoint.New(topic.Subscriber, topic.Everything, p), topic.Role{Orientation: topic.Subscriber, Interest: topic.Everything}},
	} {
		tt.want.Topic = p.Topic()
		if !tt.got.Role.Equal(tt.want) || tt.got.Handler != nil || tt.got.ID != nil {
			t.Errorf("got %v, want %v", tt.got, tt.want)
		}
	}
}

// The forms with and without state can be mixed at one endpoint.
// HL-41, HL-42, HL-43.
func TestMixedForms(t *testing.T) {
	var h heard
	ground.Run(t.Context(),
		actions.Spawn(actions.Next(10, endpoint.Subscriber(topic.All[note](),
			endpoint.OnPresenceState(func(n int, c note) actions.Transition[int] {
				return actions.Next(n+1, h.add("presence %q at %d", c.Key, n))
			}),
			endpoint.OnMessage(func(m note) actions.Action { return h.add("message %v", m) }),
			endpoint.OnAbsenceState(func(n int, _ note, reason error) actions.Transition[int] {
				return actions.Next(n, h.add("absence at %d: %v", n, reason), actions.Quit())
			}),
		))),
		actions.Spawn(actions.Stateless(
			endpoint.Publisher(topic.Where(key.Is("a"))),
			actions.Send(note{"a", "text"}),
			actions.Fail(errors.New("bye")),
		)))
	h.want(t, `presence "a" at 10`, "message {a text}", "absence at 11: bye")
}

// Filters let peers through by what they are, and skip the handler for others.
// HL-70, HL-72, HL-73, HL-74.
func TestFilters(t *testing.T) {
	var h heard
	watch := func(name string, f func(endpoint.Handler[note]) endpoint.Handler[note]) actions.Action {
		return endpoint.ObserveSubscribers(topic.All[note](), f(endpoint.OnPresence(func(c note) actions.Action { return h.add("%s: %s", name, c.Key) }))).Everything()
	}
	ground.Run(t.Context(),
		actions.Spawn(actions.Stateless(
			watch("observers", func(h endpoint.Handler[note]) endpoint.Handler[note] { return h.FromInterest(topic.Observer) }),
			watch("participants", func(h endpoint.Handler[note]) endpoint.Handler[note] { return h.FromInterest(topic.Participant) }),
			watch("others", func(h endpoint.Handler[note]) endpoint.Handler[note] { return h.FromOthers() }),
			watch("other observers", func(h endpoint.Handler[note]) endpoint.Handler[note] {
				return h.FromInterest(topic.Observer).FromOthers()
			}),
			watch("subscribing participants", func(h endpoint.Handler[note]) endpoint.Handler[note] {
				return h.FromOrientation(topic.Subscriber).FromInterest(topic.Participant)
			}),
			watch("publishers", func(h endpoint.Handler[note]) endpoint.Handler[note] { return h.FromOrientation(topic.Publisher) }),
			endpoint.Subscriber(topic.Where(key.Is("own"))),
		)),
		actions.Spawn(actions.Stateless(
			endpoint.Subscriber(topic.Where(key.Is("takes part"))),
			endpoint.ObservePublishers(topic.Where(key.Is("looks on"))),
		)))
	h.want(t, "participants: own", "subscribing participants: own", "participants: takes part", "others: takes part",
		"subscribing participants: takes part", "observers: looks on", "others: looks on", "other observers: looks on")
}

// The general handler gets all there is. HL-52, HL-71.
func TestOnEvent(t *testing.T) {
	var h heard
	ground.Run(t.Context(),
		actions.Spawn(actions.Next(0, endpoint.Subscriber(topic.All[note](),
			endpoint.OnEvent(actions.Presence, func(n int, ev endpoint.Event[note]) actions.Transition[int] {
				_, pinned := key.In(ev.Conversation)
				return actions.Next(n, h.add("%v, pinned %v, self %v", ev.Peer, pinned, ev.Self))
			}),
			endpoint.OnEvent(actions.Delivery, func(n int, ev endpoint.Event[note]) actions.Transition[int] {
				return actions.Next(n, h.add("%v from a %v", ev.Message, ev.Peer.Orientation))
			}),
		))),
		actions.Spawn(actions.Stateless(endpoint.Publisher(topic.Where(key.Is(""))), endpoint.Publisher(topic.All[note]()), actions.Send(note{"", "x"}))))
	h.want(t,
		`publisher of endpoint_test.note{Key: ""}, pinned true, self false`,
		`publisher of endpoint_test.note{}, pinned false, self false`,
		`{ x} from a publisher`)
}

// A handler on Any gets messages and topics of every type; a typed handler
// whose peer is on Any gets its own conversation. HL-29.
func TestAny(t *testing.T) {
	var h heard
	ground.Run(t.Context(),
		actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.Any,
			endpoint.OnPresence(func(c topic.Erased) actions.Action { return h.add("presence %v", c.Topic) }),
			endpoint.OnMessage(func(m topic.Erased) actions.Action { return h.add("message %v", m.Message) }),
		))),
		actions.Spawn(actions.Stateless(
			endpoint.Publisher(topic.Where(key.Is("k")), endpoint.OnPresence(func(c note) actions.Action { return h.add("typed: %q", c.Key) })),
			actions.Send(note{"k", "x"}), actions.Send(7), actions.Send(topic.Tuple{"a", 1}),
		)))
	h.want(t, `presence endpoint_test.note{Key: "k"}`, `typed: "k"`, `message endpoint_test.note{Key: "k", Text: "x"}`, "message 7", `message ("a", 1)`)
}

// Demand is counted by the fields that are asked for, and judged at rest.
// HL-53, B-M20.
func TestDemand(t *testing.T) {
	var h heard
	come := func(k, text string) actions.AddEndpoint {
		textField := topic.FieldOf(func(n *note) *string { return &n.Text })
		return endpoint.Subscriber(topic.Where(key.Is(k), textField.Is(text)))
	}
	ground.Run(t.Context(),
		actions.Spawn(actions.Stateless(endpoint.ObserveSubscribers(topic.All[note](),
			endpoint.OnFirst(func(c note) actions.Action { return h.add("first %v", c) }, key),
			endpoint.OnLast(func(c note) actions.Action { return h.add("last %v", c) }, key),
		))),
		actions.Spawn(actions.Stateless(
			come("a", "1").As(1), come("a", "2").As(2), come("b", "3").As(3),
			actions.Delete(1), // 2 still wants a
			actions.Delete(3),
			actions.Delete(2), come("a", "4").As(4), // a is handed over: nobody notices
		)))
	h.want(t, "first {a }", "first {b }", "last {b }")
}

// What an update changes is the handler; nobody is told. What Replace changes is
// told to those for whom something has changed. HL-59, HL-61, B-M23.
func TestUpdateAndReplace(t *testing.T) {
	var h heard
	ground.Run(t.Context(),
		actions.Spawn(actions.Stateless(endpoint.Publisher(topic.Where(key.Is("a")), h.all("ann")...))),
		actions.Spawn(actions.Stateless(endpoint.Publisher(topic.Where(key.Is("b")), h.all("bob")...))),
		actions.Spawn(actions.Stateless(
			endpoint.Subscriber(topic.All[note]()).As("it"),
			endpoint.Subscriber(topic.All[note](), endpoint.OnMessage(func(m note) actions.Action { return h.add("new handler: %v", m) })).As("it"),
			actions.Send(note{"x", "y"}),
			actions.Replace(endpoint.Subscriber(topic.Where(key.Is("b"))).As("it")),
		)))
	h.want(t, `ann: presence "a"`, `bob: presence "b"`, "new handler: {x y}", `ann: absence "a" <nil>`)
}

// Mistakes are refused at construction, with a remedy. HL-30, HL-31, B-M12.
func TestMistakes(t *testing.T) {
	type state struct{}
	on := endpoint.OnMessage(func(note) actions.Action { return nil })
	alarm := world.Alarm{Clock: world.NewManualClock("test", time.Time{})}
	for _, tt := range []struct {
		name string
		do   func()
		says []string
	}{
		{"two handlers for one kind", func() { endpoint.Subscriber(topic.All[note](), on, on) }, []string{"two handlers for message", "switch"}},
		{"two types of state", func() {
			endpoint.Subscriber(topic.All[note](),
				endpoint.OnMessageState(func(s state, _ note) actions.Transition[state] { return actions.Next(s) }),
				endpoint.OnPresenceState(func(s int, _ note) actions.Transition[int] { return actions.Next(s) }))
		}, []string{"endpoint_test.state", "int"}},
		{"a zero handler", func() { endpoint.Subscriber(topic.All[note](), endpoint.Handler[note]{}) }, []string{"zero Handler", "OnMessage"}},
		{"First and Last that differ", func() {
			endpoint.Subscriber(topic.All[note](),
				endpoint.OnFirst(func(note) actions.Action { return nil }, key),
				endpoint.OnLast(func(note) actions.Action { return nil }))
		}, []string{"OnFirst and OnLast", "same fields"}},
		{"OnEvent of demand", func() {
			endpoint.OnEvent(actions.First, func(s int, _ endpoint.Event[note]) actions.Transition[int] { return actions.Next(s) })
		}, []string{"OnFirst"}},
		{"a role without a topic", func() { endpoint.FromRole(topic.Role{}) }, []string{"topic.Any"}},
		{"no device", func() { endpoint.Device(nil) }, []string{"nil"}},
		{"two handlers for one type of value", func() {
			v := endpoint.OnValue(func(world.AlarmRang) actions.Action { return nil })
			endpoint.Device(alarm, v, v)
		}, []string{"two handlers", "AlarmRang"}},
		{"two types of state at a device", func() {
			endpoint.Device(alarm,
				endpoint.OnValueState(func(s state, _ world.AlarmRang) actions.Transition[state] { return actions.Next(s) }),
				endpoint.OnEndedState(func(s int, _ error) actions.Transition[int] { return actions.Next(s) }))
		}, []string{"endpoint_test.state", "int"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				text := fmt.Sprint(recover())
				for _, s := range tt.says {
					if !strings.Contains(text, s) {
						t.Errorf("it says %q, without %q", text, s)
					}
				}
			}()
			tt.do()
		})
	}
}

func ExampleSubscriber() {
	ground.Run(context.Background(),
		endpoint.Subscriber(topic.Where(key.Is("news")),
			endpoint.OnMessage(func(m note) actions.Action { fmt.Println(m.Text); return nil })),
		actions.Send(note{"news", "It rains."}),
		actions.Send(note{"gossip", "She said what?"}),
	)
	// Output: It rains.
}

func ExampleObservePublishers() {
	ground.Run(context.Background(),
		actions.Spawn(actions.Stateless(endpoint.ObservePublishers(topic.All[note](),
			endpoint.OnPresence(func(c note) actions.Action { fmt.Println(c.Key, "is there"); return nil }),
			endpoint.OnAbsence(func(c note, reason error) actions.Action { fmt.Println(c.Key, "has gone:", reason); return nil }),
		))),
		actions.Spawn(actions.Stateless(
			endpoint.Publisher(topic.Where(key.Is("news"))),
			actions.Fail(errors.New("the paper is closed")),
		)),
	)
	// Output:
	// news is there
	// news has gone: the paper is closed
}

func ExampleMonitor() {
	child := actions.SpawnFunc(func(actions.PID) actions.Process { panic("no configuration") })
	ground.Run(context.Background(), child.Monitored(endpoint.Monitor(0, func(pid actions.PID, reason error) actions.Action {
		fmt.Printf("process %v has gone: %v\n", pid, reason)
		return nil
	})))
	// Output:
	// process 2 has gone: vm: panic: no configuration
}

func ExampleOnFirst() {
	ground.Run(context.Background(),
		actions.Spawn(actions.Stateless(endpoint.ObserveSubscribers(topic.All[note](),
			endpoint.OnFirst(func(c note) actions.Action { fmt.Println("print", c.Key); return nil }, key),
			endpoint.OnLast(func(c note) actions.Action { fmt.Println("stop printing", c.Key); return nil }, key),
		))),
		actions.Spawn(actions.Stateless(
			endpoint.Subscriber(topic.Where(key.Is("news"))).As("one copy"),
			endpoint.Subscriber(topic.Where(key.Is("news"))).As("another"),
			actions.Delete("one copy"),
			actions.Delete("another"),
		)),
	)
	// Output:
	// print news
	// stop printing news
}

func ExampleDevice() {
	clock := world.SystemClock()
	alarm := world.Alarm{Clock: clock, After: time.Millisecond, Label: "tea"}
	ground.Run(context.Background(), endpoint.Device(alarm,
		endpoint.OnValue(func(world.AlarmRang) actions.Action { fmt.Println("The tea is ready."); return nil }),
		endpoint.OnEnded(func(reason error) actions.Action { fmt.Println("The alarm is over:", reason); return nil }),
	))
	// Output:
	// The tea is ready.
	// The alarm is over: <nil>
}

// Messages have no peer, so it makes no difference to them which interest a
// handler is for (Issue 9.12).
func TestInterestOfMessages(t *testing.T) {
	for _, i := range []topic.Interest{topic.Participant, topic.Observer, topic.Everything} {
		var h heard
		ground.Run(t.Context(), actions.Spawn(actions.Next(0,
			endpoint.Subscriber(topic.All[note](),
				endpoint.OnMessage(func(m note) actions.Action { return h.add("plain: %v", m) }).FromInterest(i)),
			endpoint.Subscriber(topic.All[note](),
				endpoint.OnMessageState(func(n int, m note) actions.Transition[int] {
					return actions.Next(n, h.add("with state: %v", m))
				}).FromInterest(i)),
			endpoint.Subscriber(topic.All[note](),
				endpoint.OnEvent(actions.Delivery, func(n int, ev endpoint.Event[note]) actions.Transition[int] {
					return actions.Next(n, h.add("general: %v", ev.Message))
				}).FromInterest(i)),
			actions.Send(note{"k", "x"}))))
		h.want(t, "plain: {k x}", "with state: {k x}", "general: {k x}")
	}
}

// What a process does itself does not pass FromOthers; what other processes do
// passes: messages, feedback, presence and absence, at every level (Issue 9.12).
// HL-54, B-M22.
func TestFromOthers(t *testing.T) {
	for up := range 3 {
		t.Run(fmt.Sprintf("%d levels up", up), func(t *testing.T) {
			var h heard
			outward := func(as ...actions.Action) actions.Action {
				for range up {
					as = []actions.Action{actions.AtMeta(as...)}
				}
				return actions.Group(as...)
			}
			listen := func(what string) actions.Action {
				return endpoint.Subscriber(topic.All[note](),
					endpoint.OnPresence(func(c note) actions.Action { return h.add("%s comes", c.Key) }).FromOthers(),
					endpoint.OnMessage(func(m note) actions.Action { return h.add("%s says", m.Key) }).FromOthers(),
					endpoint.OnAbsence(func(c note, _ error) actions.Action { return h.add("%s goes", c.Key) }).FromOthers(),
				).As(what)
			}
			speak := func(who string) actions.Action {
				return outward(
					endpoint.Publisher(topic.Where(key.Is(who)),
						endpoint.OnMessage(func(m note) actions.Action { return h.add("%s is answered %q", who, m.Text) }).FromOthers(),
					).As("mouth"),
					actions.Send(note{who, "hello"}),
					actions.Feedback(note{who, who + " to itself"}),
					actions.Delete("mouth"),
				)
			}
			machine := actions.Action(actions.Group(
				actions.Spawn(actions.Stateless(outward(listen("ear")), speak("itself"))),
				actions.Spawn(actions.Stateless(actions.Yield(func(struct{}) actions.Transition[struct{}] { return actions.Stateless(speak("sibling")) }))),
			))
			for range up {
				machine = actions.Spawn(vm.Nested(machine))
			}
			ground.Run(t.Context(), machine)
			h.want(t, "sibling comes", "sibling says", "sibling goes")
		})
	}
}

// Who is at the same place in another machine is somebody else (Issue 9.12).
func TestFromOthersInOtherMachines(t *testing.T) {
	var h heard
	inside := func(a actions.Action) actions.Action {
		return actions.Spawn(vm.Nested(actions.Spawn(vm.Nested(actions.AtMeta(actions.AtMeta(a))))))
	}
	ground.Run(t.Context(),
		inside(endpoint.Subscriber(topic.All[note](),
			endpoint.OnPresence(func(c note) actions.Action { return h.add("%s comes", c.Key) }).FromOthers(),
			endpoint.OnMessage(func(m note) actions.Action { return h.add("%s says", m.Key) }).FromOthers(),
		)),
		inside(actions.Group(endpoint.Publisher(topic.Where(key.Is("cousin"))), actions.Send(note{"cousin", ""}))))
	h.want(t, "cousin comes", "cousin says")
}
