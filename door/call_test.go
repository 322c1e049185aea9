package door_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// The shop of these tests sells tea, and counts. It panics if the number is 666. It keeps
// an order of the item "later" until an order of the item "now" is sent, and sends a receipt for it.
type shop struct {
	Sold  int
	Later []rpc.Ask[order, int]
}

var (
	Buy     = rpc.Define[order, int]("door_test.buy")
	Wrap    = rpc.Define[wrapper, int]("door_test.wrap")
	Missing = rpc.Define[order, int]("door_test.missing") // nobody serves it

	errSoldOut = errors.New("sold out")
)

type wrapper struct{ Value any }

func init() {
	world.RegisterErrorKind("door_test.errSoldOut", errSoldOut)
	world.Register[wrapper]("door_test.wrapper")
}

func (s shop) buy(a rpc.Ask[order, int]) actions.Transition[shop] {
	switch o := a.Args; {
	case o.N == 666:
		panic("666")
	case o.Item == "later":
		s.Later = append(s.Later[:len(s.Later):len(s.Later)], a)
		return actions.Next(s, actions.Send(receipt(o)))
	case o.Item != "tea":
		return actions.Next(s, a.Fail(fmt.Errorf("%s is %w", o.Item, errSoldOut)))
	default:
		s.Sold += o.N
		return actions.Next(s, a.Reply(s.Sold))
	}
}

func (s shop) now(o order) actions.Transition[shop] {
	if o.Item != "now" {
		return actions.Next(s)
	}
	var all actions.Tree
	for _, a := range s.Later {
		s.Sold += a.Args.N
		all = append(all, a.Reply(s.Sold))
	}
	s.Later = nil
	return actions.Next(s, all)
}

func (s shop) open() actions.Action {
	return actions.Tree{
		rpc.Methods(rpc.HandleLater(Buy, shop.buy)),
		endpoint.Subscriber(topic.All[order](), endpoint.OnMessageState(shop.now)),
	}
}

var shops = actions.Define("door_test.shop", shop.open)

// Do calls an operation of a process, and returns its result or its error.
func TestDo(t *testing.T) {
	d := door.New("shop")
	run(t, new(ground.Ground), shops.Spawn(shop{}), d.Driver())
	for _, want := range []int{1, 3} {
		if n, err := rpc.Do(soon(t), d, Buy, order{"tea", want - want/2}); n != want || err != nil {
			t.Fatal(n, err)
		}
	}
	if _, err := rpc.Do(soon(t), d, Buy, order{"milk", 1}); !errors.Is(err, errSoldOut) || err.Error() != "milk is sold out" {
		t.Errorf("an order for milk: %v", err)
	}
	if _, err := rpc.Do(soon(t), d, Missing, order{}); !errors.Is(err, rpc.ErrNobody) {
		t.Errorf("an operation that nobody serves: %v", err)
	}
}

