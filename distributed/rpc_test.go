package distributed_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/internal/simtest"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
)

var (
	double = rpc.Define[int, int]("distributed_test.double")
	never  = rpc.Define[string, string]("distributed_test.never")
	whom   = rpc.Define[struct{}, string]("distributed_test.whom")
	lost   = rpc.Define[int, int]("distributed_test.lost") // which nobody serves
	note   = rpc.DefineCast[string]("distributed_test.note")
)

var errOdd = errors.New("the number is odd")

// server returns a process that serves the operations, and keeps those of never.
func server() actions.SpawnProcess {
	return actions.Spawn(rpc.Serve([]string(nil),
		rpc.Handle(double, func(s []string, n int) ([]string, int, error) {
			if n%2 == 1 {
				return s, 0, errOdd
			}
			return s, 2 * n, nil
		}),
		rpc.HandleLater(never, func(s []string, a rpc.Ask[string, string]) actions.Transition[[]string] { return actions.Next(s) }),
		rpc.HandleLater(whom, func(s []string, a rpc.Ask[struct{}, string]) actions.Transition[[]string] {
			return actions.Next(s, a.Reply(fmt.Sprint(a.From)))
		}),
		rpc.On(note, func(s []string, n string) actions.Transition[[]string] {
			return actions.Next(append(s[:len(s):len(s)], n))
		}),
	))
}

func (h *heard) double(n int, opts ...rpc.Option) actions.Action {
	return rpc.Call(double, n, func(r int, err error) actions.Action { return h.add("%d: %v", r, short(err)) }, opts...)
}

func short(err error) string {
	for n, e := range map[string]error{
		"nobody": rpc.ErrNobody, "gone, left": distributed.ErrLeft, "gone, cut": distributed.ErrCut, "gone, lost": distributed.ErrLost,
		"unreachable": rpc.ErrUnreachable, "deadline": context.DeadlineExceeded,
	} {
		if errors.Is(err, e) && (n != "gone, lost" || !errors.Is(err, distributed.ErrCut)) {
			return n
		}
	}
	if err == nil {
		return "ok"
	}
	return err.Error()
}

// TestCallsAtPlaces: the same call here and there. DP-14 to DP-17, FC-09, FC-10, DP-37, B-P03,
// B-P05, B-P06, B-F04, B-F09.
func TestCallsAtPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		var got, other heard
		c.run(c.config("a").Serve("room"), timer.Driver(), server())
		wants := make(chan actions.Action)
		c.run(c.config("b").Driver(), timer.Driver(), steered(wants))
		c.run(c.config("c").Driver(), spawn(other.double(4, rpc.At(room)), other.double(5, rpc.At(room)), endpoint.Subscriber(topic.All[says]())))
		do := func(a actions.Action) {
			wants <- a
			simtest.Pass(5 * time.Second)
		}
		do(got.double(2, rpc.At(room)))
		got.expect(t, "4: ok")
		do(got.double(3, rpc.At(room)))
		got.expect(t, "0: "+errOdd.Error())
		do(rpc.Call(lost, 1, func(r int, err error) actions.Action { return got.add("%d: %v", r, short(err)) }, rpc.At(room)))
		got.expect(t, "0: nobody")
		do(got.double(2, rpc.At(room))) // the server is well
		got.expect(t, "4: ok")
		do(got.double(6)) // nobody serves it here
		got.expect(t, "0: nobody")
		do(got.double(6, rpc.At(distributed.Place{})))
		got.expect(t, "0: nobody")
		do(rpc.Call(never, "x", func(_ string, err error) actions.Action { return got.add("%s", short(err)) }, rpc.At(room), rpc.Within(time.Second)))
		got.expect(t, "deadline")
		do(got.double(6, rpc.At(distributed.Place{Node: "nobody", Name: "x"})))
		got.expect(t, "0: unreachable")
		do(rpc.Tell(note, "hi", rpc.At(room)))
		other.expect(t, "8: ok", "0: "+errOdd.Error())
		do(rpc.Call(never, "x", func(_ string, err error) actions.Action { return got.add("%s", short(err)) }, rpc.At(room)))
		c.network.Cut("a", "b")
		simtest.Pass(time.Second)
		got.expect(t, "gone, cut")
		do(got.double(8, rpc.At(room)))
		got.expect(t, "16: ok")
	})
}

