package distributed_test

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A load is a message of 64 bytes.
type load struct {
	To   string
	Data string
}

var loadTo = topic.FieldOf(func(l *load) *string { return &l.To })

func init() { world.Register[load]("distributed_test.load") }

// A pump is a device by which a benchmark drives a machine: each value is a number of
// messages that a process sends.
type pump struct{ c chan int }

func (p pump) DeviceName() string { return "pump" }
func (p pump) Open(context.Context, world.Env) (world.Handle, error) {
	return &openPump{c: p.c, closed: make(chan struct{})}, nil
}

type openPump struct {
	told   bool
	c      chan int
	once   sync.Once
	closed chan struct{}
}

func (p *openPump) Recv() (any, error) {
	if !p.told {
		p.told = true
		return "open", nil
	}
	select {
	case n := <-p.c:
		return n, nil
	case <-p.closed:
		return nil, io.EOF
	}
}

func (p *openPump) Try(cs []any) (int, error) { return len(cs), nil }
func (p *openPump) Do(any) error              { return nil }
func (p *openPump) Close() error              { p.once.Do(func() { close(p.closed) }); return nil }

// machines runs machines until the end of a benchmark.
func machines(b *testing.B, boots ...[]actions.Action) {
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	for _, boot := range boots {
		done.Go(func() {
			g := ground.Ground{Logger: slog.New(slog.NewTextHandler(b.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))}
			_ = g.Run(ctx, boot...)
		})
	}
	b.Cleanup(func() { cancel(); done.Wait() })
}

// BenchmarkPlaceOneWay sends messages of 64 bytes from a machine to a place in another, in
// batches of 100.
func BenchmarkPlaceOneWay(b *testing.B) {
	for _, network := range networks {
		b.Run(network.name, func(b *testing.B) {
			x, y := network.make(b)
			orders := make(chan int, 16)
			got := make(chan struct{}, 1)
			n, want := 0, b.N
			there := distributed.Place{Node: "a", Name: "room"}
			m := load{"x", string(make([]byte, 60))}
			ready := make(chan struct{})
			machines(b, []actions.Action{
				distributed.Config{Network: x}.Serve("room"),
				spawn(endpoint.Subscriber(topic.Where(loadTo.Is("x")), endpoint.OnMessage(func(load) actions.Action {
					if n++; n == want {
						got <- struct{}{}
					}
					return nil
				}))),
			}, []actions.Action{
				distributed.Config{Network: y}.Driver(),
				spawn(
					endpoint.Subscriber(distributed.Reach(there), endpoint.OnPresence(func(distributed.Up) actions.Action { close(ready); return nil })),
					endpoint.Device(pump{orders}, endpoint.OnValue(func(k int) actions.Action {
						as := make(actions.Tree, k)
						for i := range as {
							as[i] = distributed.Send(there, m)
						}
						return as
					}))),
			})
			<-ready
			b.ReportAllocs()
			b.ResetTimer()
			for left := b.N; left > 0; left -= 100 {
				orders <- min(left, 100)
			}
			<-got
		})
	}
}

var networks = []struct {
	name string
	make func(b *testing.B) (a, other distributed.Network)
}{
	{"memory", func(*testing.B) (a, other distributed.Network) {
		m := distributed.Memory()
		return m.Node("a"), m.Node("b")
	}},
}
