package udp_test

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/udp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
	"github.com/go-marketplace/marketplace/world/simnet"
)

func TestDR60DR63ListenerAndHandle(t *testing.T) {
	for _, at := range []udp.Addr{udp.Listener("127.0.0.1", 0), udp.Handle("us")} {
		everywhere(t, udp.Config{}, func(l *lab) {
			u, peer := l.user("u"), l.socket("127.0.0.1:0")
			bound := u.listen(at)
			for _, text := range []string{"hello", "", long(65507)} {
				peer.send(localhost(bound.Port()), text)
				if from := u.packet(at, text); from != peer.addr() {
					l.Errorf("it comes from %v, want %v", from, peer.addr())
				}
				u.send(at, peer.addr(), text)
				if from := peer.read(text); from != localhost(bound.Port()) {
					l.Errorf("the answer comes from %v, want port %d", from, bound.Port())
				}
			}
		})
	}
}

// A datagram that is longer than the receive buffer is truncated, and says so;
// one that just fits is not.
func TestDR67Truncated(t *testing.T) {
	everywhere(t, udp.Config{ReceiveBuffer: 5}, func(l *lab) {
		u, peer := l.user("u"), l.socket("127.0.0.1:0")
		bound := u.listen(loopback)
		peer.send(bound, "hello")
		u.packet(loopback, "hello")
		for _, text := range []string{"hello,", long(65507)} {
			peer.send(bound, text)
			if p := u.next("packet").packet; !p.Truncated || string(p.Body) != text[:5] || p.Source != peer.addr() {
				l.Errorf("heard %v", p)
			}
		}
		peer.send(bound, "again")
		u.packet(loopback, "again")
	})
}

// Datagrams that are too long are an error for the sender.
func TestTooLong(t *testing.T) {
	everywhere(t, udp.Config{}, func(l *lab) {
		u, peer := l.user("u"), l.socket("127.0.0.1:0")
		u.listen(loopback)
		for _, n := range []int{65508, 65527, 70000, 4 << 20} {
			u.send(loopback, peer.addr(), long(n))
			e := u.next("undelivered")
			if e.to != peer.addr() || !errors.Is(e.reason, syscall.EMSGSIZE) {
				l.Errorf("heard %v", e)
			}
		}
		u.send(loopback, peer.addr(), "short")
		peer.read("short")
	})
}

func TestUnsendable(t *testing.T) {
	everywhere(t, udp.Config{}, func(l *lab) {
		u, peer := l.user("u"), l.socket("127.0.0.1:0")
		u.listen(loopback)
		for _, to := range []udp.Addr{udp.Remote("127.0.0.1", 0), udp.Remote("::1", 7), udp.Remote("::", 0), udp.Remote("127.0.0.1", 7).TLS("x")} {
			u.send(loopback, to, "hello")
			if e := u.next("undelivered"); e.to != to || e.reason == nil {
				l.Errorf("heard %v", e)
			}
		}
		u.send(loopback, udp.Remote("127.0.0.1", 1), "nobody is there, and nobody says so")
		u.send(loopback, peer.addr(), "hello")
		peer.read("hello")
		u.silence()
	})
}

// A bad port affects only those who have asked for it.
func TestBD12OthersGoOn(t *testing.T) {
	everywhere(t, udp.Config{}, func(l *lab) {
		other, peer := l.socket("127.0.0.1:0"), l.socket("127.0.0.1:0")
		good, bad := l.user("good"), l.user("bad")
		bound := good.listen(loopback)
		taken := udp.Listener("127.0.0.1", other.addr().Port())
		bad.do(bad.watch(taken), bad.hear(taken))
		if e := bad.next("listening"); e.listening != (udp.Listening{At: taken}) {
			l.Errorf("heard %v", e)
		}
		if e := bad.next("not listening"); !errors.Is(e.reason, syscall.EADDRINUSE) {
			l.Errorf("heard %v", e)
		}
		peer.send(bound, "hello")
		good.packet(loopback, "hello")
		other.Close()
		bad.do(actions.Delete(taken), bad.hear(taken))
		if e := bad.next("listening"); e.listening.Bound != other.addr() {
			l.Errorf("heard %v", e)
		}
		peer.send(localhost(taken.Port()), "again")
		bad.packet(taken, "again")
	})
}