// TestCallersAreToldApart: callers of several machines, and of the home, have different
// names at the home, and each gets its own reply. DP-17, B-P04.
func TestCallersAreToldApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		var got heard
		ask := func(at distributed.Place) actions.Action {
			return spawn(rpc.Call(whom, struct{}{}, func(who string, err error) actions.Action { return got.add("%s %v", who, err) }, rpc.At(at)), endpoint.Subscriber(topic.All[says]()))
		}
		c.run(c.config("a").Serve("room"), server(), ask(distributed.Place{}))
		c.run(c.config("b").Driver(), ask(room), ask(room))
		c.run(c.config("c").Driver(), ask(room), ask(room))
		simtest.Pass(time.Second)
		lines := got.take()
		seen := map[string]bool{}
		for _, l := range lines {
			seen[l] = true
		}
		if len(lines) != 5 || len(seen) != 5 {
			t.Errorf("the callers are %q", lines)
		}
	})
}

// TestDoAtPlaces: plain Go calls an operation at a place, through a door. DP-08, B-F07.
func TestDoAtPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.run(c.config("a").Serve("room"), server())
		d := door.New("d")
		c.run(c.config("b").Driver(), d.Driver())
		if n, err := rpc.Do(t.Context(), d, double, 20, rpc.At(room)); n != 40 || err != nil {
			t.Errorf("the result is %d, error %v", n, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := rpc.Do(ctx, d, double, 20, rpc.At(distributed.Place{Node: "x"})); !errors.Is(err, rpc.ErrUnreachable) || !errors.Is(err, distributed.ErrUnreachable) {
			t.Errorf("the error is %v", err)
		}
	})
}

// TestDoRefused: a call through a door that cannot be sent to a place is the fault of its
// caller alone: the door goes on.
func TestDoRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.run(c.config("a").Serve("room"), server())
		d := door.New("d")
		c.run(c.config("b").Driver(), d.Driver())
		if _, err := rpc.Do(t.Context(), d, never, strings.Repeat("x", 300_000), rpc.At(room)); !errors.Is(err, distributed.ErrTooLarge) {
			t.Errorf("the error is %v", err)
		}
		if n, err := rpc.Do(t.Context(), d, double, 20, rpc.At(room)); n != 40 || err != nil {
			t.Errorf("the result is %d, error %v", n, err)
		}
	})
}

// TestReplyBeforeTheAskerWaits: a reply that arrives while the machine of the caller does
// something else is heard once, when the machine goes on. B-P04.
func TestReplyBeforeTheAskerWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		var got heard
		served := 0
		atHome, away := make(chan actions.Action), make(chan actions.Action)
		c.run(c.config("a").Serve("room"), steered(atHome), actions.Spawn(rpc.Serve(struct{}{},
			rpc.Handle(double, func(s struct{}, n int) (struct{}, int, error) { served++; return s, 2 * n, nil }))))
		c.run(c.config("b").Driver(), steered(away))
		hold := func(machine chan actions.Action) (goOn func()) {
			held := make(chan struct{})
			machine <- actions.Yield(func(s struct{}) actions.Transition[struct{}] { <-held; return actions.Next(s) })
			synctest.Wait()
			return func() { close(held); synctest.Wait() }
		}
		away <- got.double(0, rpc.At(room)) // so that there is a link
		simtest.Pass(time.Second)
		got.expect(t, "0: ok")
		for i := range 20 {
			serve := hold(atHome)
			away <- got.double(i, rpc.At(room))
			synctest.Wait()
			wait := hold(away)
			serve()
			if served != i+2 {
				t.Fatalf("the home has served %d calls, want %d", served, i+2)
			}
			got.expect(t)
			wait()
			got.expect(t, fmt.Sprintf("%d: ok", 2*i))
		}
	})
}
