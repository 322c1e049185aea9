package udp_test

import (
	"net"
	"runtime"
	"testing"

	"github.com/go-marketplace/marketplace/drivers/udp"
)

func TestDR68IPv6(t *testing.T) {
	everywhere(t, udp.Config{}, func(l *lab) {
		u, peer := l.user("u"), l.socket("[::1]:0")
		for _, host := range []string{"::1", ""} {
			at := udp.Listener(host, 0)
			bound := u.listen(at)
			peer.send(netipAddrPort("::1", bound.Port()), "hello")
			from := u.packet(at, "hello")
			if from.Host() != "::1" || from != peer.addr() {
				l.Errorf("it comes from %v", from)
			}
			u.send(at, from, "thanks")
			peer.read("thanks")
		}
	})
}

// A listener without a host takes IPv4 and IPv6, and shows addresses of each as
// such.
func TestDR68AllInterfaces(t *testing.T) {
	everywhere(t, udp.Config{}, func(l *lab) {
		u, at := l.user("u"), udp.Listener("", 0)
		bound := u.listen(at)
		for _, host := range []string{"127.0.0.1", "::1"} {
			peer := l.socket(netipAddrPort(host, 0).String())
			peer.send(netipAddrPort(host, bound.Port()), host)
			from := u.packet(at, host)
			if from.Host() != host {
				l.Errorf("it comes from %v", from)
			}
			u.send(at, from, "thanks")
			if back := peer.read("thanks"); back.Addr().Unmap().String() != host {
				l.Errorf("the answer comes from %v", back)
			}
		}
	})
}

// Listeners at a group hear what is sent to it, from this host as well.
func TestDR68Multicast(t *testing.T) {
	for _, group := range []string{"239.77.2.1", "ff02::4d:21"} {
		everywhere(t, udp.Config{}, func(l *lab) {
			a, b, c := l.user("a"), l.user("b"), l.user("c")
			first := udp.Listener(group, 0)
			bound := a.listen(first)
			second := udp.Listener(group, bound.Port())
			b.listen(second)
			c.listen(udp.Handle("c"))
			c.send(udp.Handle("c"), udp.Remote(group, bound.Port()), "hello, all")
			select {
			case e := <-c.heard:
				l.Skipf("there is no way to the group: %v", e)
			case e := <-a.heard:
				if string(e.packet.Body) != "hello, all" {
					l.Fatalf("heard %v", e)
				}
			}
			b.packet(second, "hello, all")
			a.send(first, udp.Remote(group, bound.Port()), "and I")
			a.packet(first, "and I")
			if from := b.packet(second, "and I"); from.Port() != bound.Port() {
				l.Errorf("it comes from %v, want port %d", from, bound.Port())
			}
		})
	}
}

// Addresses of a link have the interface in them.
func TestDR68LinkLocal(t *testing.T) {
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		addrs, err := i.Addrs()
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range addrs {
			ip, ok := a.(*net.IPNet)
			if !ok || ip.IP.To4() != nil || !ip.IP.IsLinkLocalUnicast() || i.Flags&net.FlagUp == 0 {
				continue
			}
			onSystem(t, udp.Config{}, func(l *lab) {
				host := ip.IP.String() + "%" + i.Name
				u, peer, at := l.user("u"), l.socket(net.JoinHostPort(host, "0")), udp.Listener(host, 0)
				bound := u.listen(at)
				for range 100 { // of which some may be received in bursts
					peer.send(bound, "hello")
				}
				for range 100 {
					if from := u.packet(at, "hello"); from != peer.addr() || from.Host() != host {
						l.Errorf("it comes from %v", from)
					}
				}
				u.send(at, peer.addr(), "thanks")
				peer.read("thanks")
			})
			return
		}
	}
	t.Skip("no interface has such an address")
}

func TestDR68Broadcast(t *testing.T) {
	simulated(t, udp.Config{}, func(l *lab) {
		u, at := l.user("u"), udp.Listener("", 0)
		bound := u.listen(at)
		u.send(at, udp.Remote("255.255.255.255", bound.Port()), "hello, all")
		u.packet(at, "hello, all")
	})
	if runtime.GOOS != "linux" {
		t.Skip("only there the loopback interface has a broadcast address")
	}
	onSystem(t, udp.Config{}, func(l *lab) {
		u, at := l.user("u"), udp.Listener("", 0)
		bound := u.listen(at)
		u.send(at, udp.Remote("127.255.255.255", bound.Port()), "hello, all")
		u.packet(at, "hello, all")
	})
}
