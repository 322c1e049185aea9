package distributed_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/networktest"
)

// benchPair returns the two ends of a link.
func benchPair(b *testing.B) (client, home distributed.Link) {
	b.Helper()
	ns := realm(b, "a", "b")
	o, err := ns[1].Offer(b.Context(), "room")
	if err != nil {
		b.Fatal(err)
	}
	if client, err = ns[0].Dial(b.Context(), "b", "room"); err != nil {
		b.Fatal(err)
	}
	if err = client.Send(networktest.Hello("b", "room")); err != nil {
		b.Fatal(err)
	}
	if home, err = o.Accept(); err != nil {
		b.Fatal(err)
	}
	if _, err := home.Receive(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		go client.Close()
		_ = home.Close()
		_ = o.Close()
	})
	return client, home
}

// benchTCP returns the two ends of a plain connection.
func benchTCP(b *testing.B) (client, server net.Conn) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	if client, err = net.Dial("tcp", l.Addr().String()); err != nil {
		b.Fatal(err)
	}
	if server, err = l.Accept(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = client.Close()
		_ = server.Close()
	})
	return client, server
}

// BenchmarkPingPong sends 64 bytes to and fro: over plain TCP, as the yardstick, and over a
// link.
func BenchmarkPingPong(b *testing.B) {
	b.Run("TCP", func(b *testing.B) {
		client, server := benchTCP(b)
		go func() { _, _ = io.Copy(struct{ io.Writer }{server}, struct{ io.Reader }{server}) }()
		buf := make([]byte, 64)
		for b.Loop() {
			if _, err := client.Write(buf); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(client, buf); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("Link", func(b *testing.B) {
		client, home := benchPair(b)
		go func() {
			for {
				f, err := home.Receive()
				if err != nil || home.Send(f) != nil {
					return
				}
			}
		}()
		buf := make([]byte, 64)
		b.ReportAllocs()
		for b.Loop() {
			if err := client.Send(buf); err != nil {
				b.Fatal(err)
			}
			if _, err := client.Receive(); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkOneWay sends frames in one direction: over plain TCP, with a buffered reader as the
// only help, and over a link. The sender is at most 1 MiB ahead, as a session lets it be.
func BenchmarkOneWay(b *testing.B) {
	for _, size := range []int{64, 32 << 10} {
		frame := make([]byte, size)
		b.Run(fmt.Sprintf("TCP/%d", size), func(b *testing.B) {
			client, server := benchTCP(b)
			oneWay(b, size, func() error {
				_, err := client.Write(frame)
				return err
			}, func() func() error {
				r, buf := bufio.NewReader(server), make([]byte, size)
				return func() error {
					_, err := io.ReadFull(r, buf)
					return err
				}
			}())
		})
		b.Run(fmt.Sprintf("Link/%d", size), func(b *testing.B) {
			client, home := benchPair(b)
			oneWay(b, size, func() error { return client.Send(frame) }, func() error {
				_, err := home.Receive()
				return err
			})
		})
	}
}

func oneWay(b *testing.B, size int, send, receive func() error) {
	b.SetBytes(int64(size))
	b.ReportAllocs()
	room := make(chan struct{}, 1<<20/size)
	done := make(chan error, 1)
	b.ResetTimer()
	go func() {
		for range b.N {
			if err := receive(); err != nil {
				done <- err
				return
			}
			<-room
		}
		done <- nil
	}()
	for range b.N {
		room <- struct{}{}
		if err := send(); err != nil {
			b.Fatal(err)
		}
	}
	if err := <-done; err != nil {
		b.Fatal(err)
	}
}
