package world_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/world"
)

// A tcpConn is what connections of both networks can do.
type tcpConn interface {
	net.Conn
	CloseWrite() error
	CloseRead() error
	SetLinger(sec int) error
	SetNoDelay(on bool) error
	SetKeepAlive(on bool) error
}

// onBothNetworks runs a test on the loopback interface of the operating system,
// and on a simulated network inside a bubble.
func onBothNetworks(t *testing.T, test func(t *testing.T, network world.Network)) {
	t.Run("system", func(t *testing.T) { test(t, world.SystemNetwork()) })
	t.Run("sim", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { test(t, world.NewSimNetwork("test")) })
	})
}

// listen listens on a free port of the loopback address.
func listen(t *testing.T, network world.Network) net.Listener {
	t.Helper()
	l, err := network.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// connect makes a connection through a listener.
func connect(t *testing.T, network world.Network, l net.Listener) (client, server tcpConn) {
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
	return c.(tcpConn), s.(tcpConn)
}

// pair makes a connection.
func pair(t *testing.T, network world.Network) (client, server tcpConn) {
	t.Helper()
	return connect(t, network, listen(t, network))
}

func mustWrite(t *testing.T, c io.Writer, text string) {
	t.Helper()
	if n, err := io.WriteString(c, text); n != len(text) || err != nil {
		t.Fatalf("wrote %d of %q: %v", n, text, err)
	}
}

// wantText checks that exactly this can be read next.
func wantText(t *testing.T, c io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("read %q, %v; want %q", got[:n], err, want)
	}
}

// wantFailure checks that a read fails so.
func wantFailure(t *testing.T, c io.Reader, want error) {
	t.Helper()
	if n, err := c.Read(make([]byte, 10)); n != 0 || !errors.Is(err, want) {
		t.Fatalf("read %d bytes, %v; want the error %v", n, err, want)
	}
}

// What goes wrong looks the same on both networks once it is reduced.
func TestNetworkErrors(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name string
		fail func(t *testing.T, network world.Network) error
		want world.Error // Text is not compared
	}{
		{"refused", func(t *testing.T, network world.Network) error {
			l := listen(t, network)
			l.Close()
			_, err := network.Dial(t.Context(), "tcp", l.Addr().String())
			return err
		}, world.Error{Kind: "ECONNREFUSED", Op: "dial"}},
		{"in use", func(t *testing.T, network world.Network) error {
			_, err := network.Listen(t.Context(), "tcp", listen(t, network).Addr().String())
			return err
		}, world.Error{Kind: "EADDRINUSE", Op: "listen"}},
		{"dial cancelled", func(t *testing.T, network world.Network) error {
			_, err := network.Dial(cancelled, "tcp", "127.0.0.1:9")
			return err
		}, world.Error{Kind: "context.Canceled", Op: "dial"}},
		{"close unblocks accept", func(t *testing.T, network world.Network) error {
			l := listen(t, network)
			done := make(chan error)
			go func() {
				_, err := l.Accept()
				done <- err
			}()
			l.Close()
			return <-done
		}, world.Error{Kind: "net.ErrClosed", Op: "accept"}},
		{"listener closed twice", func(t *testing.T, network world.Network) error {
			l := listen(t, network)
			l.Close()
			return l.Close()
		}, world.Error{Kind: "net.ErrClosed", Op: "close"}},
		{"unknown network", func(t *testing.T, network world.Network) error {
			_, err := network.Dial(t.Context(), "carrier pigeon", "127.0.0.1:9")
			return err
		}, world.Error{Op: "dial"}},
		{"no port", func(t *testing.T, network world.Network) error {
			_, err := network.Listen(t.Context(), "tcp", "127.0.0.1")
			return err
		}, world.Error{Op: "listen"}},
		{"port out of range", func(t *testing.T, network world.Network) error {
			_, err := network.Dial(t.Context(), "tcp", "127.0.0.1:65536")
			return err
		}, world.Error{Op: "dial"}},
		{"wrong family", func(t *testing.T, network world.Network) error {
			_, err := network.Dial(t.Context(), "tcp6", "127.0.0.1:9")
			return err
		}, world.Error{Op: "dial"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			onBothNetworks(t, func(t *testing.T, network world.Network) {
				err := tt.fail(t, network)
				if err == nil {
					t.Fatal("no error")
				}
				if _, ok := errors.AsType[*net.OpError](err); !ok {
					t.Errorf("%#v is no *net.OpError", err)
				}
				got := world.Reduce(err).(*world.Error)
				if got.Kind != tt.want.Kind || got.Op != tt.want.Op || got.Addr == "" && tt.want.Kind != "" {
					t.Errorf("got %#v, want %#v", *got, tt.want)
				}
			})
		})
	}
}

// A listener without a host takes connections to the loopback address, and an
// address can be listened on again while a connection of it goes on.
func TestListen(t *testing.T) {
	onBothNetworks(t, func(t *testing.T, network world.Network) {
		l, err := network.Listen(t.Context(), "tcp4", ":0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		at, ok := l.Addr().(*net.TCPAddr)
		if !ok || at.Port == 0 || !at.IP.IsUnspecified() {
			t.Fatalf("listens on %#v", l.Addr())
		}
		client, server := connect(t, network, l)
		l.Close()
		again, err := network.Listen(t.Context(), "tcp4", at.String())
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		mustWrite(t, client, "x")
		wantText(t, server, "x")
	})
}

func TestSystemNetwork(t *testing.T) {
	if world.SystemNetwork() != world.SystemNetwork() {
		t.Error("two values of the system network differ")
	}
	if got := world.SystemNetwork().NetworkName(); got != "system" {
		t.Errorf("it is named %q", got)
	}
}
