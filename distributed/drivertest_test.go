package distributed

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/drivertest"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// TestDrivertest: DR-01 to DR-05, DR-08: the driver keeps the promises of drivers. The
// things that it serves are places on other nodes, and links are what it has open. Of a
// place that fails, users see nobody: no absence has a reason.
func TestDrivertest(t *testing.T) {
	drivertest.Test(t, func(testing.TB) drivertest.Driver {
		network := Memory()
		ctx, stop := context.WithCancel(context.Background())
		var homes [2]chan thing
		var ended [2]chan error
		place := func(i int) Place { return Place{Node: fmt.Sprint("home ", i), Name: "room"} }
		for i := range homes {
			homes[i], ended[i] = make(chan thing), make(chan error, 1)
			go func() {
				ended[i] <- ground.Run(ctx, Config{Network: network.Node(place(i).Node)}.Serve("room"), said(homes[i]))
			}()
		}
		synctest.Wait()
		c := Config{Network: network.Node("client")}
		return drivertest.Driver{
			Boot:   c.Driver(),
			Types:  c.Types(),
			Things: 2,
			Demand: func(i int) actions.Action { return place(i).At(endpoint.Subscriber(topic.All[thing]())) },
			Happen: func(i, n int) []any {
				m := thing{A: int8(n), B: place(i).Node}
				select {
				case homes[i] <- m:
				case <-ctx.Done():
				}
				return []any{m}
			},
			Means: func(message any) any { return *message.(happening).Message.(*thing) },
			Open: func() []string {
				n := network.Links("client")
				return strings.Split(strings.Repeat("link,", n), ",")[:n]
			},
			Close: func() {
				stop()
				for _, e := range ended {
					<-e
				}
			},
		}
	})
}

// said returns the action that spawns a process which sends what comes from c.
func said(c chan thing) actions.Action {
	return actions.Spawn(actions.Stateless(endpoint.Device(speaker{c}, endpoint.OnValue(func(m thing) actions.Action {
		return actions.Send(m)
	}))))
}

type speaker struct{ c chan thing }

func (speaker) DeviceName() string { return "speaker" }

func (s speaker) Open(context.Context, world.Env) (world.Handle, error) {
	ctx, cancel := context.WithCancel(context.Background())
	return &speaking{s, false, ctx, cancel}, nil
}

type speaking struct {
	speaker
	told   bool
	ctx    context.Context
	cancel context.CancelFunc
}

func (s *speaking) Recv() (any, error) {
	if !s.told {
		s.told = true
		return "open", nil
	}
	select {
	case m := <-s.c:
		return m, nil
	case <-s.ctx.Done():
		return nil, world.ErrClosed
	}
}

func (s *speaking) Try(cs []any) (int, error) { return len(cs), nil }
func (s *speaking) Do(any) error              { return nil }
func (s *speaking) Close() error              { s.cancel(); return nil }
