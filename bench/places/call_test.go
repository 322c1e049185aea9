//go:build unix

package places

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/go-marketplace/marketplace/distributed"
)

// BenchmarkCall makes calls, one after the other: over TLS, and over the same session without
// TLS. Echo: 64 bytes go there and back over a TCP connection.
func BenchmarkCall(b *testing.B) {
	const turn = 2_000
	echo := startEcho(b, turn)
	b.Run("TLS", func(b *testing.B) {
		c := pair(b, part{Does: "home", Turn: turn}, tlsNetwork)
		compare(b, turn, "time", system{"place", func() { c.call(turn) }}, system{"echo", echo})
	})
	b.Run("WithoutTLS", func(b *testing.B) {
		c := pair(b, part{Does: "home without TLS", Turn: turn}, func(p part) (distributed.Network, error) {
			return plainNetwork{p.Node, p.Dial}, nil
		})
		compare(b, turn, "time", system{"place", func() { c.call(turn) }}, system{"echo", echo})
	})
}

func startEcho(b *testing.B, turn int) func() {
	at := freeAddress(b)
	p := start(b, part{Does: "echo", Listen: at})
	p.expect("up")
	c, err := net.Dial("tcp", at)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	buf := make([]byte, 64)
	return func() {
		for range turn {
			if _, err := c.Write(buf); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(c, buf); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// runEcho is the part of a process that sends back what it gets.
func runEcho(p part) error {
	c, err := accept(p.Listen)
	if err != nil {
		return err
	}
	buf := make([]byte, 64)
	for {
		if _, err := io.ReadFull(c, buf); err != nil {
			return nil // the benchmark is over
		}
		if _, err := c.Write(buf); err != nil {
			return err
		}
	}
}

// A plainNetwork is a network without TLS, between one client and one place, for the cost of
// the session alone. Its links wait where the socket takes no more, which calls that are made
// one after the other never reach.
type plainNetwork struct{ node, at string }

// NetworkName implements [distributed.Network].
func (n plainNetwork) NetworkName() string { return "plain" }

// Node implements [distributed.Network].
func (n plainNetwork) Node() string { return n.node }

// Dial implements [distributed.Network].
func (n plainNetwork) Dial(ctx context.Context, node, _ string) (distributed.Link, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", n.at)
	if err != nil {
		return nil, err
	}
	return newPlainLink(node, c), nil
}

// Offer implements [distributed.Network].
func (n plainNetwork) Offer(context.Context, string) (distributed.Offer, error) {
	l, err := net.Listen("tcp", n.at)
	if err != nil {
		return nil, err
	}
	return plainOffer{l}, nil
}

// Watch implements [distributed.Network].
func (n plainNetwork) Watch(context.Context, string) (distributed.Watch, error) {
	return nil, fmt.Errorf("there is nothing to watch on the network %q", n.NetworkName())
}

type plainOffer struct{ net.Listener }

// Accept implements [distributed.Offer].
func (o plainOffer) Accept() (distributed.Link, error) {
	c, err := o.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return newPlainLink("client", c), nil
}

type plainLink struct {
	net.Conn
	peer string
	in   *bufio.Reader
	out  []byte
}

func newPlainLink(peer string, c net.Conn) *plainLink {
	return &plainLink{Conn: c, peer: peer, in: bufio.NewReader(c)}
}

// Peer implements [distributed.Link].
func (l *plainLink) Peer() string { return l.peer }

// Send implements [distributed.Link].
func (l *plainLink) Send(frame []byte) error {
	l.out = append(binary.BigEndian.AppendUint32(l.out[:0], uint32(len(frame))), frame...)
	_, err := l.Write(l.out)
	return err
}

// Receive implements [distributed.Link].
func (l *plainLink) Receive() ([]byte, error) {
	var head [4]byte
	if _, err := io.ReadFull(l.in, head[:]); err != nil {
		return nil, err
	}
	frame := make([]byte, binary.BigEndian.Uint32(head[:]))
	_, err := io.ReadFull(l.in, frame)
	return frame, err
}
