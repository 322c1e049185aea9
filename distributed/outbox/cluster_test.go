package outbox_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/internal/simtest"
	"github.com/go-marketplace/marketplace/distributed/outbox"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/vm"
)

// run runs a machine in the bubble of a test, and returns the function that stops it.
func runMachine(t *testing.T, boot ...actions.Action) (stop func()) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- (&ground.Ground{Logger: slog.New(slog.DiscardHandler)}).Run(ctx, boot...) }()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(stop)
	synctest.Wait()
	return stop
}

func node(network *distributed.MemoryNetwork, name string) distributed.Config {
	return distributed.Config{Network: network.Node(name)}
}

func process(as ...actions.Action) actions.Action { return actions.Spawn(actions.Stateless(as...)) }

// deliver hands a body over, and notes how the call ends.
func deliver(b any, end *error, opts ...rpc.Option) actions.Action {
	return rpc.Call(outbox.Deliver, outbox.Message{To: orders, Body: b}, func(_ outbox.ID, err error) actions.Action {
		*end = err
		return nil
	}, opts...)
}

var errOpen = errors.New("the call has not ended")

// deliveries notes what arrives.
func deliveries(got *[]any) actions.AddEndpoint {
	return endpoint.Subscriber(outbox.From("orders"), endpoint.OnMessage(func(d outbox.Delivery) actions.Action {
		*got = append(*got, d.Body)
		return nil
	}))
}

// TestHandles: a handle in a message works where the message arrives. One of a machine that is
// served as no place is refused, with a reason that says so.
func TestHandles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := distributed.Memory()
		var answers []any
		runMachine(t, node(network, "berlin").Driver(), node(network, "berlin").Serve("shop"), outbox.Receiver("orders"), process(
			endpoint.Subscriber(outbox.From("orders"), endpoint.OnMessage(func(d outbox.Delivery) actions.Action {
				l, _ := d.Body.(distributed.Letter)
				return l.From.Send(distributed.Handle{}, l.Body)
			}))))
		served, notServed := errOpen, errOpen
		letter := func(what string) distributed.Letter {
			return distributed.Letter{To: "shop", From: distributed.Handle{Name: "me"}, Body: what}
		}
		runMachine(t, node(network, "paris").Driver(), node(network, "paris").Serve("home"), outbox.Sender(orders), process(
			distributed.Mailbox("me", endpoint.OnMessage(func(l distributed.Letter) actions.Action { answers = append(answers, l.Body); return nil })),
			deliver(letter("paris"), &served)))
		runMachine(t, node(network, "rome").Driver(), outbox.Sender(orders), process(deliver(letter("rome"), &notServed)))
		simtest.Pass(time.Minute)
		if served != nil || !errors.Is(notServed, distributed.ErrUnsendable) || !slices.Equal(answers, []any{"paris"}) {
			t.Errorf("served: %v; not served: %v; answers: %v", served, notServed, answers)
		}
	})
}

// TestReasons: while messages wait, the status says why: there is no such place, nobody
// receives there, the place does not admit it. The sender and its messages stay, and the call
// ends when the reason has gone.
func TestReasons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := distributed.Memory()
		stop := runMachine(t, node(network, "berlin").Serve("other"))
		in := door.New("outside")
		end := errOpen
		runMachine(t, node(network, "paris").Driver(), in.Driver(), outbox.Sender(orders), process(deliver("a", &end)))
		expect := func(want error) {
			t.Helper()
			simtest.Pass(time.Minute)
			s, err := rpc.Do(t.Context(), in, outbox.Inspect, orders)
			if err != nil || s.Waiting != 1 || s.Reason == nil || !strings.Contains(s.Reason.Error(), want.Error()) {
				t.Errorf("the status is %+v, %v, want %v", s, err, want)
			}
			if end != errOpen {
				t.Errorf("the call has ended with %v", end)
			}
		}
		expect(distributed.ErrUnreachable)
		expect(distributed.ErrNoPlace)
		stop()
		stop = runMachine(t, node(network, "berlin").Serve("shop"))
		expect(outbox.ErrNoReceiver)
		stop()
		closed := node(network, "berlin")
		closed.Admission = "outbox_test.nothing"
		var got []any
		stop = runMachine(t, closed.Serve("shop"), outbox.Receiver("orders"), process(deliveries(&got)))
		expect(distributed.ErrNotAdmitted)
		stop()
		runMachine(t, node(network, "berlin").Serve("shop"), outbox.Receiver("orders"), process(deliveries(&got)))
		simtest.Pass(time.Minute)
		if s, err := rpc.Do(t.Context(), in, outbox.Inspect, orders); end != nil || !slices.Equal(got, []any{"a"}) || s.Reason != nil || err != nil {
			t.Errorf("the call has ended with %v, and %v has arrived; the status is %+v, %v", end, got, s, err)
		}
	})
}

func init() {
	distributed.RegisterAdmission("outbox_test.nothing", func(distributed.Wish) error { return errors.New("nothing is allowed") })
}

// TestDoor: code that is no process hands messages over through a door. A request that is
// repeated with its key is one message.
func TestDoor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := distributed.Memory()
		var got []any
		runMachine(t, node(network, "berlin").Serve("shop"), outbox.Receiver("orders"), process(deliveries(&got)))
		in := door.New("outside")
		runMachine(t, node(network, "paris").Driver(), in.Driver(), outbox.Sender(orders))
		var ids []outbox.ID
		for range 2 {
			id, err := rpc.Do(t.Context(), in, outbox.Deliver, outbox.Message{To: orders, Body: Order{"tony", 3}}, door.Key("order-17"))
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		if ids[0] != ids[1] || !slices.Equal(got, []any{Order{"tony", 3}}) {
			t.Errorf("the ids are %v, and %v has arrived", ids, got)
		}
	})
}

// TestDeadline: a call with a deadline ends while the place is away. The message is delivered
// nevertheless.
func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := distributed.Memory()
		end := errOpen
		runMachine(t, timer.Driver(), node(network, "paris").Driver(), outbox.Sender(orders), process(deliver("a", &end, rpc.Within(time.Second))))
		simtest.Pass(time.Minute)
		if !errors.Is(end, context.DeadlineExceeded) {
			t.Errorf("the call has ended with %v", end)
		}
		var got []any
		runMachine(t, node(network, "berlin").Serve("shop"), outbox.Receiver("orders"), process(deliveries(&got)))
		simtest.Pass(time.Minute)
		if !slices.Equal(got, []any{"a"}) {
			t.Errorf("%v has arrived", got)
		}
	})
}

// TestNested: a sender works in a nested machine, and delivers to a place that is one.
func TestNested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := distributed.Memory()
		var got []any
		end := errOpen
		runMachine(t, actions.Spawn(vm.Nested(node(network, "berlin").Serve("shop"), outbox.Receiver("orders"), process(deliveries(&got)))))
		runMachine(t, actions.Spawn(vm.Nested(node(network, "paris").Driver(), outbox.Sender(orders), process(deliver("a", &end)))))
		simtest.Pass(time.Minute)
		if end != nil || !slices.Equal(got, []any{"a"}) {
			t.Errorf("the call has ended with %v, and %v has arrived", end, got)
		}
	})
}
