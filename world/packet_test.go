package world_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/world"
)

// A udpConn is what sockets of both networks can do.
type udpConn interface {
	net.PacketConn
	ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error)
}

// onBothPacketNetworks runs a test on the loopback interface of the operating
// system, and on a simulated network inside a bubble.
func onBothPacketNetworks(t *testing.T, test func(t *testing.T, network world.PacketNetwork)) {
	t.Run("system", func(t *testing.T) { test(t, world.SystemPacketNetwork()) })
	t.Run("sim", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { test(t, world.NewSimNetwork("test")) })
	})
}

// packets opens a socket. It skips the test if the system does not have the
// address.
func packets(t *testing.T, n world.PacketNetwork, network, address string) udpConn {
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
	return c.(udpConn)
}

func addrPort(c net.PacketConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }

func mustSend(t *testing.T, c udpConn, to netip.AddrPort, text string) {
	t.Helper()
	if n, err := c.WriteToUDPAddrPort([]byte(text), to); n != len(text) || err != nil {
		t.Fatalf("sent %d of %d bytes to %v: %v", n, len(text), to, err)
	}
}

// wantPacket checks what arrives next, and returns where it comes from.
func wantPacket(t *testing.T, c udpConn, want string) netip.AddrPort {
	t.Helper()
	b := make([]byte, 1<<17)
	n, from, err := c.ReadFromUDPAddrPort(b)
	if err != nil || string(b[:n]) != want {
		t.Fatalf("read %d bytes %.40q, %v; want %d bytes %.40q", n, b[:n], err, len(want), want)
	}
	return netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
}

func TestDR64PacketsThereAndBack(t *testing.T) {
	onBothPacketNetworks(t, func(t *testing.T, network world.PacketNetwork) {
		for _, host := range []string{"127.0.0.1", "[::1]"} {
			a, b := packets(t, network, "udp", host+":0"), packets(t, network, "udp", host+":0")
			for _, text := range []string{"hello", "", string(bytes.Repeat([]byte("x"), 65507))} {
				mustSend(t, a, addrPort(b), text)
				from := wantPacket(t, b, text)
				if from != addrPort(a) {
					t.Errorf("it comes from %v, want %v", from, addrPort(a))
				}
				mustSend(t, b, from, "thanks")
				wantPacket(t, a, "thanks")
			}
		}
	})
}

// A socket on all interfaces takes both families, and answers to both.
func TestDR68AllInterfaces(t *testing.T) {
	onBothPacketNetworks(t, func(t *testing.T, network world.PacketNetwork) {
		server := packets(t, network, "udp", ":0")
		for _, host := range []string{"127.0.0.1", "::1"} {
			client := packets(t, network, "udp", net.JoinHostPort(host, "0"))
			mustSend(t, client, netip.AddrPortFrom(netip.MustParseAddr(host), addrPort(server).Port()), "hello")
			from := wantPacket(t, server, "hello")
			if from != addrPort(client) {
				t.Errorf("it comes from %v, want %v", from, addrPort(client))
			}
			mustSend(t, server, from, "thanks")
			if back := wantPacket(t, client, "thanks"); back.Addr() != netip.MustParseAddr(host) {
				t.Errorf("the answer comes from %v, want %s", back, host)
			}
		}
	})
}

func TestDR68Multicast(t *testing.T) {
	for _, test := range []struct{ name, group, other, from string }{
		{"IPv4", "239.77.1.2", "239.77.1.3", "0.0.0.0"},
		{"IPv6", "ff02::4d:1", "ff02::4d:2", "::"},
	} {
		t.Run(test.name, func(t *testing.T) {
			onBothPacketNetworks(t, func(t *testing.T, network world.PacketNetwork) {
				testMulticast(t, network, test.group, test.other, test.from)
			})
		})
	}
}

func testMulticast(t *testing.T, network world.PacketNetwork, group, other, from string) {
	first := packets(t, network, "udp", net.JoinHostPort(group, "0"))
	port := addrPort(first).Port()
	second := packets(t, network, "udp", netip.AddrPortFrom(netip.MustParseAddr(group), port).String())
	stranger := packets(t, network, "udp", netip.AddrPortFrom(netip.MustParseAddr(other), port).String())
	sender := packets(t, network, "udp", net.JoinHostPort(from, "0"))
	to := netip.AddrPortFrom(netip.MustParseAddr(group), port)
	if _, err := sender.WriteToUDPAddrPort([]byte("all"), to); errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Skipf("there is no way to the group: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	for _, c := range []udpConn{first, second} {
		if from := wantPacket(t, c, "all"); from.Port() != addrPort(sender).Port() {
			t.Errorf("it comes from %v, want port %d", from, addrPort(sender).Port())
		}
	}
	// A member hears what it sends, and so do the others.
	mustSend(t, first, to, "mine")
	for _, c := range []udpConn{first, second} {
		if from := wantPacket(t, c, "mine"); from.Port() != port {
			t.Errorf("it comes from %v, want port %d", from, port)
		}
	}
	// Another group is another group. What is sent to it last shows that
	// nothing came before.
	mustSend(t, sender, netip.AddrPortFrom(netip.MustParseAddr(other), port), "others")
	wantPacket(t, stranger, "others")
}

