package door_test

import (
	"context"
	"errors"
	"iter"
	"os"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(shopEnv); dir != "" {
		os.Exit(serveShop(dir))
	}
	goleak.VerifyTestMain(m)
}

// An order goes in, and a receipt comes out.
type (
	order struct {
		Item string
		N    int
	}
	receipt struct {
		Item string
		N    int
	}
	stranger struct{ N int } // is not registered
)

var (
	item     = topic.FieldOf(func(r *receipt) *string { return &r.Item })
	quantity = topic.FieldOf(func(r *receipt) *int { return &r.N })
)

func init() {
	world.Register[order]("door_test.order")
	world.Register[receipt]("door_test.receipt")
}

// seller answers each order with a receipt, and is present as a publisher of receipts.
func seller() actions.Action {
	return actions.Spawn(actions.Stateless(
		endpoint.Publisher(topic.All[receipt]()),
		endpoint.Subscriber(topic.All[order](), endpoint.OnMessage(func(o order) actions.Action {
			if o.Item == "the end" {
				return actions.Fail(errSold)
			}
			return actions.Send(receipt(o))
		})),
	)).Named("seller")
}

var errSold = errors.New("everything is sold")

// run runs a ground until the test ends, or stop is called.
func run(t testing.TB, g *ground.Ground, boot ...actions.Action) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- g.Run(ctx, boot...) }()
	stopped := false
	var err error
	stop = func() error {
		cancel()
		if !stopped {
			err, stopped = <-done, true
		}
		return err
	}
	t.Cleanup(func() { _ = stop() })
	return stop
}

// soon returns a context that fails the test if it takes very long.
func soon(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// A reader reads a subscription event by event.
type reader[M any] struct {
	t    testing.TB
	next func() (door.Event[M], bool)
	stop func()
}

func read[M any](t testing.TB, events iter.Seq[door.Event[M]]) reader[M] {
	next, stop := iter.Pull(events)
	t.Cleanup(stop)
	return reader[M]{t, next, stop}
}

// want reads an event, and checks it.
func (r reader[M]) want(kind door.Kind, value M) door.Event[M] {
	r.t.Helper()
	ev, ok := r.next()
	if !ok || ev.Kind != kind || any(ev.Value) != any(value) {
		r.t.Fatalf("got %v %+v (%v), more: %v; want %v %+v", ev.Kind, ev.Value, ev.Reason, ok, kind, value)
	}
	return ev
}

// wantEnd reads the last event, and checks the reason.
func (r reader[M]) wantEnd(reason error) error {
	r.t.Helper()
	var zero M
	ev := r.want(door.End, zero)
	if !errors.Is(ev.Reason, reason) {
		r.t.Fatalf("ended with %v, want %v", ev.Reason, reason)
	}
	if _, more := r.next(); more {
		r.t.Fatal("an event follows the end")
	}
	return ev.Reason
}
