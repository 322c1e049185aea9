package udp_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/udp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/world"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// A lab is a ground that runs, with a driver. Its users do what the test says,
// and tell it what they hear.
type lab struct {
	*testing.T
	network world.PacketNetwork
	root    *user
	sim     bool
	stop    func() // stops the machine, and waits for it
}

// everywhere runs a test on a simulated network and on that of the system.
func everywhere(t *testing.T, c udp.Config, test func(*lab)) {
	t.Run("simulated", func(t *testing.T) { simulated(t, c, test) })
	t.Run("system", func(t *testing.T) { onSystem(t, c, test) })
}

func simulated(t *testing.T, c udp.Config, test func(*lab)) {
	synctest.Test(t, func(t *testing.T) {
		if c.Network == nil {
			c.Network = simnet.New("test")
		}
		newLab(t, c, true).run(test)
	})
}

func onSystem(t *testing.T, c udp.Config, test func(*lab)) {
	c.Network = world.SystemPacketNetwork()
	newLab(t, c, false).run(test)
}

// newLab starts a lab. Its machine can be nested in others.
func newLab(t *testing.T, c udp.Config, sim bool, around ...func(actions.Process) actions.Process) *lab {
	l := &lab{T: t, network: c.Network, sim: sim}
	l.root = l.newUser("root")
	var boot actions.Process = actions.Stateless(c.Driver(), l.root.hold())
	for _, f := range around {
		boot = f(boot)
	}
	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() {
		stopped <- new(ground.Ground).RunFunc(ctx, func(actions.PID) actions.Process { return boot })
		close(stopped)
	}()
	l.stop = func() {
		cancel()
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	}
	l.root.do() // which returns once the machine runs
	return l
}

func (l *lab) run(test func(*lab)) {
	defer l.stop()
	test(l)
}

// patience is how long a test waits for what has to happen.
const patience = 20 * time.Second

// A user is a process that does what it is told.
type user struct {
	l     *lab
	name  string
	deeds chan actions.Action
	heard chan event
}

// An event is what a user hears.
type event struct {
	what      string
	packet    udp.Packet
	listening udp.Listening
	to        udp.Addr
	reason    error
}

func (e event) String() string {
	return fmt.Sprintf("%s %v to %v, %d bytes, %v %v %v", e.what, e.packet.Source, e.packet.Destination, len(e.packet.Body), e.listening, e.to, e.reason)
}

func (l *lab) newUser(name string) *user {
	return &user{l, name, make(chan actions.Action), make(chan event, 1<<16)}
}

// user starts a user in the machine.
func (l *lab) user(name string) *user {
	u := l.newUser(name)
	l.root.do(actions.Spawn(actions.Stateless(u.hold())).Named(name))
	return u
}

func (u *user) hold() actions.Action {
	return endpoint.Device(hands{u}, endpoint.OnValue(func(a deed) actions.Action { return a.Action }))
}

// do makes the user perform actions.
func (u *user) do(as ...actions.Action) { u.deeds <- actions.Group(as...) }

// hands is the device by which a test controls a user.
type hands struct{ *user }

type deed struct{ actions.Action }

func (h hands) DeviceName() string { return "hands of " + h.name }

func (h hands) Open(context.Context, world.Env) (world.Handle, error) {
	return &moved{hands: h, closed: make(chan struct{})}, nil
}

type moved struct {
	hands
	told   bool
	closed chan struct{}
}

func (m *moved) Recv() (any, error) {
	if !m.told {
		m.told = true
		return struct{}{}, nil
	}
	select {
	case a := <-m.deeds:
		return deed{a}, nil
	case <-m.closed:
		return nil, world.ErrClosed
	}
}

func (m *moved) Try([]any) (int, error) { return 0, nil }
func (m *moved) Do(any) error           { return nil }
func (m *moved) Close() error           { close(m.closed); return nil }

func (u *user) tell(e event) actions.Action { u.heard <- e; return nil }

// hear makes the user subscribe to what arrives at an address.
func (u *user) hear(at udp.Addr) actions.Action {
	return endpoint.Subscriber(udp.Arriving(at), endpoint.OnMessage(func(p udp.Packet) actions.Action {
		return u.tell(event{what: "packet", packet: p})
	})).As(at)
}