// What cannot be a call is refused before it is an input, and harms nobody.
func TestDoRefuses(t *testing.T) {
	d := door.New("shop") // which leads nowhere yet: nothing waits
	for _, c := range []struct {
		op   string
		args any
		opts rpc.Options
		want error
		says string
	}{
		{"nothing", order{}, rpc.Options{}, rpc.ErrUnknown, `"nothing"`},
		{"door_test.buy", 7, rpc.Options{}, rpc.ErrType, "door_test.buy takes door_test.order, not int"},
		{"door_test.buy", nil, rpc.Options{}, rpc.ErrType, "not <nil>"},
		{"door_test.buy", order{}, rpc.Options{Limited: true, Within: -1}, context.DeadlineExceeded, "Within(-1ns)"},
		{"door_test.wrap", wrapper{stranger{}}, rpc.Options{}, nil, "not registered"},
		{"door_test.buy", order{Item: strings.Repeat("x", door.MaxSize)}, rpc.Options{}, nil, "bytes"},
		{"door_test.buy", order{}, rpc.Options{Key: strings.Repeat("x", 1025)}, nil, "the key has 1025 bytes, and may have 1024"},
	} {
		_, err := d.CallNamed(soon(t), c.op, c.args, c.opts)
		if err == nil || c.want != nil && !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) || errors.Is(err, door.ErrUncertain) {
			t.Errorf("%s with a %T: %v", c.op, c.args, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := rpc.Do(ctx, d, Buy, order{}); !errors.Is(err, context.Canceled) || errors.Is(err, door.ErrUncertain) {
		t.Errorf("with a context that is done: %v", err)
	}
}

// Each of many callers gets its own answer.
func TestDoFromManyGoroutines(t *testing.T) {
	d := door.New("shop")
	run(t, new(ground.Ground), d.Driver(), shops.Spawn(shop{}))
	if _, err := rpc.Do(soon(t), d, Buy, order{"tea", 0}, rpc.Patient()); err != nil {
		t.Fatal(err)
	}
	ctx := soon(t)
	var all sync.WaitGroup
	var mu sync.Mutex
	seen := map[int]bool{}
	for i := range 50 {
		all.Go(func() {
			for j := range 20 {
				if i%5 == 0 {
					name := fmt.Sprintf("milk %d.%d", i, j)
					if _, err := rpc.Do(ctx, d, Buy, order{name, 1}); err == nil || !strings.HasPrefix(err.Error(), name+" is") {
						t.Errorf("%s: %v", name, err)
					}
					continue
				}
				n, err := rpc.Do(ctx, d, Buy, order{"tea", 1})
				mu.Lock()
				if err != nil || seen[n] {
					t.Errorf("result %d, which was there: %v; %v", n, seen[n], err)
				}
				seen[n] = true
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(seen) != 40*20 || !seen[800] {
		t.Errorf("%d results", len(seen))
	}
}

// A call whose context ends before the machine takes it never happens. If the machine has
// it, it may have been carried out, and the late answer disturbs nobody.
func TestDoGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := door.New("shop")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := rpc.Do(ctx, d, Buy, order{"tea", 100}); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, door.ErrUncertain) {
			t.Errorf("before the ground runs: %v", err)
		}
		stop := run(t, new(ground.Ground), shops.Spawn(shop{}), d.Driver())
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := rpc.Do(ctx, d, Buy, order{"later", 1}); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, door.ErrUncertain) {
			t.Errorf("after the machine took it: %v", err)
		}
		if err := d.Send(t.Context(), order{"now", 0}); err != nil {
			t.Fatal(err)
		}
		if n, err := rpc.Do(t.Context(), d, Buy, order{"tea", 1}); n != 2 || err != nil {
			t.Errorf("%d are sold, want 2: %v", n, err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// When the ground ends, a call without an answer may have been carried out, and one that
// comes later was not.
func TestGroundEndsWithOpenCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := door.New("shop")
		stop := run(t, new(ground.Ground), shops.Spawn(shop{}), d.Driver())
		ended := make(chan error, 3)
		for range 3 {
			go func() {
				_, err := rpc.Do(t.Context(), d, Buy, order{"later", 1})
				ended <- err
			}()
		}
		synctest.Wait()
		_ = stop()
		for range 3 {
			if err := <-ended; !errors.Is(err, door.ErrClosed) || !errors.Is(err, door.ErrUncertain) || !errors.Is(err, world.ErrStopped) {
				t.Error(err)
			}
		}
		if _, err := rpc.Do(t.Context(), d, Buy, order{"tea", 1}); !errors.Is(err, door.ErrClosed) || errors.Is(err, door.ErrUncertain) {
			t.Error(err)
		}
	})
}

// A server that dies ends the call with the reason, and nothing else.
func TestServerDies(t *testing.T) {
	d := door.New("shop")
	run(t, new(ground.Ground), shops.Spawn(shop{}), d.Driver())
	if _, err := rpc.Do(soon(t), d, Buy, order{"tea", 666}); !errors.Is(err, rpc.ErrGone) || !errors.Is(err, vm.ErrPanic) {
		t.Error(err)
	}
	if _, err := rpc.Do(soon(t), d, Buy, order{"tea", 1}); !errors.Is(err, rpc.ErrNobody) {
		t.Error(err)
	}
}

// Within ends a call in the machine, by the clock of its timer driver. Patient waits for
// a server.
func TestDoWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := door.New("shop")
		stop := run(t, new(ground.Ground), timer.Driver(), d.Driver())
		began := time.Now()
		_, err := rpc.Do(t.Context(), d, Buy, order{"tea", 1}, rpc.Within(time.Minute), rpc.Patient())
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, door.ErrUncertain) || time.Since(began) != time.Minute {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// A call through a door of a nested machine finds the servers of that machine.
func TestDoInANestedMachine(t *testing.T) {
	outside, inside := door.New("shop"), door.New("shop")
	run(t, new(ground.Ground), outside.Driver(), actions.Spawn(vm.Nested(shops.Spawn(shop{}), inside.Driver())))
	if n, err := rpc.Do(soon(t), inside, Buy, order{"tea", 1}); n != 1 || err != nil {
		t.Error(n, err)
	}
	if _, err := rpc.Do(soon(t), outside, Buy, order{"tea", 1}); !errors.Is(err, rpc.ErrNobody) {
		t.Error(err)
	}
}