// A socket is open for as long as somebody needs it, and then its port is free.
func TestBD14TwoCounterparties(t *testing.T) {
	everywhere(t, udp.Config{}, func(l *lab) {
		a, b, peer := l.user("a"), l.user("b"), l.socket("127.0.0.1:0")
		bound := a.listen(loopback)
		b.do(b.watch(loopback), b.hear(loopback))
		if e := b.next("listening"); e.listening.Bound.String() != bound.String() {
			l.Errorf("heard %v", e)
		}
		a.do(actions.Quit())
		peer.send(bound, "still there?")
		b.packet(loopback, "still there?")
		b.send(loopback, peer.addr(), "yes")
		peer.read("yes")
		b.do(actions.Delete(loopback))
		if e := b.next("not listening"); e.reason != nil {
			l.Errorf("heard %v", e)
		}
	})
}

// A process can get a socket again that has just been closed.
func TestDR66OpenedAgain(t *testing.T) {
	everywhere(t, udp.Config{}, func(l *lab) {
		peer := l.socket("127.0.0.1:0")
		at := udp.Listener("127.0.0.1", peer.addr().Port())
		peer.Close()
		for i := range 5 {
			u := l.user(fmt.Sprint(i))
			u.listen(at)
			u.do(actions.Delete(at))
			if e := u.next("not listening"); e.reason != nil {
				l.Errorf("heard %v", e)
			}
		}
	})
}

// The last packet is sent, although nobody needs the socket any more.
func TestLastWord(t *testing.T) {
	everywhere(t, udp.Config{}, func(l *lab) {
		u, peer := l.user("u"), l.socket("127.0.0.1:0")
		at := udp.Handle("once")
		to := udp.Remote("localhost", peer.addr().Port())
		u.do(
			endpoint.Publisher(udp.Leaving(at)),
			endpoint.ObservePublishers(udp.ListeningAt(at), endpoint.OnPresence(func(udp.Listening) actions.Action {
				return actions.Group(actions.Send(udp.Packet{Source: at, Destination: to, Body: []byte("bye")}), actions.Quit())
			})),
		)
		peer.read("bye")
	})
}

// Packets between local addresses stay in the machine; those to the address of a
// socket of the same machine go through it.
func TestDR69BD11Loopback(t *testing.T) {
	everywhere(t, udp.Config{}, func(l *lab) {
		a, b := l.user("a"), l.user("b")
		at, us := udp.Listener("", 0), udp.Handle("us")
		bound := a.listen(at)
		from := b.listen(us)
		b.send(us, at, "inside")
		if source := a.packet(at, "inside"); source != us {
			l.Errorf("it comes from %v", source)
		}
		a.send(at, us, "inside too")
		b.packet(us, "inside too")
		a.silence()
		b.silence()

		for _, to := range []udp.Addr{udp.Remote("127.0.0.1", bound.Port()), udp.RemoteAddrPort(bound)} {
			b.send(us, to, "outside")
			source := a.packet(at, "outside")
			if source.Kind() != udp.Remote("x", 1).Kind() || source.Port() != from.Port() {
				l.Errorf("it comes from %v, want port %d", source, from.Port())
			}
			a.send(at, source, "outside too")
			if back := b.packet(us, "outside too"); back.Port() != bound.Port() {
				l.Errorf("the answer comes from %v, want port %d", back, bound.Port())
			}
		}
	})
}

func TestNames(t *testing.T) {
	everywhere(t, udp.Config{}, func(l *lab) {
		u, peer := l.user("u"), l.socket("127.0.0.1:0")
		u.listen(loopback)
		for range 3 {
			u.send(loopback, udp.Remote("localhost", peer.addr().Port()), "hello")
			peer.read("hello")
		}
	})
	simulated(t, udp.Config{}, func(l *lab) {
		u, peer := l.user("u"), l.socket("127.0.0.1:0")
		u.listen(loopback)
		nobody := udp.Remote("nobody.test", 7)
		u.send(loopback, nobody, "hello")
		if e := u.next("undelivered"); e.to != nobody || !errors.Is(e.reason, world.ErrHostNotFound) {
			l.Errorf("heard %v", e)
		}
		u.send(loopback, peer.addr(), "hello")
		peer.read("hello")
	})
}

