package tcp_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/world"
)

// TLS over sockets of all kinds: with a descriptor that the ground waits for, without
// one, and without even a try of writing.

// An opaque network is that of the system, with connections that have only the
// methods of net.Conn.
type opaque struct{ world.Network }

type opaqueConn struct{ net.Conn }

func (opaque) NetworkName() string { return "opaque" }

func (o opaque) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	l, err := o.Network.Listen(ctx, network, address)
	return opaqueListener{l}, err
}

type opaqueListener struct{ net.Listener }

func (l opaqueListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return opaqueConn{c}, nil
}

// onAll runs a test on sockets of all kinds.
func onAll(t *testing.T, c tcp.Config, test func(*lab)) {
	everywhere(t, c, test)
	t.Run("opaque", func(t *testing.T) {
		c.Network = opaque{world.SystemNetwork()}
		newLab(t, c, false).run(test)
	})
	t.Run("small buffer", func(t *testing.T) {
		c.ReadBuffer = 1000
		onSystem(t, c, test)
	})
}

func TestDR33TLSOnAllSockets(t *testing.T) {
	onAll(t, secured(tcp.Config{}), func(l *lab) {
		u := l.user("server")
		u.do(u.watchListening(secureAt), echoes(secureAt))
		c := l.dialTLS(u.next("listening").listening.Bound, clientSettings())
		all := pattern(1 << 20)
		sent := make(chan error, 1)
		go func() {
			_, err := c.Write(all)
			sent <- errors.Join(err, c.Conn.(*tls.Conn).CloseWrite())
		}()
		got, err := io.ReadAll(c)
		if err := errors.Join(err, <-sent); err != nil || !bytes.Equal(got, all) {
			l.Errorf("got %d bytes of %d, %v", len(got), len(all), err)
		}
		c.Close()
	})
}

// Data in the same segment as the handshake is not lost; nor is the end, if it is in
// one segment with data.
func TestDR33TLSInOneSegment(t *testing.T) {
	onAll(t, secured(tcp.Config{}), func(l *lab) {
		server, u := l.user("server"), l.user("session")
		raw := l.dial(server.listen(secureAt))
		wire := &corked{Conn: raw.Conn}
		c := tls.Client(wire, named(clientSettings()))
		wire.corkAfter = 1 // the first message of the handshake
		if err := c.Handshake(); err != nil {
			l.Fatal(err)
		}
		io.WriteString(c, "hello, ")
		io.WriteString(c, "world")
		c.CloseWrite()
		raw.SetWriteDeadline(time.Now().Add(patience)) // package tls has set another
		wire.uncork()
		them := server.next("presence").data.From
		u.do(publish(secureAt, them), u.subscribe(them, secureAt))
		u.next("presence")
		if got := string(u.read(12)); got != "hello, world" {
			l.Errorf("got %q", got)
		}
		u.end()
		u.do(actions.Delete("in"), data(secureAt, them, "hello yourself"), eof(secureAt, them))
		if got, err := io.ReadAll(c); err != nil || string(got) != "hello yourself" {
			l.Errorf("got %q, %v", got, err)
		}
		c.Close()
	})
}

// A corked connection keeps written data back after a number of writes.
type corked struct {
	net.Conn
	corkAfter int
	writes    int
	kept      []byte
	open      bool
}

func (c *corked) Write(b []byte) (int, error) {
	if c.writes++; c.open || c.writes <= c.corkAfter {
		return c.Conn.Write(b)
	}
	c.kept = append(c.kept, b...)
	return len(b), nil
}

func (c *corked) uncork() {
	c.open = true
	c.Conn.Write(c.kept)
}

func TestDR33TLSTruncationOnAllSockets(t *testing.T) {
	onAll(t, secured(tcp.Config{}), func(l *lab) {
		for _, halfARecord := range []bool{false, true} {
			server, u := l.user("server"), l.user("session")
			at := tcp.Listener("127.0.0.1", 0).TLS("web")
			raw := l.dial(server.listen(at))
			c := l.speakTLS(raw, clientSettings())
			them := server.next("presence").data.From
			u.do(publish(at, them), u.subscribe(them, at))
			u.next("presence")
			c.write("the first half")
			if halfARecord {
				raw.write("\x17\x03\x03\x01\x00half of it")
			}
			raw.Close()
			u.read(14)
			mustSay(l.T, u.next("absence").reason, io.ErrUnexpectedEOF, "no close_notify", them.String())
			server.do(actions.Quit())
			u.do(actions.Quit())
		}
	})
}

