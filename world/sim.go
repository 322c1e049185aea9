package world

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// Limits of a SimNetwork that says nothing about them.
const (
	defaultSendBuffer = 64 << 10
	defaultBacklog    = 128
)

// The ports that are given out where none is asked for, as IANA has it.
const (
	firstFreePort = 49152
	lastFreePort  = 65535
)

// A SimNetwork is a network in memory, for tests, with TCP and UDP. It behaves
// as those of one machine do to a program that talks to itself, except that
// every IP address belongs to that machine and that nothing takes time: what is
// written can be read at once, and a connection comes from the address it goes
// to. Addresses are [*net.TCPAddr] and [*net.UDPAddr], errors are wrapped as
// package net wraps them, connections are [*SimConn], and sockets for datagrams
// [*SimPacketConn]. Unlike anything else here, a datagram can be lost, repeated
// or late, if PacketFate says so.
//
// Ports that are not asked for are given out by a counter, so a test that dials
// in a fixed order sees the same addresses on each run. There are no service
// names; a port is a number.
//
// It starts no goroutines, and deadlines are timers of the time package, so it
// works inside a bubble of testing/synctest, where every call that waits is
// durably blocked. Whoever uses one connection or listener is then in one
// bubble.
type SimNetwork struct {
	// SendBuffer is how many bytes each direction of a connection holds until
	// a write waits for the reader. Zero or less means 64 KiB. It is not to be
	// changed once the network is used.
	SendBuffer int

	// Backlog is how many connections a listener holds that are not accepted
	// yet; further dials wait. Zero or less means 128. It is not to be changed
	// once the network is used.
	Backlog int

	// PacketBuffer is how many bytes of datagrams a socket holds that are not
	// read yet, of which each counts as 64 more than it has; others are
	// dropped. Zero or less means 208 KiB. It is not to be changed once the
	// network is used.
	PacketBuffer int

	// PacketFate, if not nil, decides what becomes of each datagram that is
	// sent: see [PacketFaults]. It is called for one datagram at a time, and
	// must not use the network, or change the body. It is not to be changed
	// once the network is used.
	PacketFate func(from, to netip.AddrPort, body []byte) PacketFate

	name string

	mu        sync.Mutex
	hosts     map[string][]netip.Addr
	listeners map[uint16][]*simListener // by port
	dialing   map[uint16]bool           // ports that connections come from
	lastPort  uint16                    // the last that was given out
	packets   simPackets

	fates fates
}

// NewSimNetwork returns a network in which nobody listens and which knows one
// host name, "localhost". The name must differ from that of every other network
// that the same machine uses. It panics if the name is empty or "system", which
// is the name of [SystemNetwork].
func NewSimNetwork(name string) *SimNetwork {
	if name == "" || name == systemNetworkName {
		panic(fmt.Sprintf("world: NewSimNetwork(%q): a simulated network needs a name of its own; give it one such as \"test\"", name))
	}
	n := &SimNetwork{
		name:      name,
		hosts:     make(map[string][]netip.Addr),
		listeners: make(map[uint16][]*simListener),
		dialing:   make(map[uint16]bool),
		lastPort:  lastFreePort,
	}
	n.AddHost("localhost", "127.0.0.1")
	return n
}

// NetworkName returns the name given to [NewSimNetwork].
func (n *SimNetwork) NetworkName() string { return n.name }

// AddHost gives a host name an address. A name that has several is dialed at
// each in the order in which they were added. Names are case-insensitive. It
// panics if ip is not an IP address, or if the name is empty or itself an
// address.
func (n *SimNetwork) AddHost(name, ip string) {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		panic(fmt.Sprintf("world: SimNetwork %q: AddHost(%q, %q): the second is not an IP address: %v", n.name, name, ip, err))
	}
	if _, err := netip.ParseAddr(name); err == nil || name == "" {
		panic(fmt.Sprintf("world: SimNetwork %q: AddHost(%q, %q): the first is not a host name; give one such as \"example.test\"", n.name, name, ip))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	key := hostKey(name)
	n.hosts[key] = append(n.hosts[key], addr.Unmap())
}

