package vmtest_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/world"
)

// Packet is a message that leads to more than itself.
type Packet struct {
	ID   int
	Data []byte
	Tags map[string]int
	Next *Packet
}

// hears returns a process with state s that reacts to packets, and gets a few.
func hears[S any](s S, f func(S, Packet) actions.Transition[S]) func(vmtest.TB) {
	return hearsIn(vmtest.Config{}, s, f)
}

func hearsIn[S any](c vmtest.Config, s S, f func(S, Packet) actions.Transition[S]) func(vmtest.TB) {
	return func(t vmtest.TB) {
		m := c.Run(t, actions.Spawn(actions.Next(s,
			endpoint.Subscriber(topic.All[Packet](), endpoint.OnMessageState(f)),
		)).Named("hearer"))
		p := vmtest.Publisher(m, topic.All[Packet]())
		for i := range 8 {
			p.Send(Packet{i, []byte("abc"), map[string]int{"a": 1}, &Packet{Data: []byte("xyz")}})
		}
	}
}

var counter int

type pure struct {
	seen  []int
	names map[string]*Packet
	last  *Packet
	at    time.Time
	f     func()
}

type listed struct{ Log []int }

type hidden struct {
	inner *struct{ counts map[string]int }
}

type Reply struct {
	ID   int
	Text string
}

// TestPure shows B-M14.
func TestPure(t *testing.T) {
	mustPass(t, hears(pure{at: time.Unix(1, 0), f: func() {}}, func(s pure, p Packet) actions.Transition[pure] {
		s.seen = append(slices.Clip(s.seen), p.ID)
		s.names = maps.Clone(s.names)
		if s.names == nil {
			s.names = map[string]*Packet{}
		}
		s.names[fmt.Sprint(p.ID)] = &p
		s.last = &p
		s.last.Next = &Packet{Next: s.last} // a cycle, in what is its own
		var as actions.Tree
		for _, name := range slices.Sorted(maps.Keys(s.names)) {
			as = append(as, actions.Send(Reply{p.ID, name}))
		}
		return actions.Next(s, as,
			actions.Spawn(actions.Next(p, endpoint.Subscriber(topic.All[Reply]()))),
			endpoint.Publisher(topic.All[Reply](), endpoint.OnPresence(func(Reply) actions.Action { return nil })).As(p.ID))
	}))
}

func TestGlobalCounter(t *testing.T) {
	mustFail(t, hears(0, func(_ int, p Packet) actions.Transition[int] {
		counter++
		return actions.Next(counter)
	}), "not pure: two runs", "process: 2 hearer", "handler of subscriber of vmtest_test.Packet{}, for events of kind message",
		"\n\tstate is ", "a global counter")
}

func TestCapturedVariable(t *testing.T) {
	n := 0
	mustFail(t, hears("", func(s string, p Packet) actions.Transition[string] {
		n++
		return actions.Next(s, nil, actions.Send(Reply{p.ID, strings.Repeat("x", n)}))
	}), "not pure: two runs", `action 1 is send vmtest_test.Reply{ID: 0, Text: "x"} in one run, and send vmtest_test.Reply{ID: 0, Text: "xx"} in the other`)

	var log []int
	mustFail(t, hears(listed{}, func(_ listed, p Packet) actions.Transition[listed] {
		log = append(slices.Clip(log), p.ID)
		return actions.Next(listed{log})
	}), "not pure: two runs", "state.Log[1] is nothing in one run, and 0 in the other")
}

// TestTime shows B-M14.
func TestTime(t *testing.T) {
	mustFail(t, hears(pure{}, func(s pure, p Packet) actions.Transition[pure] {
		for s.at = time.Now(); !time.Now().After(s.at); {
			// Some clocks are slow.
		}
		return actions.Next(s)
	}), "not pure: two runs", "\n\tstate.at", "the time")
}

func TestRandomness(t *testing.T) {
	mustFail(t, hears(0, func(s int, p Packet) actions.Transition[int] {
		return actions.Next(s, actions.Spawn(actions.Next(rand.Uint64(), endpoint.Subscriber(topic.All[Reply]()))))
	}), "not pure: two runs", "action 1 as spawned: state is ", "randomness")
}

func TestMapOrder(t *testing.T) {
	state := map[int]bool{}
	for i := range 100 {
		state[i] = true
	}
	mustFail(t, hears(state, func(s map[int]bool, p Packet) actions.Transition[map[int]bool] {
		var as actions.Tree
		for k := range s {
			as = append(as, actions.Send(Reply{k, ""}))
		}
		return actions.Next(s, as)
	}), "not pure: two runs", "action 1 is send vmtest_test.Reply{ID: ", "the order of a map")
}

