package networktest

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/world"
)

// TestPackets tests that datagrams of any length arrive, with their source address.
func TestPackets(t *testing.T, run Runner) {
	run(t, func(t *testing.T, network Network) {
		for _, host := range []string{"127.0.0.1", "[::1]"} {
			a, b := Socket(t, network, "udp", host+":0"), Socket(t, network, "udp", host+":0")
			for _, text := range []string{"hello", "", string(bytes.Repeat([]byte("x"), 65507))} {
				Send(t, a, AddrPort(b), text)
				from := WantPacket(t, b, text)
				if from != AddrPort(a) {
					t.Errorf("it comes from %v, want %v", from, AddrPort(a))
				}
				Send(t, b, from, "thanks")
				WantPacket(t, a, "thanks")
			}
		}
	})
}

// TestAllInterfaces tests that a socket on all interfaces receives from both
// families, and can answer both.
func TestAllInterfaces(t *testing.T, run Runner) {
	run(t, func(t *testing.T, network Network) {
		server := Socket(t, network, "udp", ":0")
		for _, host := range []string{"127.0.0.1", "::1"} {
			client := Socket(t, network, "udp", net.JoinHostPort(host, "0"))
			Send(t, client, netip.AddrPortFrom(netip.MustParseAddr(host), AddrPort(server).Port()), "hello")
			from := WantPacket(t, server, "hello")
			if from != AddrPort(client) {
				t.Errorf("it comes from %v, want %v", from, AddrPort(client))
			}
			Send(t, server, from, "thanks")
			if back := WantPacket(t, client, "thanks"); back.Addr() != netip.MustParseAddr(host) {
				t.Errorf("the answer comes from %v, want %s", back, host)
			}
		}
	})
}

// TestMulticast tests that every member of a group receives datagrams to the group,
// and none to another group.
func TestMulticast(t *testing.T, run Runner) {
	for _, test := range []struct{ name, group, other, from string }{
		{"IPv4", "239.77.1.2", "239.77.1.3", "0.0.0.0"},
		{"IPv6", "ff02::4d:1", "ff02::4d:2", "::"},
	} {
		t.Run(test.name, func(t *testing.T) {
			run(t, func(t *testing.T, network Network) {
				testMulticast(t, network, test.group, test.other, test.from)
			})
		})
	}
}

func testMulticast(t *testing.T, network world.PacketNetwork, group, other, from string) {
	first := Socket(t, network, "udp", net.JoinHostPort(group, "0"))
	port := AddrPort(first).Port()
	second := Socket(t, network, "udp", netip.AddrPortFrom(netip.MustParseAddr(group), port).String())
	stranger := Socket(t, network, "udp", netip.AddrPortFrom(netip.MustParseAddr(other), port).String())
	sender := Socket(t, network, "udp", net.JoinHostPort(from, "0"))
	to := netip.AddrPortFrom(netip.MustParseAddr(group), port)
	if _, err := sender.WriteToUDPAddrPort([]byte("all"), to); errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Skipf("there is no way to the group: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	for _, c := range []UDPConn{first, second} {
		if from := WantPacket(t, c, "all"); from.Port() != AddrPort(sender).Port() {
			t.Errorf("it comes from %v, want port %d", from, AddrPort(sender).Port())
		}
	}
	// A member receives its own datagrams, and so do the others.
	Send(t, first, to, "mine")
	for _, c := range []UDPConn{first, second} {
		if from := WantPacket(t, c, "mine"); from.Port() != port {
			t.Errorf("it comes from %v, want port %d", from, port)
		}
	}
	// The stranger receives the datagram to its group first, so it has received
	// none to the other group.
	Send(t, sender, netip.AddrPortFrom(netip.MustParseAddr(other), port), "others")
	WantPacket(t, stranger, "others")
}

// TestPacketErrors tests that errors are the same on every network, once they are
// reduced.
func TestPacketErrors(t *testing.T, run Runner) {
	run(t, func(t *testing.T, network Network) {
		c := Socket(t, network, "udp", "127.0.0.1:0")
		at := AddrPort(c)
		send := func(c UDPConn, size int, to string) error {
			_, err := c.WriteToUDPAddrPort(make([]byte, size), netip.MustParseAddrPort(to))
			return world.Reduce(err)
		}
		reduced := func(_ net.PacketConn, err error) error { return world.Reduce(err) }
		for _, test := range []struct {
			name string
			err  error
			want error
		}{
			{"a port that is taken", reduced(network.ListenPacket(t.Context(), "udp", at.String())), syscall.EADDRINUSE},
			{"too long", send(c, 65508, at.String()), syscall.EMSGSIZE},
			{"port 0", send(c, 1, "127.0.0.1:0"), syscall.EINVAL},
			{"nobody there", send(c, 1, "127.0.0.1:1"), nil},
			{"cancelled", reduced(network.ListenPacket(cancelled(), "udp", "239.1.2.3:0")), context.Canceled},
		} {
			if !errors.Is(test.err, test.want) {
				t.Errorf("%s: %v, want %v", test.name, test.err, test.want)
			}
		}
		for _, address := range []string{"127.0.0.1", "a:1:1", "127.0.0.1:65536", "127.0.0.1:x", "239.1.2.3:x", "239.1.2.3:65536"} {
			if c, err := network.ListenPacket(t.Context(), "udp", address); err == nil {
				c.Close()
				t.Errorf("listens at %s", address)
			}
		}
		for _, n := range []string{"tcp", "udp5", ""} {
			for _, address := range []string{"127.0.0.1:0", "239.1.2.3:0"} {
				if c, err := network.ListenPacket(t.Context(), n, address); err == nil {
					c.Close()
					t.Errorf("listens at %s of network %q", address, n)
				}
			}
		}
		if c, err := network.ListenPacket(t.Context(), "udp6", "239.1.2.3:0"); err == nil {
			c.Close()
			t.Error("is a member of an IPv4 group with IPv6")
		}
		if err := send(c, 1, "[::1]:9"); err == nil {
			t.Error("IPv4 has sent to IPv6")
		}
	})
}

func cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// TestIPv6Only tests that a socket with an IPv6 address cannot send to an IPv4 one.
func TestIPv6Only(t *testing.T, run Runner) {
	run(t, func(t *testing.T, network Network) {
		c := Socket(t, network, "udp6", "[::1]:0")
		_, err := c.WriteToUDPAddrPort([]byte("x"), netip.MustParseAddrPort("127.0.0.1:9"))
		if !errors.Is(err, syscall.ENETUNREACH) {
			t.Error(err)
		}
	})
}

// TestTruncation tests that a read discards the part of a datagram that does not fit
// into its buffer.
func TestTruncation(t *testing.T, run Runner) {
	run(t, func(t *testing.T, network Network) {
		c := Socket(t, network, "udp", "127.0.0.1:0")
		Send(t, c, AddrPort(c), "hello")
		Send(t, c, AddrPort(c), "again")
		b := make([]byte, 3)
		for _, want := range []string{"hel", "aga"} {
			if n, _, err := c.ReadFromUDPAddrPort(b); string(b[:n]) != want || err != nil {
				t.Errorf("read %q, %v; want %q", b[:n], err, want)
			}
		}
	})
}

// TestPacketAddresses tests the methods that take and return a [net.Addr].
func TestPacketAddresses(t *testing.T, run Runner) {
	run(t, func(t *testing.T, network Network) {
		c := Socket(t, network, "udp4", "127.0.0.1:0")
		if n, err := c.WriteTo([]byte("hello"), c.LocalAddr()); n != 5 || err != nil {
			t.Fatal(n, err)
		}
		b := make([]byte, 10)
		n, from, err := c.ReadFrom(b)
		if string(b[:n]) != "hello" || err != nil || from.String() != c.LocalAddr().String() {
			t.Errorf("read %q from %v, %v", b[:n], from, err)
		}
		if _, err := c.WriteTo(nil, &net.TCPAddr{}); err == nil {
			t.Error("has sent to an address of TCP")
		}
		if _, err := c.WriteToUDPAddrPort(nil, netip.AddrPort{}); err == nil {
			t.Error("has sent to no address")
		}
	})
}

// TestPacketDeadlines tests that deadlines end reads and writes, and that the zero
// time removes them.
func TestPacketDeadlines(t *testing.T, run Runner) {
	run(t, func(t *testing.T, network Network) {
		c := Socket(t, network, "udp", "127.0.0.1:0")
		over := make(chan error)
		if err := c.SetReadDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		go func() {
			_, _, err := c.ReadFrom(make([]byte, 1))
			over <- err
		}()
		if err := c.SetDeadline(time.Now().Add(time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		if err := <-over; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		if err := c.SetWriteDeadline(time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.WriteTo(nil, c.LocalAddr()); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		if err := c.SetDeadline(time.Time{}); err != nil {
			t.Fatal(err)
		}
		Send(t, c, AddrPort(c), "hello")
		WantPacket(t, c, "hello")
	})
}

// TestPacketClose tests that Close ends a read, and frees the address.
func TestPacketClose(t *testing.T, run Runner) {
	run(t, func(t *testing.T, network Network) {
		c := Socket(t, network, "udp", "127.0.0.1:0")
		over := make(chan error)
		go func() {
			_, _, err := c.ReadFrom(make([]byte, 1))
			over <- err
		}()
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		_, written := c.WriteToUDPAddrPort(nil, netip.MustParseAddrPort("127.0.0.1:9"))
		for _, err := range []error{<-over, c.Close(), written, c.SetDeadline(time.Time{})} {
			if !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		}
		again := Socket(t, network, "udp", c.LocalAddr().String()) // the address is free
		Send(t, again, AddrPort(again), "hello")
		WantPacket(t, again, "hello")
	})
}

// TestLookupNetIP tests lookups of host names and addresses.
func TestLookupNetIP(t *testing.T, run Runner) {
	run(t, func(t *testing.T, network Network) {
		for _, test := range []struct {
			network, host, want string
		}{
			{"ip", "127.0.0.1", "127.0.0.1"},
			{"ip", "::ffff:127.0.0.1", "127.0.0.1"},
			{"ip4", "localhost", "127.0.0.1"},
			{"ip6", "::1", "::1"},
		} {
			addrs, err := network.LookupNetIP(t.Context(), test.network, test.host)
			if err != nil || len(addrs) == 0 || addrs[0].String() != test.want {
				t.Errorf("%s %s: %v, %v; want %s", test.network, test.host, addrs, err, test.want)
			}
		}
		addrs, err := network.LookupNetIP(t.Context(), "ip", "")
		if !errors.Is(world.Reduce(err), world.ErrHostNotFound) {
			t.Errorf("no name: %v, %v", addrs, err)
		}
		addrs, err = network.LookupNetIP(cancelled(), "ip", "nobody.invalid")
		if !errors.Is(world.Reduce(err), context.Canceled) {
			t.Errorf("cancelled: %v, %v", addrs, err)
		}
		for _, n := range []string{"tcp", "ip5"} {
			if addrs, err := network.LookupNetIP(t.Context(), n, "localhost"); err == nil {
				t.Errorf("%s: %v", n, addrs)
			}
		}
	})
}