// watch makes the user hear of the socket of an address.
func (u *user) watch(at udp.Addr) actions.Action {
	return actions.Group(
		endpoint.ObservePublishers(udp.ListeningAt(at),
			endpoint.OnPresence(func(l udp.Listening) actions.Action { return u.tell(event{what: "listening", listening: l}) }),
			endpoint.OnAbsence(func(l udp.Listening, reason error) actions.Action {
				return u.tell(event{what: "not listening", listening: l, reason: reason})
			}),
		),
		endpoint.Subscriber(udp.NotLeaving(at), endpoint.OnMessage(func(n udp.Undelivered) actions.Action {
			return u.tell(event{what: "undelivered", to: n.Destination, reason: n.Reason})
		})),
	)
}

// listen makes a user listen, and returns where to send to. The test is skipped
// if the system does not have the address.
func (u *user) listen(at udp.Addr) netip.AddrPort {
	u.l.Helper()
	u.do(u.watch(at), u.hear(at))
	e := u.next("listening")
	if bound := e.listening.Bound; bound != (udp.Addr{}) {
		return netip.MustParseAddrPort(bound.String())
	}
	e = u.next("not listening")
	if errors.Is(e.reason, syscall.EADDRNOTAVAIL) || errors.Is(e.reason, syscall.EAFNOSUPPORT) || errors.Is(e.reason, syscall.ENODEV) {
		u.l.Skipf("the system does not do this: %v", e.reason)
	}
	u.l.Fatal(e.reason)
	return netip.AddrPort{}
}

// send makes the user send a packet.
func (u *user) send(from, to udp.Addr, text string) {
	u.do(actions.Send(udp.Packet{Source: from, Destination: to, Body: []byte(text)}))
}

// next returns what the user hears next.
func (u *user) next(what string) event {
	u.l.Helper()
	select {
	case e := <-u.heard:
		if e.what != what {
			u.l.Fatalf("%s heard %v; want %s", u.name, e, what)
		}
		return e
	case <-time.After(patience):
		u.l.Fatalf("%s heard nothing; want %s", u.name, what)
	}
	return event{}
}

// packet checks what arrives next, and returns where it comes from.
func (u *user) packet(at udp.Addr, want string) udp.Addr {
	u.l.Helper()
	p := u.next("packet").packet
	if string(p.Body) != want || p.Destination != at || p.Truncated {
		u.l.Fatalf("%s heard %d bytes %.40q from %v to %v; want %d bytes %.40q", u.name, len(p.Body), p.Body, p.Source, p.Destination, len(want), want)
	}
	return p.Source
}

// silence checks that the user hears nothing more. Only simulated time tells.
func (u *user) silence() {
	u.l.Helper()
	if !u.l.sim {
		return
	}
	synctest.Wait()
	select {
	case e := <-u.heard:
		u.l.Fatalf("%s heard %v; want silence", u.name, e)
	default:
	}
}

// socket opens a socket outside the machine. The test is skipped if the system
// does not have the address.
func (l *lab) socket(address string) *socket {
	l.Helper()
	c, err := l.network.ListenPacket(context.Background(), "udp", address)
	if errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) {
		l.Skipf("the system does not do this: %v", err)
	}
	if err != nil {
		l.Fatal(err)
	}
	l.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		l.Fatal(err)
	}
	return &socket{c, l}
}

// socket is a peer.
type socket struct {
	net.PacketConn
	l *lab
}

// addr is the address of the peer, as the machine has it.
func (s *socket) addr() udp.Addr {
	return udp.RemoteAddrPort(s.LocalAddr().(*net.UDPAddr).AddrPort())
}

func (s *socket) send(to netip.AddrPort, text string) {
	s.l.Helper()
	if _, err := s.WriteTo([]byte(text), net.UDPAddrFromAddrPort(to)); err != nil {
		s.l.Fatal(err)
	}
}

// read checks what arrives next, and returns where it comes from.
func (s *socket) read(want string) netip.AddrPort {
	s.l.Helper()
	b := make([]byte, 1<<17)
	n, from, err := s.ReadFrom(b)
	if err != nil || string(b[:n]) != want {
		s.l.Fatalf("read %d bytes %.40q, %v; want %d bytes %.40q", n, b[:n], err, len(want), want)
	}
	return from.(*net.UDPAddr).AddrPort()
}

func localhost(port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
}

func netipAddrPort(host string, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.MustParseAddr(host), port)
}

// long is a text of n bytes that are not the same everywhere.
func long(n int) string { return strings.Repeat("0123456789abcdefghijklmnopqrstuvwxyz\n", n/37+1)[:n] }
