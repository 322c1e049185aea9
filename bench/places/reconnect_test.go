//go:build unix

package places

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// BenchmarkReconnect cuts the connection of a client with many endpoints at a place, and measures
// until the place has heard the presence of all of them again: from the cut (ms/whole), and from
// the time at which the client has its new link (ms/settle). The processor time of both processes
// for an endpoint, its absence and its presence (cpu-µs/endpoint), is the same for all numbers if
// the place settles in linear time.
func BenchmarkReconnect(b *testing.B) {
	for _, n := range []int{1_000, 3_000, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			at, key := freeAddress(b), keyFile(b)
			home := start(b, part{Does: "count", Node: "home", Listen: at, Key: key, Turn: n})
			wire := newCable(b, at)
			network, err := tlsNetwork(part{Node: "client", Dial: wire.Addr().String(), Key: key})
			if err != nil {
				b.Fatal(err)
			}
			c := &client{newPump(), b, home}
			run(b, "", config(network).Driver(), obey(c.pump, room))
			c.hears("up")
			c.each(n, "add")
			before := presentAt(home)
			var whole, settle, cpu []float64
			for b.Loop() {
				began := time.Now()
				wire.cut()
				c.hears("up")
				up := time.Now()
				home.expect("absent")
				now := presentAt(home)
				cpu = append(cpu, float64(now-before)/float64(time.Microsecond)/float64(n))
				before = now
				whole = append(whole, float64(time.Since(began))/float64(time.Millisecond))
				settle = append(settle, float64(time.Since(up))/float64(time.Millisecond))
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(whole), "ms/whole")
			b.ReportMetric(median(settle), "ms/settle")
			b.ReportMetric(median(cpu), "cpu-µs/endpoint")
		})
	}
}

// presentAt waits until a place has heard the presence of all, and returns the processor time
// that both processes have used.
func presentAt(home *process) time.Duration {
	home.b.Helper()
	var there time.Duration
	line := home.next()
	if _, err := fmt.Sscanf(line, "present %d", &there); err != nil {
		home.b.Fatalf("a process says %q", line)
	}
	return used() + there
}

// runCount is the part of a process with a place that says when all peers are present, and when
// all are absent.
func runCount(p part) error {
	n, err := tlsNetwork(p)
	if err != nil {
		return err
	}
	g, err := newGround("")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { untilEnd(); cancel() }()
	out, present := linesPump(), 0
	_ = g.Run(ctx, config(n).Serve("room"), spawn(
		actions.OpenDevice{Device: out},
		endpoint.Subscriber(topic.All[peer](),
			endpoint.OnPresence(func(peer) actions.Action {
				present++
				if present < p.Turn {
					return nil
				}
				return actions.Tell(out, fmt.Sprintf("present %d", used()))
			}),
			endpoint.OnAbsence(func(peer, error) actions.Action {
				present--
				return actions.When(present == 0, actions.Tell(out, "absent"))
			}))))
	return nil
}

// A cable passes on connections until they are cut.
type cable struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
}

func newCable(b *testing.B, to string) *cable {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	c := &cable{Listener: l}
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				_ = near.Close()
				continue
			}
			c.mu.Lock()
			c.conns = append(c.conns, near, far)
			c.mu.Unlock()
			for _, ends := range [][2]net.Conn{{near, far}, {far, near}} {
				go func() {
					_, _ = io.Copy(ends[0], ends[1])
					_ = ends[0].Close()
				}()
			}
		}
	}()
	b.Cleanup(func() { _ = l.Close(); c.cut() })
	return c
}

// cut ends all connections.
func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		_ = conn.Close()
	}
	c.conns = nil
}
