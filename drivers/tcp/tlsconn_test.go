package tcp

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/world/simnet"
)

// ownSettings are the settings of a server with a self-signed certificate.
var ownSettings = sync.OnceValue(func() *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
})

type fatal interface {
	Helper()
	Fatal(...any)
}

// tlsPair returns a connection with TLS, over a connection that wrap may change, and
// its other end, which greets after its handshake.
func tlsPair(t fatal, version uint16, wrap func(*simnet.Conn) net.Conn, greet ...func(*tls.Conn)) (*secureConn, *tls.Conn, *simnet.Conn) {
	t.Helper()
	n := simnet.New("pair")
	n.SendBuffer = 8 << 20
	l, err := n.Listen(context.Background(), "tcp", ":1")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	far, err := n.Dial(context.Background(), "tcp", "localhost:1")
	if err != nil {
		t.Fatal(err)
	}
	near, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	client := tls.Client(far, &tls.Config{InsecureSkipVerify: true, MaxVersion: version})
	shaken := make(chan error, 1)
	go func() {
		err := client.Handshake()
		for _, g := range greet {
			g(client)
		}
		shaken <- err
	}()
	s := security{newKeyring(map[string]*tls.Config{"own": ownSettings()}), "own"}
	c, err := s.asServer(context.Background(), wrap(near.(*simnet.Conn)), normal)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	return c.(*secureConn), client, near.(*simnet.Conn)
}

// A throttled connection takes a number of bytes at once, and then no more.
type throttled struct {
	*simnet.Conn
	room int
}

func (c *throttled) TryWrite(b []byte) (int, error) {
	n := min(c.room, len(b))
	c.room -= n
	return c.Conn.TryWrite(b[:n])
}

// With any amount that a socket takes at a time, and with Try and Do, everything
// arrives, once and in order; and nothing counts as done that was not sent.
func TestDR33TLSWritesArriveInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 5, 1000, recordLimit, recordLimit + 1, joinLimit + 1, 100_000}), 1, 8).Draw(t, "sizes")
		commands, all := writes(sizes...)
		commands = append(commands, endWriting{})
		wire := &throttled{room: 1 << 20}
		version := rapid.SampledFrom([]uint16{tls.VersionTLS12, tls.VersionTLS13}).Draw(t, "version")
		s, client, _ := tlsPair(t, version, func(c *simnet.Conn) net.Conn { wire.Conn = c; return wire })
		c := newConn(s, normal, &env{})
		for len(commands) > 0 {
			wire.room = rapid.SampledFrom([]int{0, 1, 30, 2000, 40_000, 1 << 20}).Draw(t, "room")
			batch := commands[:rapid.IntRange(1, len(commands)).Draw(t, "batch")]
			done, err := c.Try(batch)
			if err != nil {
				t.Fatal(err)
			}
			if done == len(batch) && len(s.under.rest) > 0 {
				t.Fatalf("all is done, and %d bytes have not been sent", len(s.under.rest))
			}
			commands = commands[done:]
			if done < len(batch) && rapid.Bool().Draw(t, "do") {
				if err := c.Do(commands[0]); err != nil {
					t.Fatal(err)
				}
				if len(s.under.rest) > 0 {
					t.Fatalf("a command is done, and %d bytes have not been sent", len(s.under.rest))
				}
				commands = commands[1:]
			}
		}
		if got, err := io.ReadAll(client); err != nil || !bytes.Equal(got, all) {
			t.Fatalf("%d bytes have come, and not %d, %v", len(got), len(all), err)
		}
		client.Close()
		c.Close()
	})
}

// fed is a socket that receives what the test gives it.
type fed struct {
	net.Conn
	come bytes.Buffer
}

func (f *fed) Read(b []byte) (int, error) {
	if f.come.Len() == 0 {
		return 0, errLater
	}
	return f.come.Read(b[:min(len(b), recordLimit)])
}

// With any segments, drain takes everything that has arrived, and leaves nothing for
// another read.
func TestDR33TLSDrainLeavesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		version := rapid.SampledFrom([]uint16{tls.VersionTLS12, tls.VersionTLS13}).Draw(t, "version")
		s, client, near := tlsPair(t, version, func(c *simnet.Conn) net.Conn { return c })
		socket := &fed{Conn: near}
		s.under.Conn = socket

		_, all := writes(rapid.SliceOfN(rapid.SampledFrom([]int{1, 5, 400, recordLimit, 70_000}), 1, 8).Draw(t, "sizes")...)
		for rest := all; len(rest) > 0; {
			n := min(len(rest), rapid.SampledFrom([]int{1, 5, 400, recordLimit, 70_000}).Draw(t, "piece"))
			client.Write(rest[:n])
			rest = rest[n:]
		}
		client.CloseWrite()
		wire := make([]byte, 1<<20)
		n, err := near.Read(wire) // all of it, since the buffer is large
		if err != nil {
			t.Fatal(err)
		}

		var got []byte
		ended := false
		b := make([]byte, drainLimit)
		for wire = wire[:n]; len(wire) > 0; {
			n := min(len(wire), rapid.SampledFrom([]int{1, 4, 5, 6, 100, 5000, recordLimit + 30, 1 << 20}).Draw(t, "segment"))
			socket.come.Write(wire[:n])
			wire = wire[n:]
			for socket.come.Len() > 0 && !ended {
				n, err := s.drain(b)
				got = append(got, b[:n]...)
				if ended = err == io.EOF; err != nil && !ended {
					t.Fatal(err)
				}
			}
			if n, err := s.drain(b); !ended && (n > 0 || err != nil) {
				t.Fatalf("%d bytes had been left, %v", n, err)
			}
		}
		if !ended || !bytes.Equal(got, all) {
			t.Fatalf("%d bytes have come, and not %d; the end: %v", len(got), len(all), ended)
		}
		client.Close()
		s.under.Conn = near
		s.Close()
	})
}

// Data right after the handshake stays in the socket, where a poller can wait for it.
func TestDR33HandshakeTakesNothingMore(t *testing.T) {
	greeted := make(chan struct{})
	s, client, _ := tlsPair(t, tls.VersionTLS13,
		func(c *simnet.Conn) net.Conn { return &late{Conn: c, until: greeted} },
		func(c *tls.Conn) { c.Write([]byte("hello")); close(greeted) })
	b := make([]byte, drainLimit)
	s.under.held = true
	if n, err := s.Conn.Read(b); n > 0 || err != errLater || !s.under.in.isBetween() {
		t.Errorf("%d bytes have been taken, %v", n, err)
	}
	if n, err := s.drain(b); string(b[:n]) != "hello" || err != nil {
		t.Errorf("read %q, %v", b[:n], err)
	}
	s.Close()
	client.Close()
}

// A late connection does not read after it has been written to, for a while.
type late struct {
	*simnet.Conn
	until chan struct{}
	wrote bool
}

func (l *late) Write(b []byte) (int, error) {
	l.wrote = true
	return l.Conn.Write(b)
}

func (l *late) Read(b []byte) (int, error) {
	if l.wrote {
		<-l.until
	}
	return l.Conn.Read(b)
}