func TestFewKeysNeedMoreRuns(t *testing.T) {
	mustFail(t, hearsIn(vmtest.Config{Runs: 100}, map[int]bool{1: true, 2: true}, func(s map[int]bool, p Packet) actions.Transition[map[int]bool] {
		for k := range s {
			return actions.Next(s, actions.Send(Reply{k, ""}))
		}
		return actions.Next(s)
	}), "not pure: two runs", "the order of a map")
}

func TestWritesToState(t *testing.T) {
	mustFail(t, hears(listed{[]int{1, 2, 3}}, func(s listed, p Packet) actions.Transition[listed] {
		s.Log[1] = 7
		return actions.Next(s)
	}), "not pure: it has written to the state", "state.Log[1] was 2, and is 7 now", "slices.Clone")

	mustFail(t, hears(map[string]int{"a": 1}, func(s map[string]int, p Packet) actions.Transition[map[string]int] {
		s["0"]++
		return actions.Next(s)
	}), "it has written to the state", `state["0"] was nothing, and is 1 now`, "maps.Clone")

	mustFail(t, hears(&listed{}, func(s *listed, p Packet) actions.Transition[*listed] {
		s.Log = []int{p.ID}
		return actions.Next(s)
	}), "it has written to the state", `state.Log was nil, and is nothing now`)

	mustFail(t, hears(hidden{&struct{ counts map[string]int }{map[string]int{"n": 1}}}, func(s hidden, p Packet) actions.Transition[hidden] {
		s.inner.counts["n"]++
		return actions.Next(s)
	}), "it has written to the state", `state.inner.counts["n"] was 1, and is 2 now`)
}

func TestAppendWithRoom(t *testing.T) {
	mustFail(t, hears(listed{make([]int, 1, 16)}, func(s listed, p Packet) actions.Transition[listed] {
		s.Log = append(s.Log, 9)
		return actions.Next(s)
	}), "it has written to the state", "state.Log[1] (beyond its length) was 0, and is 9 now", "slices.Clip")

	mustFail(t, func(t vmtest.TB) {
		m := vmtest.Run(t, actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[Packet](), endpoint.OnMessage(
			func(p Packet) actions.Action {
				_ = append(p.Data, 'd')
				return nil
			})))))
		vmtest.Publisher(m, topic.All[Packet]()).Send(Packet{Data: append(make([]byte, 0, 4), "abc"...)})
	}, "it has written to what it was told", `message.Data (beyond its length) was "\x00", and is "d" now`)
}

func TestWritesToMessage(t *testing.T) {
	mustFail(t, hears(0, func(s int, p Packet) actions.Transition[int] {
		p.Data[0] = 'X'
		return actions.Next(s)
	}), "not pure: it has written to what it was told", `message.Data was "abc", and is "Xbc" now`)

	mustFail(t, hears(0, func(s int, p Packet) actions.Transition[int] {
		p.Next.Data[2]++
		return actions.Next(s)
	}), `message.Next.Data was "xyz", and is "xy{" now`)

	mustFail(t, hears(0, func(s int, p Packet) actions.Transition[int] {
		delete(p.Tags, "a")
		return actions.Next(s)
	}), `message.Tags["a"] was 1, and is nothing now`)

	long := strings.Repeat("abcdefgh", 1000)
	mustFail(t, func(t vmtest.TB) {
		m := vmtest.Run(t, actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[Packet](), endpoint.OnMessage(
			func(p Packet) actions.Action {
				p.Data[4000] = 'X'
				return nil
			})))))
		vmtest.Publisher(m, topic.All[Packet]()).Send(Packet{Data: []byte(long)})
	}, "message.Data was …", "habcdefgh", "hXbcdefgh")
}

func TestWritesToStateOfOthers(t *testing.T) {
	shared := listed{[]int{1, 2}}
	writer := func(p Packet) actions.Action {
		shared.Log[0] = 5
		return nil
	}
	mustFail(t, func(t vmtest.TB) {
		m := vmtest.Run(t,
			actions.Spawn(actions.Next(shared,
				endpoint.Subscriber(topic.All[Reply](), endpoint.OnMessageState(func(s listed, _ Reply) actions.Transition[listed] { return actions.Next(s) })),
			)).Named("victim"),
			actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[Packet](), endpoint.OnMessage(writer)))),
		)
		m.Perform(actions.Send(Packet{}), actions.Send(Reply{}))
	}, "not pure: its state has changed since its last transition", "process: 2 victim", "state.Log[0] was 1, and is 5 now")
}

func TestPanicsTheSecondTime(t *testing.T) {
	n := 0
	mustFail(t, hears(0, func(s int, p Packet) actions.Transition[int] {
		if n++; n == 2 {
			panic("twice")
		}
		return actions.Next(s)
	}), "not pure: it has panicked in a second run", "panic: twice")
}

