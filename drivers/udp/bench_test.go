package udp_test

import (
	"context"
	"net"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/udp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
)

// Benchmarks go through the sockets of the system, client and server in one
// program. The plain one is a loop over a socket of package net, to compare
// with.

var loopback = udp.Listener("127.0.0.1", 0)

// serveEcho runs an echo server on a ground, and returns where.
func serveEcho(b *testing.B) string {
	ctx, cancel := context.WithCancel(context.Background())
	bound := make(chan string, 1)
	over := make(chan error)
	go func() {
		over <- ground.Run(ctx, udp.Driver(), actions.Spawn(echo(loopback)),
			endpoint.ObservePublishers(udp.ListeningAt(loopback), endpoint.OnPresence(func(l udp.Listening) actions.Action {
				bound <- l.Bound.String()
				return nil
			})))
	}()
	b.Cleanup(func() {
		cancel()
		if err := <-over; err != nil {
			b.Error(err)
		}
	})
	return <-bound
}

// echo sends back what arrives.
func echo(at udp.Addr) actions.Process {
	return actions.Stateless(endpoint.Subscriber(udp.Arriving(at), endpoint.OnMessage(func(p udp.Packet) actions.Action {
		return actions.Send(udp.Packet{Source: at, Destination: p.Source, Body: p.Body})
	})))
}

// servePlain runs an echo server without any of this.
func servePlain(b *testing.B) string {
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	over := make(chan struct{})
	b.Cleanup(func() { c.Close(); <-over })
	go func() {
		defer close(over)
		buf := make([]byte, 64<<10)
		for {
			n, from, err := c.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			if _, err := c.WriteToUDPAddrPort(buf[:n], from); err != nil {
				return
			}
		}
	}()
	return c.LocalAddr().String()
}

var servers = []struct {
	name  string
	serve func(*testing.B) string
}{{"driver", serveEcho}, {"plain", servePlain}}

// BenchmarkEcho is the time of one request of 64 bytes, and its answer.
func BenchmarkEcho(b *testing.B) { benchmarkEcho(b, 1) }

// BenchmarkEchoBurst is the time of one of 32 requests that are sent one after
// another, before the first answer is read.
func BenchmarkEchoBurst(b *testing.B) { benchmarkEcho(b, 32) }

func benchmarkEcho(b *testing.B, burst int) {
	for _, s := range servers {
		b.Run(s.name, func(b *testing.B) {
			c, err := net.Dial("udp", s.serve(b))
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			buf := make([]byte, 64)
			b.ReportAllocs()
			for b.Loop() {
				for range burst {
					if _, err := c.Write(buf); err != nil {
						b.Fatal(err)
					}
				}
				for range burst {
					if n, err := c.Read(buf); n != len(buf) || err != nil {
						b.Fatal(n, err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*burst), "ns/request")
		})
	}
}
