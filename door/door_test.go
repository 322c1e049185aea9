package door_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// What is sent goes in, and what happens inside comes out: presence, messages, and
// absence with its reason.
func TestInAndOut(t *testing.T) {
	d := door.New("shop")
	run(t, new(ground.Ground), d.Driver(), seller())
	r := read(t, door.Subscribe(soon(t), d, topic.Where(item.Is("tea"))))
	r.want(door.Started, receipt{})
	r.want(door.Presence, receipt{Item: "tea"})
	for _, o := range []order{{"tea", 1}, {"milk", 2}, {"tea", 3}, {"the end", 0}} {
		if err := d.Send(soon(t), o); err != nil {
			t.Fatal(err)
		}
	}
	r.want(door.Message, receipt{"tea", 1})
	r.want(door.Message, receipt{"tea", 3})
	if ev := r.want(door.Absence, receipt{Item: "tea"}); ev.Reason == nil || ev.Reason.Error() != errSold.Error() {
		t.Errorf("absent because of %v", ev.Reason)
	}
}

// A Send before the ground runs waits for it.
func TestSendWaitsForTheGround(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := door.New("shop")
		sent := make(chan error, 1)
		go func() { sent <- d.Send(t.Context(), order{"tea", 1}) }()
		synctest.Wait()
		if len(sent) > 0 {
			t.Fatalf("Send did not wait, and returned %v", <-sent)
		}
		var heard []order
		stop := run(t, new(ground.Ground), record(&heard), d.Driver())
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		stop()
		if len(heard) != 1 || heard[0] != (order{"tea", 1}) {
			t.Errorf("the machine heard %v", heard)
		}
	})
}

// record appends the orders in a machine. Read them when the ground has ended.
func record(heard *[]order) actions.Action {
	return actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[order](), endpoint.OnMessage(func(o order) actions.Action {
		*heard = append(*heard, o)
		return nil
	}))))
}

// A Send whose context is done before the machine took the value never happens.
func TestSendGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := door.New("shop")
		ctx, cancel := context.WithCancelCause(t.Context())
		sent := make(chan error, 1)
		go func() { sent <- d.Send(ctx, order{"tea", 1}) }()
		synctest.Wait()
		tired := errors.New("tired")
		cancel(tired)
		if err := <-sent; !errors.Is(err, tired) || errors.Is(err, door.ErrUncertain) {
			t.Fatalf("Send returned %v", err)
		}
		if err := d.Send(ctx, order{"tea", 2}); !errors.Is(err, tired) {
			t.Fatalf("Send with a context that is done returned %v", err)
		}
		var heard []order
		stop := run(t, new(ground.Ground), record(&heard), d.Driver())
		if err := d.Send(t.Context(), order{"tea", 3}); err != nil {
			t.Fatal(err)
		}
		stop()
		if len(heard) != 1 || heard[0].N != 3 {
			t.Errorf("the machine heard %v", heard)
		}
	})
}

// A Send that the machine takes, and does not acknowledge while the caller waits, may
// have been carried out, and says so. Others wait, and are not sent.
func TestSendUncertain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := door.New("shop")
		stuck, heard := make(chan struct{}), 0
		stop := run(t, new(ground.Ground), d.Driver(), actions.Spawn(actions.Stateless(
			endpoint.Subscriber(topic.All[order](), endpoint.OnMessage(func(order) actions.Action {
				heard++
				<-stuck
				return nil
			})))))
		ctx, cancel := context.WithCancel(t.Context())
		taken, waiting := make(chan error, 1), make(chan error, 1)
		go func() { taken <- d.Send(ctx, order{"tea", 1}) }()
		synctest.Wait()
		for range 2 { // the ground takes one more value ahead
			go func() { waiting <- d.Send(ctx, order{"tea", 2}) }()
			synctest.Wait()
		}
		go func() { waiting <- d.Send(ctx, order{"tea", 3}) }()
		synctest.Wait()
		cancel()
		if err := <-taken; !errors.Is(err, door.ErrUncertain) || !errors.Is(err, context.Canceled) {
			t.Errorf("a value that was taken: %v", err)
		}
		certain := 0
		for range 3 {
			if err := <-waiting; !errors.Is(err, door.ErrUncertain) {
				certain++
			}
		}
		close(stuck)
		stop()
		if heard != 4-certain || certain == 0 {
			t.Errorf("the machine has heard %d, and %d of 4 were certainly not sent", heard, certain)
		}
	})
}

// When the run ends, requests and subscriptions end with ErrClosed and the reason, and so
// do those after it.
func TestClosedWithTheGround(t *testing.T) {
	d := door.New("shop")
	stop := run(t, new(ground.Ground), d.Driver(), seller())
	r := read(t, door.Subscribe(soon(t), d, topic.All[receipt]()))
	r.want(door.Started, receipt{})
	r.want(door.Presence, receipt{})
	stop()
	if err := r.wantEnd(door.ErrClosed); !errors.Is(err, world.ErrStopped) {
		t.Errorf("the reason is %v", err)
	}
	if err := d.Send(soon(t), order{}); !errors.Is(err, door.ErrClosed) || !errors.Is(err, world.ErrStopped) || errors.Is(err, door.ErrUncertain) {
		t.Errorf("Send after the end returned %v", err)
	}
	late := read(t, door.Subscribe(soon(t), d, topic.All[receipt]()))
	late.wantEnd(door.ErrClosed)
}

// A door opens again in another run.
func TestOpensAgain(t *testing.T) {
	d := door.New("shop")
	for range 3 {
		stop := run(t, new(ground.Ground), seller(), d.Driver())
		for { // the door is closed until the ground has opened it
			err := d.Send(soon(t), order{"tea", 1})
			if err == nil {
				break
			}
			if !errors.Is(err, door.ErrClosed) {
				t.Fatal(err)
			}
		}
		r := read(t, door.Subscribe(soon(t), d, topic.All[receipt]()))
		r.want(door.Started, receipt{})
		r.want(door.Presence, receipt{})
		stop()
	}
}

