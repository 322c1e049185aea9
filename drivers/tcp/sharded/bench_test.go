package sharded_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/drivers/tcp/sharded"
	"github.com/go-marketplace/marketplace/endpoint"
)

// echo is the program of the workers in the benchmark.
func echo(w sharded.Worker) actions.Process {
	return actions.Stateless(w.Driver(), endpoint.ObservePublishers(tcp.Arriving(w.Listener()),
		endpoint.OnPresence(func(c tcp.Data) actions.Action { return actions.Spawn(echoer(c.From, c.To)) })))
}

func echoer(them, us tcp.Addr) actions.Process {
	return actions.Stateless(
		endpoint.Publisher(tcp.Flow(us, them)),
		endpoint.Subscriber(tcp.Flow(them, us),
			endpoint.OnMessage(func(d tcp.Data) actions.Action {
				return actions.Send(tcp.Data{From: us, To: them, Bytes: d.Bytes, EOF: d.EOF})
			}),
			endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return actions.Quit() }),
		),
	)
}

func serveSharded(b *testing.B) (addr string) {
	l, err := sharded.Config{Logger: slog.New(slog.DiscardHandler)}.Listen(b.Context(), "127.0.0.1:0", echo)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := l.Close(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return l.Addr().String()
}

// servePlain runs a server of package net.
func servePlain(b *testing.B) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 4<<10)
				for {
					n, err := c.Read(buf)
					if err != nil {
						return
					}
					if _, err := c.Write(buf[:n]); err != nil {
						return
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

// BenchmarkShardedEcho is the time of a request of 64 bytes, and its answer, with 128
// clients that have one request under way each, in the same program. The plain server
// is one of package net, for comparison.
func BenchmarkShardedEcho(b *testing.B) {
	for _, s := range []struct {
		name  string
		serve func(*testing.B) string
	}{{"sharded", serveSharded}, {"plain", servePlain}} {
		b.Run(s.name, func(b *testing.B) {
			defer debug.SetGCPercent(debug.SetGCPercent(400)) // as examples/echo has it
			addr := s.serve(b)
			const clients = 128
			var conns [clients]net.Conn
			for i := range conns {
				c, err := net.Dial("tcp", addr)
				if err != nil {
					b.Fatal(err)
				}
				defer c.Close()
				conns[i] = c
			}
			var left atomic.Int64
			left.Store(int64(b.N))
			b.ReportAllocs()
			b.ResetTimer()
			var wg sync.WaitGroup
			for _, c := range conns {
				wg.Go(func() {
					buf := make([]byte, 64)
					for left.Add(-1) >= 0 {
						if _, err := c.Write(buf); err != nil {
							b.Error(err)
							return
						}
						if _, err := io.ReadFull(c, buf); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
		})
	}
}
