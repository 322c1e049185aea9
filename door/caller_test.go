package door_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
)

// inDoor reports whether the goroutine has called a method of a door that waits.
func inDoor() bool {
	stack := make([]byte, 1<<16)
	return strings.Contains(string(stack[:runtime.Stack(stack, false)]), "door.(*Door).await(")
}

// A goroutine that calls a machine at rest runs it. It does so only if its context cannot
// end: otherwise a transition function that takes long would keep it beyond the end.
func TestCallerRunsTheMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := door.New("shop")
		var ran []bool // by the caller
		run(t, new(ground.Ground), d.Driver(),
			actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[receipt](), endpoint.OnMessage(func(receipt) actions.Action {
				ran = append(ran, inDoor())
				return nil
			})))),
			actions.Spawn(rpc.Serve(0, rpc.Handle(Buy, func(s int, o order) (int, int, error) {
				ran = append(ran, inDoor())
				return s, o.N, nil
			}))))
		synctest.Wait()
		if _, err := rpc.Do(t.Context(), d, Buy, order{"tea", 1}); err != nil { // the first call takes several turns
			t.Fatal(err)
		}
		for _, ctx := range []context.Context{context.Background(), t.Context()} {
			ran = nil
			synctest.Wait()
			if err := d.Send(ctx, receipt{"tea", 1}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if n, err := rpc.Do(ctx, d, Buy, order{"tea", 7}); n != 7 || err != nil {
				t.Fatal(n, err)
			}
			if want := ctx.Done() == nil; len(ran) != 2 || ran[0] != want || ran[1] != want {
				t.Errorf("the goroutine that calls has run the machine for Send and Do: %v, want %v", ran, want)
			}
		}
	})
}

// A transition function that sends through a door into its own machine waits in vain,
// because the machine waits for it. It waits no longer than its context allows, and then
// everything goes on, even if it runs in the goroutine of a caller.
func TestSendFromWithinTheMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := door.New("shop")
		var heard []order
		var inner error
		stop := run(t, new(ground.Ground), d.Driver(),
			actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[order](), endpoint.OnMessage(func(o order) actions.Action {
				if heard = append(heard, o); o.Item == "outer" {
					ctx, cancel := context.WithTimeout(context.Background(), time.Second)
					defer cancel()
					inner = d.Send(ctx, order{"inner", 1})
				}
				return nil
			})))))
		synctest.Wait()
		for _, o := range []order{{"outer", 1}, {"after", 1}} {
			if err := d.Send(context.Background(), o); err != nil {
				t.Fatal(err)
			}
		}
		stop()
		if !errors.Is(inner, context.DeadlineExceeded) || errors.Is(inner, door.ErrUncertain) {
			t.Errorf("the inner Send returned %v", inner)
		}
		if len(heard) != 2 || heard[1] != (order{"after", 1}) {
			t.Errorf("the machine has heard %v", heard)
		}
	})
}