// Close takes what was sent before, and lets the machine end.
func TestClose(t *testing.T) {
	d := door.New("shop")
	done := make(chan error, 1)
	go func() { done <- ground.Run(soon(t), d.Driver()) }()
	if err := d.Send(soon(t), order{"tea", 1}); err != nil {
		t.Fatal(err)
	}
	d.Close()
	d.Close()
	if err := <-done; err != nil || soon(t).Err() != nil {
		t.Errorf("the run ended with %v", err)
	}
	if err := d.Send(soon(t), order{}); !errors.Is(err, door.ErrClosed) {
		t.Errorf("Send after Close returned %v", err)
	}
	unused := door.New("unused")
	unused.Close()
	if err := unused.Send(soon(t), order{}); !errors.Is(err, door.ErrClosed) {
		t.Errorf("Send after Close of a door that was not open returned %v", err)
	}
}

// What cannot be written down is that caller's error only, before it becomes an input.
func TestSendRefuses(t *testing.T) {
	d := door.New("shop")
	run(t, new(ground.Ground), d.Driver())
	for _, c := range []struct {
		v    any
		want string
	}{
		{nil, "there is no value"},
		{stranger{}, "the type door_test.stranger is not registered; use world.Register"},
		{topic.Tuple{stranger{}}, "not registered"},
		{strings.Repeat("x", door.MaxSize), "takes values of at most"},
	} {
		err := d.Send(soon(t), c.v)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), `door "shop": Send`) || len(err.Error()) > 500 {
			t.Errorf("Send(%.20v) returned %.300v, want %q", c.v, err, c.want)
		}
	}
	if err := d.Send(soon(t), order{"tea", 1}); err != nil {
		t.Errorf("after that, Send returned %v", err)
	}
}

// A subscriber that does not keep up ends with ErrSlow, or drops events and counts them,
// Two doors of one name in a machine: the second fails, says so, and leaves the first
// alone. One door in two machines: the second machine hears that it is open.
func TestTwoDoors(t *testing.T) {
	first, second := door.New("shop"), door.New("shop")
	run(t, new(ground.Ground), first.Driver(), second.Driver(), seller())
	err := second.Send(soon(t), order{"tea", 1})
	if !errors.Is(err, door.ErrClosed) || !strings.Contains(err.Error(), `the machine has two doors named "shop": give them different names`) {
		t.Errorf("Send at the second door returned %v", err)
	}
	if err := first.Send(soon(t), order{"tea", 1}); err != nil {
		t.Errorf("Send at the first door returned %v", err)
	}
	reasons := make(chan error, 1)
	run(t, &ground.Ground{Watch: func(r *vm.Record) {
		if r.Kind == vm.Ended && r.Reason != nil && len(reasons) == 0 {
			reasons <- r.Reason
		}
	}}, first.Driver())
	if err := <-reasons; !strings.Contains(err.Error(), `door "shop" is open already`) {
		t.Errorf("the process of a door that is open elsewhere ended with %v", err)
	}
}

// A door works in a nested machine: it leads into that machine.
func TestNestedDoor(t *testing.T) {
	outside, inside := door.New("shop"), door.New("shop")
	run(t, new(ground.Ground), outside.Driver(), actions.Spawn(vm.Nested(actions.Spawn(vm.Nested(inside.Driver(), seller())))))
	r := read(t, door.Subscribe(soon(t), inside, topic.All[receipt]()))
	r.want(door.Started, receipt{})
	r.want(door.Presence, receipt{})
	if err := errors.Join(outside.Send(soon(t), order{"milk", 1}), inside.Send(soon(t), order{"tea", 2})); err != nil {
		t.Fatal(err)
	}
	r.want(door.Message, receipt{"tea", 2})
}

// Any number of goroutines may send and subscribe. What one sends stays in order, and
// everything that was acknowledged was heard.
func TestManyGoroutines(t *testing.T) {
	const senders, each = 20, 50
	d := door.New("shop")
	var heard []order
	stop := run(t, new(ground.Ground), d.Driver(), record(&heard), seller())
	var wg sync.WaitGroup
	for s := range senders {
		wg.Go(func() {
			name := fmt.Sprint(s)
			next := -1
			for ev := range door.Subscribe(soon(t), d, topic.Where(item.Is(name))) {
				if ev.Kind == door.End || ev.Kind == door.Message && ev.Value.N != next {
					t.Errorf("sender %d: %v %v instead of %d: %v", s, ev.Kind, ev.Value, next, ev.Reason)
					return
				}
				if next++; next > 0 && ev.Kind == door.Presence {
					next = 0
				}
				if next == each {
					return
				}
				if ev.Kind == door.Started {
					continue
				}
				if err := d.Send(soon(t), order{name, next}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	stop()
	next := map[string]int{}
	for _, o := range heard {
		if o.N != next[o.Item] {
			t.Fatalf("sender %s: %d came instead of %d", o.Item, o.N, next[o.Item])
		}
		next[o.Item]++
	}
	if len(heard) != senders*each {
		t.Errorf("%d were heard, want %d", len(heard), senders*each)
	}
}

// New refuses the empty name, and Buffer what is not positive.
func TestMistakes(t *testing.T) {
	for _, f := range []func(){func() { door.New("") }, func() { door.Buffer(0) }} {
		func() {
			defer func() {
				if p := fmt.Sprint(recover()); !strings.HasPrefix(p, "door: ") {
					t.Errorf("panic %q", p)
				}
			}()
			f()
		}()
	}
}
