package networktest

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/world"
)

// A UDPConn is a socket with the methods that every network gives its sockets.
type UDPConn interface {
	net.PacketConn
	ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error)
}

// Socket opens a socket for datagrams, and closes it when the test ends. It skips
// the test if the system does not have the address.
func Socket(t *testing.T, n world.PacketNetwork, network, address string) UDPConn {
	t.Helper()
	c, err := n.ListenPacket(t.Context(), network, address)
	if errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.ENODEV) {
		t.Skipf("the system does not do this: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c.(UDPConn)
}

// AddrPort returns the address of a socket.
func AddrPort(c net.PacketConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }

// Send sends a text as a datagram.
func Send(t *testing.T, c UDPConn, to netip.AddrPort, text string) {
	t.Helper()
	if n, err := c.WriteToUDPAddrPort([]byte(text), to); n != len(text) || err != nil {
		t.Fatalf("sent %d of %d bytes to %v: %v", n, len(text), to, err)
	}
}

// WantPacket checks that want is the next datagram, and returns where it comes
// from.
func WantPacket(t *testing.T, c UDPConn, want string) netip.AddrPort {
	t.Helper()
	b := make([]byte, 1<<17)
	n, from, err := c.ReadFromUDPAddrPort(b)
	if err != nil || string(b[:n]) != want {
		t.Fatalf("read %d bytes %.40q, %v; want %d bytes %.40q", n, b[:n], err, len(want), want)
	}
	return netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
}