// hostKey returns the form of a host name in which equal names are equal.
func hostKey(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// Listen listens on an address of the networks "tcp", "tcp4" and "tcp6". Without
// a host, or with an unspecified one, it takes connections to every address of
// the family; for "tcp" these are both families. Without a port, or with port 0,
// it listens on a free one. Two listeners that would take connections to the
// same address do not go together: the second fails with EADDRINUSE.
func (n *SimNetwork) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	at, err := n.resolveListen(network, address)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: err}
	}
	if err := ctx.Err(); err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: at.tcpAddr(), Err: err}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if at.port == 0 {
		if at.port = n.freePort(); at.port == 0 {
			return nil, &net.OpError{Op: "listen", Net: network, Addr: at.tcpAddr(), Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
		}
	}
	for _, other := range n.listeners[at.port] {
		if at.overlaps(other.at) {
			return nil, &net.OpError{Op: "listen", Net: network, Addr: at.tcpAddr(), Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
		}
	}
	l := newSimListener(n, at)
	n.listeners[at.port] = append(n.listeners[at.port], l)
	return l, nil
}

// Dial connects to an address of the networks "tcp", "tcp4" and "tcp6". Without
// a host, or with an unspecified one, that is the loopback address. It returns
// when the connection waits for being accepted. If the listener holds as many of
// these as it may, Dial waits until that changes or the context is done; the
// dials that wait get their turn in order. A host name of which nothing is known
// is a [*net.DNSError], and where nobody listens the error is ECONNREFUSED.
func (n *SimNetwork) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	targets, err := n.resolveDial(network, address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	var first error
	for _, to := range targets {
		c, err := n.connect(ctx, to)
		if err == nil {
			return c, nil
		}
		if first == nil {
			first = &net.OpError{Op: "dial", Net: network, Addr: net.TCPAddrFromAddrPort(to), Err: err}
		}
	}
	return nil, first
}

// connect connects to one address.
func (n *SimNetwork) connect(ctx context.Context, to netip.AddrPort) (*SimConn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	n.mu.Lock()
	l := n.listenerAt(to)
	if l == nil {
		n.mu.Unlock()
		return nil, os.NewSyscallError("connect", syscall.ECONNREFUSED)
	}
	d := l.dial(to)
	n.mu.Unlock()

	select {
	case <-d.done:
		return d.conn, d.err
	default:
	}
	select {
	case <-d.done:
	case <-ctx.Done():
		n.mu.Lock()
		defer n.mu.Unlock()
		if l.forget(d) {
			return nil, ctx.Err()
		}
		// It was decided in the meantime.
	}
	return d.conn, d.err
}

// listenerAt returns who takes connections to an address, or nil. There is at
// most one, since listeners do not overlap. The network is locked.
func (n *SimNetwork) listenerAt(to netip.AddrPort) *simListener {
	for _, l := range n.listeners[to.Port()] {
		if l.at.covers(to.Addr()) {
			return l
		}
	}
	return nil
}

// removeListener makes the address of a listener free. The network is locked.
func (n *SimNetwork) removeListener(l *simListener) {
	rest := slices.DeleteFunc(n.listeners[l.at.port], func(other *simListener) bool { return other == l })
	if len(rest) == 0 {
		delete(n.listeners, l.at.port)
	} else {
		n.listeners[l.at.port] = rest
	}
}

// pair makes a connection to an address and returns its two ends. The network
// is locked.
func (n *SimNetwork) pair(to netip.AddrPort) (dialed, accepted *SimConn, err error) {
	port := n.freePort()
	if port == 0 {
		return nil, nil, os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)
	}
	n.dialing[port] = true
	limit := n.SendBuffer
	if limit <= 0 {
		limit = defaultSendBuffer
	}
	dialed, accepted = newSimPair(netip.AddrPortFrom(to.Addr(), port), to, limit, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.dialing, port)
	})
	return dialed, accepted, nil
}

// freePort returns the next port that nobody uses, or 0. The network is locked.
// It goes on from the last one, so a port that was given up is not used again
// soon.
func (n *SimNetwork) freePort() uint16 {
	for range lastFreePort - firstFreePort + 1 {
		if n.lastPort == lastFreePort {
			n.lastPort = firstFreePort - 1
		}
		n.lastPort++
		if len(n.listeners[n.lastPort]) == 0 && !n.dialing[n.lastPort] {
			return n.lastPort
		}
	}
	return 0
}
