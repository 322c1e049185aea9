package door

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
)

// A clerk counts, and keeps what it is asked until it gets a remark.
type clerk struct {
	Count int
	Asks  []rpc.Ask[string, int]
}

var (
	ask    = rpc.Define[string, int]("door.ask")
	tell   = rpc.Define[string, int]("door.tell") // nobody serves it
	clerks = actions.Define("door.clerk", clerk.open)
)

func (c clerk) take(a rpc.Ask[string, int]) actions.Transition[clerk] {
	c.Asks = append(c.Asks[:len(c.Asks):len(c.Asks)], a)
	return actions.Next(c)
}

func (c clerk) answer(remark) actions.Transition[clerk] {
	var all actions.Tree
	for _, a := range c.Asks {
		c.Count++
		switch a.Args {
		case "bad":
			all = append(all, a.Fail(errBad))
		case "nobody":
			all = append(all, a.Fail(rpc.ErrNobody))
		case "gone":
			all = append(all, actions.Fail(rpc.ErrNobody))
		default:
			all = append(all, a.Reply(c.Count))
		}
	}
	c.Asks = nil
	return actions.Next(c, all)
}

var errBad = errors.New("a bad question")

func (c clerk) open() actions.Action {
	return actions.Tree{
		rpc.Methods(rpc.HandleLater(ask, clerk.take)),
		endpoint.Subscriber(topic.All[remark](), endpoint.OnMessageState(clerk.answer)),
	}
}

// A bench is a machine with a door and a clerk, which is saved and restored whenever it
// is at rest: vmtest.Config.Types.
type bench struct {
	*testing.T
	m *vmtest.Machine
	h *vmtest.Device
}

func newBench(t *testing.T, limit opened) bench {
	t.Helper()
	d := New("shop")
	m := vmtest.Config{Types: append(Types(d), clerks.Type)}.Run(t, clerks.Spawn(clerk{}), d.Driver())
	b := bench{t, m, m.Device(device{"shop", d})}
	b.open(limit)
	return b
}

func (b bench) open(limit opened) {
	b.Helper()
	b.h.Value(limit)
	b.h.ExpectCommands(ready{})
}

func keyed(n uint64, key string, at time.Duration) call {
	return call{N: n, Op: "door.ask", Args: "q", Options: rpc.Options{Key: key}, At: at.Milliseconds()}
}

// want checks what the device is told, as far as a text says it.
func (b bench) want(says ...string) {
	b.Helper()
	var got []string
	for _, c := range vmtest.Commands[any](b.h) {
		got = append(got, fmt.Sprint(c))
	}
	if strings.Join(got, "; ") != strings.Join(says, "; ") {
		b.Errorf("the device was told %q, want %q", got, says)
	}
}

// A machine with open calls of a door is saved and restored; each call is answered once,
// and the calls of an earlier opening are not.
func TestOpenCallsAreSaved(t *testing.T) {
	b := newBench(t, opened{10, time.Hour})
	b.h.Value(call{N: 1, Op: "door.ask", Args: "q"})
	b.h.Value(keyed(2, "a", 0))
	b.h.Value(keyed(3, "a", 0)) // joins 2
	b.want()
	b.m.Perform(actions.Send(remark{}))
	b.want("{1 1 <nil>}", "{2 2 <nil>}", "{3 2 <nil>}")
	b.h.Value(batch{[]any{call{N: 4, Op: "door.ask", Args: "q"}, topic.Tuple{}, keyed(5, "b", 0)}})
	b.want("{1}")
	b.open(opened{10, time.Hour})
	b.h.Value(keyed(5, "b", 0)) // another call of this number joins
	b.m.Perform(actions.Send(remark{}))
	b.want("{5 4 <nil>}")
	b.h.Value(keyed(6, "b", 0))
	b.want("{6 4 <nil>}")
}

// A key belongs to an operation and its arguments.
func TestKeyReused(t *testing.T) {
	b := newBench(t, opened{10, time.Hour})
	b.h.Value(keyed(1, "a", 0))
	other, args := keyed(2, "a", 0), keyed(3, "a", 0)
	other.Op, args.Sum = "door.tell", [32]byte{1}
	for _, c := range []call{other, args} {
		b.h.Value(c)
		got := vmtest.Commands[answer](b.h)
		if len(got) != 1 || got[0].N != c.N || !errors.Is(got[0].Err, ErrKeyReused) || !strings.Contains(got[0].Err.Error(), `door "shop": a call of `+c.Op+` with key "a"`) {
			t.Errorf("the device was told %v", got)
		}
	}
	b.m.Perform(actions.Send(remark{}))
	b.want("{1 1 <nil>}")
}