// The zone of a group is the interface: it is joined there, and what the socket
// sends to the group goes out there.
func TestDR68GroupsOnAnInterface(t *testing.T) {
	network := world.SystemPacketNetwork()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	const able = net.FlagUp | net.FlagMulticast
	i := slices.IndexFunc(all, func(i net.Interface) bool { return i.Flags&able == able })
	if i < 0 {
		t.Skip("no interface does multicast")
	}
	for _, zone := range []string{all[i].Name, strconv.Itoa(all[i].Index)} {
		for _, group := range []string{"239.77.1.4", "ff02::4d:4"} {
			t.Run(group+"%"+zone, func(t *testing.T) {
				member := packets(t, network, "udp", net.JoinHostPort(group+"%"+zone, "0"))
				to := netip.AddrPortFrom(netip.MustParseAddr(group), addrPort(member).Port())
				if _, err := member.WriteToUDPAddrPort([]byte("hello"), to); err != nil {
					t.Skipf("there is no way to the group: %v", err)
				}
				wantPacket(t, member, "hello")
			})
		}
	}
	if c, err := network.ListenPacket(t.Context(), "udp", "[ff02::4d:4%nowhere]:0"); err == nil {
		c.Close()
		t.Error("joined a group on an interface that is not there")
	}
}

func TestPacketErrors(t *testing.T) {
	onBothPacketNetworks(t, func(t *testing.T, network world.PacketNetwork) {
		c := packets(t, network, "udp", "127.0.0.1:0")
		at := addrPort(c)
		send := func(c udpConn, size int, to string) error {
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

func TestPacketsIPv6Only(t *testing.T) {
	onBothPacketNetworks(t, func(t *testing.T, network world.PacketNetwork) {
		c := packets(t, network, "udp6", "[::1]:0")
		_, err := c.WriteToUDPAddrPort([]byte("x"), netip.MustParseAddrPort("127.0.0.1:9"))
		if !errors.Is(err, syscall.ENETUNREACH) {
			t.Error(err)
		}
	})
}

// What does not fit into what it is read to is lost.
func TestDR67PacketsAreCutOff(t *testing.T) {
	onBothPacketNetworks(t, func(t *testing.T, network world.PacketNetwork) {
		c := packets(t, network, "udp", "127.0.0.1:0")
		mustSend(t, c, addrPort(c), "hello")
		mustSend(t, c, addrPort(c), "again")
		b := make([]byte, 3)
		for _, want := range []string{"hel", "aga"} {
			if n, _, err := c.ReadFromUDPAddrPort(b); string(b[:n]) != want || err != nil {
				t.Errorf("read %q, %v; want %q", b[:n], err, want)
			}
		}
	})
}

func TestPacketConnAddresses(t *testing.T) {
	onBothPacketNetworks(t, func(t *testing.T, network world.PacketNetwork) {
		c := packets(t, network, "udp4", "127.0.0.1:0")
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

func TestPacketDeadlines(t *testing.T) {
	onBothPacketNetworks(t, func(t *testing.T, network world.PacketNetwork) {
		c := packets(t, network, "udp", "127.0.0.1:0")
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
		mustSend(t, c, addrPort(c), "hello")
		wantPacket(t, c, "hello")
	})
}

func TestPacketConnClose(t *testing.T) {
	onBothPacketNetworks(t, func(t *testing.T, network world.PacketNetwork) {
		c := packets(t, network, "udp", "127.0.0.1:0")
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
		again := packets(t, network, "udp", c.LocalAddr().String()) // the address is free
		mustSend(t, again, addrPort(again), "hello")
		wantPacket(t, again, "hello")
	})
}

func TestLookupNetIP(t *testing.T) {
	onBothPacketNetworks(t, func(t *testing.T, network world.PacketNetwork) {
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

func TestSystemPacketNetworkIsTheSystem(t *testing.T) {
	var system any = world.SystemNetwork()
	if system != any(world.SystemPacketNetwork()) {
		t.Error("there are two networks of the system")
	}
}
