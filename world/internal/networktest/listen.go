package networktest

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/go-marketplace/marketplace/world"
)

// TestErrors tests that failures have the same [world.Error.Kind] and Op on every
// network, once they are reduced.
func TestErrors(t *testing.T, run Runner) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	tests := []struct {
		name string
		fail func(t *testing.T, network world.Network) error
		want world.Error // Text is not compared
	}{
		{"refused", func(t *testing.T, network world.Network) error {
			l := Listen(t, network)
			l.Close()
			_, err := network.Dial(t.Context(), "tcp", l.Addr().String())
			return err
		}, world.Error{Kind: "ECONNREFUSED", Op: "dial"}},
		{"in use", func(t *testing.T, network world.Network) error {
			_, err := network.Listen(t.Context(), "tcp", Listen(t, network).Addr().String())
			return err
		}, world.Error{Kind: "EADDRINUSE", Op: "listen"}},
		{"dial cancelled", func(t *testing.T, network world.Network) error {
			_, err := network.Dial(cancelled, "tcp", "127.0.0.1:9")
			return err
		}, world.Error{Kind: "context.Canceled", Op: "dial"}},
		{"close unblocks accept", func(t *testing.T, network world.Network) error {
			l := Listen(t, network)
			done := make(chan error)
			go func() {
				_, err := l.Accept()
				done <- err
			}()
			l.Close()
			return <-done
		}, world.Error{Kind: "net.ErrClosed", Op: "accept"}},
		{"listener closed twice", func(t *testing.T, network world.Network) error {
			l := Listen(t, network)
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
			run(t, func(t *testing.T, network Network) {
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

// TestListen tests that a listener without a host accepts connections to the
// loopback address, and that a program can listen on an address again while an
// old connection of that address is open.
func TestListen(t *testing.T, run Runner) {
	run(t, func(t *testing.T, network Network) {
		l, err := network.Listen(t.Context(), "tcp4", ":0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		at, ok := l.Addr().(*net.TCPAddr)
		if !ok || at.Port == 0 || !at.IP.IsUnspecified() {
			t.Fatalf("listens on %#v", l.Addr())
		}
		client, server := Connect(t, network, l)
		l.Close()
		again, err := network.Listen(t.Context(), "tcp4", at.String())
		if err != nil {
			t.Fatal(err)
		}
		defer again.Close()
		Write(t, client, "x")
		WantText(t, server, "x")
	})
}