// An error is recorded like a result, but that nobody serves an operation is not.
func TestErrorsWithKeys(t *testing.T) {
	b := newBench(t, opened{10, time.Hour})
	for i, args := range []string{"bad", "nobody", "gone"} { // the last one ends the clerk
		c := keyed(uint64(i), args, 0)
		c.Args = args
		b.h.Value(c)
		b.m.Perform(actions.Send(remark{}))
		b.h.Value(c)
		got := vmtest.Commands[answer](b.h)
		if len(got) != 2 || got[0].Err == nil || got[1].Err == nil || got[0].Err.Error() != got[1].Err.Error() || errors.Is(got[0].Err, rpc.ErrGone) != (args == "gone") {
			t.Errorf("%s: the device was told %v", args, got)
		}
	}
	nobody := keyed(2, "b", 0)
	nobody.Op = "door.tell"
	b.h.Value(nobody)
	if got := vmtest.Commands[answer](b.h); len(got) != 1 || !errors.Is(got[0].Err, rpc.ErrNobody) {
		t.Errorf("the device was told %v", got)
	}
	b.m.Perform(actions.Spawn(rpc.Serve(0, rpc.Handle(tell, func(n int, _ string) (int, int, error) { return n, 7, nil }))))
	b.h.Value(nobody)
	b.want("{2 7 <nil>}")
}

// Answers are kept for a number and a time, which begins with the first call with a key
// after the answer. Then the operation is carried out again.
func TestRemember(t *testing.T) {
	b := newBench(t, opened{2, time.Hour})
	for i, key := range []string{"a", "b", "c"} {
		b.h.Value(keyed(uint64(i), key, 0))
		b.m.Perform(actions.Send(remark{}))
	}
	b.want("{0 1 <nil>}", "{1 2 <nil>}", "{2 3 <nil>}")
	b.h.Value(keyed(3, "b", 0))
	b.h.Value(keyed(4, "a", 6*time.Hour)) // one too many
	b.want("{3 2 <nil>}")
	b.m.Perform(actions.Send(remark{}))
	b.want("{4 4 <nil>}")
	for i, at := range []time.Duration{2 * time.Hour, 6 * time.Hour, 7 * time.Hour} { // the clock goes back
		b.h.Value(keyed(uint64(5+i), "a", at))
	}
	b.want("{5 4 <nil>}", "{6 4 <nil>}", "{7 4 <nil>}")
	b.h.Value(keyed(8, "a", 7*time.Hour+time.Millisecond)) // too old
	b.want()
	b.m.Perform(actions.Send(remark{}))
	b.want("{8 5 <nil>}")
	b.open(opened{0, time.Hour}) // remembers nothing from now on
	b.h.Value(keyed(1, "c", 6*time.Hour))
	b.h.Value(keyed(2, "c", 6*time.Hour))
	b.m.Perform(actions.Send(remark{}))
	b.want("{1 6 <nil>}", "{2 6 <nil>}")
}

func TestRememberRefuses(t *testing.T) {
	for _, f := range []func(){func() { Remember(-1, time.Hour) }, func() { Remember(1, 0) }} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "door: Remember(") {
					t.Errorf("panic with %v", r)
				}
			}()
			f()
		}()
	}
}

// What is not a memory is not restored as one.
func TestReadMemory(t *testing.T) {
	open, done := &keyedCall{Key: "a"}, &keyedCall{Key: "b", Done: true}
	kept := []keptAnswer{{Key: "b"}}
	for _, c := range []struct {
		w    writtenMemory
		want bool
	}{
		{writtenMemory{}, true},
		{writtenMemory{Calls: []*keyedCall{open, done}, Kept: kept, Next: 1}, true},
		{writtenMemory{Calls: []*keyedCall{open, done}, Next: 1}, false},
		{writtenMemory{Calls: []*keyedCall{open, open}}, false},
		{writtenMemory{Calls: []*keyedCall{nil}}, false},
		{writtenMemory{Calls: []*keyedCall{done}, Kept: kept}, false},
		{writtenMemory{Kept: kept, Next: 1}, false},
		{writtenMemory{Calls: []*keyedCall{{Key: "b"}}, Kept: kept, Next: 1}, false},
		{writtenMemory{Timed: 1}, false},
	} {
		if m, ok := c.w.read(); ok != c.want || ok && fmt.Sprint(m.write()) != fmt.Sprint(c.w) {
			t.Errorf("%+v is read as %+v, %v", c.w, m, ok)
		}
	}
}