func TestOtherCalls(t *testing.T) {
	impure := func() int { counter++; return counter }
	mustFail(t, func(t vmtest.TB) {
		vmtest.Config{}.RunFunc(t, func(actions.PID) actions.Process { return actions.Next(impure()) })
	}, "not pure: two runs", "process: 1 boot", "call: boot")
	mustFail(t, func(t vmtest.TB) {
		vmtest.Run(t, actions.Yield(func(s struct{}) actions.Transition[struct{}] {
			return actions.Next(s, actions.Send(impure()))
		}))
	}, "not pure: two runs", "call: continuation")
	mustFail(t, func(t vmtest.TB) {
		m := vmtest.Run(t, actions.Spawn(vm.Nested(actions.Spawn(actions.Next(0,
			endpoint.Device(lamp{1}, endpoint.OnValueState(func(s int, v string) actions.Transition[int] { return actions.Next(impure()) })),
		)).Named("inner"))))
		m.Device(lamp{1}).Value("on")
	}, "not pure: two runs", "process: 2/2 inner", "call: handler of a device, for events of kind value", `told: value "on"`)
}

func TestSaidOnce(t *testing.T) {
	f := run(hears(0, func(_ int, p Packet) actions.Transition[int] {
		counter++
		return actions.Next(counter)
	}))
	if len(f.errors) != 1 || len(f.logs) != 1 || !strings.Contains(f.logs[0], "trace") {
		t.Errorf("errors: %d, logs: %q", len(f.errors), f.logs)
	}
}

func TestNoCheck(t *testing.T) {
	n := 0
	mustPass(t, hearsIn(vmtest.Config{Runs: 1}, 0, func(_ int, p Packet) actions.Transition[int] {
		n++
		return actions.Next(n)
	}))
	if n != 8 {
		t.Errorf("called %d times, want 8", n)
	}
}

// The trace does not depend on how often functions are called.
func TestSameTrace(t *testing.T) {
	trace := func(runs int) string {
		m := vmtest.Config{Runs: runs}.Run(t, Account("tony"), Account("sam"))
		p := vmtest.Publisher(m, topic.All[Deposit]())
		p.Send(Deposit{"tony", 3})
		p.Send(Deposit{"sam", -3})
		return m.Trace()
	}
	if one, three := trace(1), trace(3); one != three {
		t.Errorf("one run:\n%s\nthree runs:\n%s", one, three)
	}
}

// A state that is too large is not compared at all, rather than compared in
// part.
func TestTooLarge(t *testing.T) {
	large := map[int]int{}
	for i := range 1 << 17 {
		large[i] = i
	}
	mustPass(t, func(t vmtest.TB) {
		vmtest.Run(t, actions.Spawn(actions.Next(large)))
	})
}

// Clocks tick, and are no state for that.
func TestClocksAreOutside(t *testing.T) {
	clock := world.NewManualClock("test", time.Unix(0, 0))
	type state struct {
		clock world.Clock
		at    time.Time
	}
	m := vmtest.Run(t, actions.Spawn(actions.Next(state{clock, time.Unix(7, 0)},
		endpoint.Subscriber(topic.All[Reply](), endpoint.OnMessageState(func(s state, _ Reply) actions.Transition[state] {
			return actions.Next(s, actions.Send(s))
		})),
		endpoint.Device(world.Alarm{Clock: clock, After: time.Second}),
	)))
	p := vmtest.Subscriber(m, topic.All[state]())
	for range 2 {
		clock.AfterFunc(time.Hour, func() {})
		clock.Advance(time.Second)
		m.Perform(actions.Send(Reply{}))
		p.ExpectMessages(state{clock, time.Unix(7, 0)})
	}
}

// Devices and networks behind pointers belong to the outside as well: what they have there
// is no state.
func TestDevicesAndNetworksAreOutside(t *testing.T) {
	type state struct {
		device  world.Device
		network any
	}
	d, n := &live{}, &net{}
	m := vmtest.Run(t, actions.Spawn(actions.Next(state{d, n}, endpoint.Device(d),
		endpoint.Subscriber(topic.All[Reply](), endpoint.OnMessageState(func(s state, _ Reply) actions.Transition[state] { return actions.Next(s) })),
	)))
	for i := range 2 {
		d.calls, n.calls = i, i
		m.Perform(actions.Send(Reply{}))
	}
}

type live struct{ calls int }

func (*live) DeviceName() string { return "live" }
func (*live) Open(context.Context, world.Env) (world.Handle, error) {
	return nil, errors.New("a test plays it")
}

type net struct{ calls int }

func (*net) NetworkName() string { return "net" }
