package networktest

import (
	"errors"
	"io"
	"net"
	"testing"

	"github.com/go-marketplace/marketplace/world"
)

// A TCPConn is a connection with the methods that every network gives its
// connections.
type TCPConn interface {
	net.Conn
	CloseWrite() error
	CloseRead() error
	SetLinger(sec int) error
	SetNoDelay(on bool) error
	SetKeepAlive(on bool) error
}

// Listen listens on a free port of the loopback address, and closes the listener
// when the test ends.
func Listen(t *testing.T, network world.Network) net.Listener {
	t.Helper()
	l, err := network.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// Connect makes a connection through a listener, and closes both ends when the
// test ends.
func Connect(t *testing.T, network world.Network, l net.Listener) (client, server TCPConn) {
	t.Helper()
	c, err := network.Dial(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return c.(TCPConn), s.(TCPConn)
}

// Pair makes a connection: see [Connect].
func Pair(t *testing.T, network world.Network) (client, server TCPConn) {
	t.Helper()
	return Connect(t, network, Listen(t, network))
}

// Write writes a text to a connection.
func Write(t *testing.T, c io.Writer, text string) {
	t.Helper()
	if n, err := io.WriteString(c, text); n != len(text) || err != nil {
		t.Fatalf("wrote %d of %q: %v", n, text, err)
	}
}

// WantText checks that want is what a connection delivers next.
func WantText(t *testing.T, c io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("read %q, %v; want %q", got[:n], err, want)
	}
}

// WantError checks that reading from a connection fails with want.
func WantError(t *testing.T, c io.Reader, want error) {
	t.Helper()
	if n, err := c.Read(make([]byte, 10)); n != 0 || !errors.Is(err, want) {
		t.Fatalf("read %d bytes, %v; want the error %v", n, err, want)
	}
}