// Data that is not TLS in the middle of a connection makes it fail, with a reason.
func TestDR33TLSGarbageOnAllSockets(t *testing.T) {
	onAll(t, secured(tcp.Config{}), func(l *lab) {
		server, u := l.user("server"), l.user("session")
		raw := l.dial(server.listen(secureAt))
		c := l.speakTLS(raw, clientSettings())
		them := server.next("presence").data.From
		u.do(publish(secureAt, them), u.subscribe(them, secureAt))
		u.next("presence")
		c.write("hello")
		raw.write("\x17\x03\x03\x00\x20this is not what is expected now")
		u.read(5)
		if e := u.next("absence"); e.reason == nil || !strings.Contains(e.reason.Error(), "bad record MAC") || !strings.Contains(e.reason.Error(), them.String()) {
			l.Errorf("the reason is %v", e.reason)
		}
		io.ReadAll(raw)
		raw.Close()
	})
}

func TestDR33TLSReset(t *testing.T) {
	onAll(t, secured(tcp.Config{}), func(l *lab) {
		server, u := l.user("server"), l.user("session")
		raw := l.dial(server.listen(secureAt))
		c := l.speakTLS(raw, clientSettings())
		them := server.next("presence").data.From
		u.do(publish(secureAt, them), u.subscribe(them, secureAt))
		u.next("presence")
		c.write("x")
		u.read(1)
		raw.reset()
		if e := u.next("absence"); e.reason == nil {
			l.Errorf("heard %v", e)
		}
	})
}

func TestDR27ReadBufferWithTLS(t *testing.T) {
	everywhere(t, secured(tcp.Config{ReadBuffer: 100}), func(l *lab) {
		server, u := l.user("server"), l.user("session")
		c := l.dialTLS(server.listen(secureAt), clientSettings())
		them := server.next("presence").data.From
		u.do(publish(secureAt, them), u.subscribe(them, secureAt))
		u.next("presence")
		c.write(string(pattern(10_000)))
		for n := 0; n < 10_000; {
			b := u.next("data").data.Bytes
			if len(b) > 100 {
				l.Fatalf("%d bytes at once", len(b))
			}
			n += len(b)
		}
		c.Close()
	})
}

// Peers that end in the worst ways, or never, do not affect others.
func TestDR33TLSFlood(t *testing.T) {
	everywhere(t, secured(tcp.Config{LingerLimit: 1e6, HandshakeLimit: 2e9}), func(l *lab) {
		u := l.user("server")
		u.do(u.watchListening(secureAt), echoes(secureAt))
		bound := u.next("listening").listening.Bound
		const floods, each = 4, 12
		done := make(chan error, floods)
		for f := range floods {
			go func() {
				var all error
				for i := range each {
					raw, err := l.network.Dial(context.Background(), "tcp", bound.String())
					if err != nil {
						all = errors.Join(all, err)
						continue
					}
					c := tls.Client(raw, named(clientSettings()))
					switch (f + i) % 5 {
					case 0: // closes at once
					case 1: // says something else
						io.WriteString(raw, "GET / HTTP/1.0\r\n\r\n")
						io.ReadAll(raw)
					case 2: // resets in the middle
						c.Handshake()
						io.WriteString(c, "hello")
						raw.(interface{ SetLinger(int) error }).SetLinger(0)
					case 3: // does not wait for an answer
						io.WriteString(c, "hello")
					default:
						io.WriteString(c, "hello")
						c.CloseWrite()
						if b, err := io.ReadAll(c); err != nil || string(b) != "hello" {
							all = errors.Join(all, err, errors.New("read "+string(b)))
						}
					}
					raw.Close()
				}
				done <- all
			}()
		}
		for range floods {
			if err := <-done; err != nil {
				l.Error(err)
			}
		}
		c := l.dialTLS(bound, clientSettings())
		c.write("still alive")
		c.read("still alive")
		c.Close()
	})
}
