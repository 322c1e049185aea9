package networktest

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
)

// triple is the operation of Calls.
var triple = rpc.Define[int, int]("networktest.triple")

// callers is how many processes, and how many goroutines, call at the same time.
const callers = 16

// Calls makes n calls from a machine on one node to a place on another: half of them by
// processes, and half by Go code through a door. It fails the test unless each is carried out
// once, and has its own result, once, within a minute.
func Calls(t *testing.T, client, home distributed.Network, n int) {
	t.Helper()
	var work sync.WaitGroup
	place := distributed.Place{Node: home.Node(), Name: "calls"}
	served, answered := make([]uint8, n), make([]uint8, n)
	result := func(i, r int, err error) {
		if answered[i]++; r != 3*i || err != nil {
			t.Errorf("call %d has the result %d, %v", i, r, err)
		}
	}

	stopHome := run(t, distributed.Config{Network: home, Lease: time.Minute}.Serve(place.Name), strays(t),
		actions.Spawn(rpc.Serve(struct{}{}, rpc.Handle(triple, func(s struct{}, i int) (struct{}, int, error) {
			served[i]++
			return s, 3 * i, nil
		}))))
	var next func(i int) actions.Action
	next = func(i int) actions.Action {
		if i >= n/2 {
			work.Done()
			return nil
		}
		return rpc.Call(triple, i, func(r int, err error) actions.Action {
			result(i, r, err)
			return next(i + callers)
		}, rpc.At(place), rpc.Within(time.Minute))
	}
	hatch := door.New("calls")
	boot := []actions.Action{timer.Driver(), distributed.Config{Network: client, Lease: time.Minute}.Driver(), hatch.Driver(), strays(t)}
	for i := range callers {
		work.Add(1)
		boot = append(boot, actions.Spawn(actions.Stateless(next(i))))
	}
	stopClient := run(t, boot...)
	for first := range callers {
		work.Go(func() {
			for i := n/2 + first; i < n; i += callers {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				r, err := rpc.Do(ctx, hatch, triple, i, rpc.At(place))
				cancel()
				result(i, r, err)
			}
		})
	}
	work.Wait()
	stopClient()
	stopHome()
	for i := range n {
		if served[i] != 1 || answered[i] != 1 {
			t.Errorf("call %d was carried out %d times, and has %d results", i, served[i], answered[i])
		}
	}
}

// strays fails the test for each reply that nobody waits for.
func strays(t *testing.T) actions.Action {
	return actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[rpc.Stray](), endpoint.OnMessage(func(s rpc.Stray) actions.Action {
		t.Errorf("a reply is one too many: %v", s)
		return nil
	}))))
}

// run runs a machine until it is stopped.
func run(t *testing.T, boot ...actions.Action) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- (&ground.Ground{Logger: slog.New(slog.DiscardHandler)}).Run(ctx, boot...) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("a machine has ended: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}
