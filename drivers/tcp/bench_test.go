package tcp_test

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
)

// Benchmarks go through the sockets of the system, client and server in one program.
// The plain ones have a server of package net, for comparison.

// serveEcho runs an echo server on a ground, and returns its address.
func serveEcho(b *testing.B) (addr string) { return serveDriver(b, tcp.Driver(), loopback) }

func serveDriver(b *testing.B, driver actions.Action, at tcp.Addr) (addr string) {
	ctx, cancel := context.WithCancel(context.Background())
	bound := make(chan string, 1)
	over := make(chan error)
	go func() {
		over <- ground.Run(ctx, driver, echoes(at),
			endpoint.ObservePublishers(tcp.ListeningAt(at), endpoint.OnPresence(func(l tcp.Listening) actions.Action {
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

// servePlain runs an echo server of package net.
func servePlain(b *testing.B) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	return servePlainOn(b, l, 64<<10)
}

func servePlainOn(b *testing.B, l net.Listener, buffer int) (addr string) {
	b.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, buffer)
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

func dial(b *testing.B, addr string) net.Conn {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	return c
}

var servers = []struct {
	name  string
	serve func(*testing.B) string
}{{"marketplace", serveEcho}, {"plain", servePlain}}

// BenchmarkEcho64 is the time of one request of 64 bytes, and its answer, on a
// single connection.
func BenchmarkEcho64(b *testing.B) {
	for _, s := range servers {
		b.Run(s.name, func(b *testing.B) {
			c := dial(b, s.serve(b))
			defer c.Close()
			buf := make([]byte, 64)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Write(buf); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(c, buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkEcho64Parallel has 64 connections.
func BenchmarkEcho64Parallel(b *testing.B) {
	for _, s := range servers {
		b.Run(s.name, func(b *testing.B) {
			addr := s.serve(b)
			b.SetParallelism(32)
			b.ReportAllocs()
			b.RunParallel(func(p *testing.PB) {
				c := dial(b, addr)
				defer c.Close()
				buf := make([]byte, 64)
				for p.Next() {
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
		})
	}
}

// BenchmarkStream is the time of 64 KiB of a long stream, there and back.
func BenchmarkStream(b *testing.B) {
	for _, s := range servers {
		b.Run(s.name, func(b *testing.B) {
			stream(b, dial(b, s.serve(b)))
		})
	}
}

func stream(b *testing.B, c net.Conn) {
	defer c.Close()
	const piece = 64 << 10
	b.SetBytes(piece)
	b.ReportAllocs()
	go func() {
		buf := make([]byte, piece)
		for range b.N {
			if _, err := c.Write(buf); err != nil {
				return
			}
		}
	}()
	if _, err := io.CopyN(io.Discard, c, int64(b.N)*piece); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkConnect is the time of a connection that is made, used once, and
// closed.
func BenchmarkConnect(b *testing.B) {
	for _, s := range servers {
		b.Run(s.name, func(b *testing.B) {
			addr := s.serve(b)
			buf := make([]byte, 64)
			b.ReportAllocs()
			for b.Loop() {
				c := dial(b, addr)
				if _, err := c.Write(buf); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(c, buf); err != nil {
					b.Fatal(err)
				}
				c.(*net.TCPConn).SetLinger(0) // leave no ports behind
				c.Close()
			}
		})
	}
}