// A listener can have a name, too.
func TestListenerAtName(t *testing.T) {
	everywhere(t, udp.Config{}, func(l *lab) {
		u, peer, at := l.user("u"), l.socket("127.0.0.1:0"), udp.Listener("localhost", 0)
		bound := u.listen(at)
		if bound.Addr().Is6() {
			peer = l.socket("[::1]:0")
		}
		peer.send(bound, "hello")
		u.packet(at, "hello")
	})
}

// A process that sends very much at once harms nobody: packets may be lost, but
// the socket stays.
func TestFlood(t *testing.T) {
	n := simnet.New("test")
	n.PacketBuffer = 16 << 20
	c := udp.Config{Network: n}
	const count = 3000
	test := func(l *lab) {
		u, peer := l.user("u"), l.socket("127.0.0.1:0")
		bound := u.listen(loopback)
		var all actions.Tree
		for i := range count {
			all = append(all, actions.Send(udp.Packet{Source: loopback, Destination: peer.addr(), Body: []byte(fmt.Sprint(i, long(1000)))}))
		}
		u.do(all)
		if l.sim {
			for i := range count {
				peer.read(fmt.Sprint(i, long(1000)))
			}
		}
		peer.send(bound, "still there?")
		u.packet(loopback, "still there?")
	}
	t.Run("simulated", func(t *testing.T) { simulated(t, c, test) })
	t.Run("system", func(t *testing.T) { onSystem(t, c, test) })
}

func TestThreeLevelsDeep(t *testing.T) {
	nest := func(p actions.Process) actions.Process {
		return vm.NestedFunc(func(actions.PID) actions.Process { return p })
	}
	test := func(l *lab) {
		u, peer := l.user("u"), l.socket("127.0.0.1:0")
		bound := u.listen(loopback)
		peer.send(bound, "hello")
		u.send(loopback, u.packet(loopback, "hello"), "thanks")
		peer.read("thanks")
	}
	t.Run("simulated", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			newLab(t, udp.Config{Network: simnet.New("test")}, true, nest, nest, nest).run(test)
		})
	})
	t.Run("system", func(t *testing.T) {
		newLab(t, udp.Config{Network: world.SystemPacketNetwork()}, false, nest, nest, nest).run(test)
	})
}

// Users in machines that are nested in the one with the driver reach it through
// the levels.
func TestUsersThreeLevelsDeep(t *testing.T) {
	everywhere(t, udp.Config{}, func(l *lab) {
		u, peer := l.user("u"), l.socket("127.0.0.1:0")
		u.do(u.watch(loopback))
		inner := []actions.Action{actions.AtMeta(actions.AtMeta(actions.AtMeta(
			endpoint.Subscriber(udp.Arriving(loopback), endpoint.OnMessage(func(p udp.Packet) actions.Action {
				return actions.AtMeta(actions.AtMeta(actions.AtMeta(actions.Send(udp.Packet{Source: loopback, Destination: p.Source, Body: p.Body}))))
			})),
		)))}
		for range 3 {
			inner = []actions.Action{actions.Spawn(vm.Nested(inner...))}
		}
		u.do(inner...)
		bound := u.next("listening").listening.Bound
		peer.send(localhost(bound.Port()), "hello")
		peer.read("hello")
	})
}

// Sockets that are opened are closed.
func TestBD13NoSocketIsLeft(t *testing.T) {
	count := func() int {
		all, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Skip("the system does not tell what is open")
		}
		return len(all)
	}
	count()
	onSystem(t, udp.Config{}, func(l *lab) {
		round := func(i int) {
			u, at := l.user(fmt.Sprint("u", i)), udp.Handle(fmt.Sprint(i))
			u.listen(at)
			u.do(actions.Delete(at))
			u.next("not listening")
			// The next one opens after this one has been closed.
			u.listen(udp.Handle(fmt.Sprint(i)))
			u.do(actions.Quit())
		}
		round(0) // so that what is opened once is open
		before := count()
		for i := range 100 {
			round(1 + i)
		}
		// The last of 200 sockets may be about to be closed.
		if after := count(); after > before+20 {
			l.Errorf("there were %d files open, and now there are %d", before, after)
		}
	})
}
