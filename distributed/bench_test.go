package distributed_test

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/rpc"
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

// machines runs machines until the end of a test or benchmark.
func machines(b testing.TB, boots ...[]actions.Action) {
	b.Setenv("MARKETPLACE_LOG", "off")
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	for _, boot := range boots {
		done.Go(func() { _ = ground.Run(ctx, boot...) })
	}
	b.Cleanup(func() { cancel(); done.Wait() })
}

// maxOnTheWay is how many messages BenchmarkPlaceOneWay sends before they have arrived: as many
// as wait for a slow receiver, whose link would be given up otherwise.
const maxOnTheWay = 10_000

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
				distributed.Config{Network: x, Lease: time.Minute}.Serve("room"),
				spawn(endpoint.Subscriber(topic.Where(loadTo.Is("x")), endpoint.OnMessage(func(load) actions.Action {
					if n++; n == want || n%maxOnTheWay == 0 {
						got <- struct{}{}
					}
					return nil
				}))),
			}, []actions.Action{
				distributed.Config{Network: y, Lease: time.Minute}.Driver(),
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
			for sent := 0; sent < b.N; {
				k := min(b.N-sent, 100)
				orders <- k
				if sent += k; sent == b.N || sent%maxOnTheWay == 0 {
					<-got
				}
			}
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
	{"tls", func(b *testing.B) (a, other distributed.Network) {
		ns := realm(b, "a", "b")
		return ns[0], ns[1]
	}},
}

var plus = rpc.Define[int, int]("distributed_test.plus")

// BenchmarkPlaceCall calls an operation at a place, one call after the other.
func BenchmarkPlaceCall(b *testing.B) {
	for _, network := range networks {
		b.Run(network.name, func(b *testing.B) {
			x, y := network.make(b)
			there := distributed.Place{Node: "a", Name: "room"}
			orders, done := make(chan int), make(chan struct{})
			left := 0
			var call func(n int) actions.Action
			call = func(n int) actions.Action {
				return rpc.Call(plus, n, func(r int, err error) actions.Action {
					if err != nil {
						b.Error(err)
						left = 1
					}
					if left--; left == 0 {
						done <- struct{}{}
						return nil
					}
					return call(r)
				}, rpc.At(there))
			}
			machines(b, []actions.Action{
				distributed.Config{Network: x, Lease: time.Minute}.Serve("room"),
				actions.Spawn(rpc.Serve(0, rpc.Handle(plus, func(s, n int) (int, int, error) { return s, n + 1, nil }))),
			}, []actions.Action{
				distributed.Config{Network: y, Lease: time.Minute}.Driver(),
				spawn(endpoint.Device(pump{orders}, endpoint.OnValue(func(k int) actions.Action {
					left = k
					return call(0)
				}))),
			})
			orders <- 1
			<-done
			b.ReportAllocs()
			b.ResetTimer()
			orders <- b.N
			<-done
		})
	}
	b.Run("plain TCP", func(b *testing.B) { echoTCP(b, 64) })
}

// echoTCP measures a round trip of bytes over a socket.
func echoTCP(b *testing.B, size int) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		buf := make([]byte, size)
		for {
			if _, err := io.ReadFull(c, buf); err != nil {
				return
			}
			c.Write(buf)
		}
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	buf := make([]byte, size)
	b.ResetTimer()
	for range b.N {
		c.Write(buf)
		if _, err := io.ReadFull(c, buf); err != nil {
			b.Fatal(err)
		}
	}
}
