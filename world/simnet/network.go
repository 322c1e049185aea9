package simnet

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

	"github.com/go-marketplace/marketplace/world"
)

// The limits of a Network whose fields are zero.
const (
	defaultSendBuffer = 64 << 10
	defaultBacklog    = 128
)

// The range of ephemeral ports, from RFC 6335.
const (
	firstFreePort = 49152
	lastFreePort  = 65535
)

// A Network is a network in memory, with TCP and UDP. It implements
// [world.Network] and [world.PacketNetwork]. Addresses are [*net.TCPAddr] and
// [*net.UDPAddr], connections are [*Conn], and sockets for datagrams are
// [*PacketConn]. The package comment says what is simulated.
//
// A counter assigns ports where the program asks for none, so a test that dials
// in a fixed order sees the same ports in every run. TCP and UDP have separate
// counters.
//
// A Network starts no goroutine, and its deadlines are timers of package time. In
// a bubble of testing/synctest every call that waits is durably blocked. All
// users of one connection, listener or socket then have to be in the same
// bubble.
//
// The methods may be called from any goroutine. The fields must not change once
// the network is in use.
type Network struct {
	// SendBuffer is how many bytes each direction of a connection holds: a
	// write blocks while the buffer is full. Zero or less means 64 KiB.
	SendBuffer int

	// Backlog is how many connections that are not accepted yet a listener
	// holds: further dials block. Zero or less means 128.
	Backlog int

	// PacketBuffer is the size in bytes of the receive buffer of a socket for
	// datagrams. Each datagram in it takes its length and 64 bytes more. The
	// socket drops a datagram that does not fit, except into an empty buffer.
	// Zero or less means 208 KiB.
	PacketBuffer int

	// PacketFate, if not nil, decides what happens to each datagram: see
	// [PacketFaults]. The network calls it for one datagram at a time. It must
	// not use the network, and must not change the body.
	PacketFate func(from, to netip.AddrPort, body []byte) PacketFate

	name string

	mu        sync.Mutex
	hosts     map[string][]netip.Addr
	listeners map[uint16][]*listener // by port
	dialing   map[uint16]bool        // source ports of connections
	lastPort  uint16                 // the port that was assigned last
	sockets   socketTable

	fateMu sync.Mutex // held while PacketFate runs
}

// New returns a network without listeners, which knows one host name,
// "localhost". The name must differ from that of every other network that the
// same machine uses. New panics if the name is empty or "system", which is the
// name of [world.SystemNetwork].
func New(name string) *Network {
	if name == "" || name == world.SystemNetwork().NetworkName() {
		panic(fmt.Sprintf("simnet: New(%q): a simulated network needs a name of its own; give it one such as \"test\"", name))
	}
	n := &Network{
		name:      name,
		hosts:     make(map[string][]netip.Addr),
		listeners: make(map[uint16][]*listener),
		dialing:   make(map[uint16]bool),
		lastPort:  lastFreePort,
		sockets:   socketTable{byPort: make(map[uint16][]*PacketConn), lastPort: lastFreePort},
	}
	n.AddHost("localhost", "127.0.0.1")
	return n
}

// NetworkName returns the name given to [New].
func (n *Network) NetworkName() string { return n.name }

// AddHost adds an address to a host name. Dial tries the addresses of a name in
// the order in which they were added. Names are case-insensitive. AddHost panics
// if ip is not an IP address, or if the name is empty or itself an address.
func (n *Network) AddHost(name, ip string) {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		panic(fmt.Sprintf("simnet: Network %q: AddHost(%q, %q): the second argument is not an IP address: %v", n.name, name, ip, err))
	}
	if _, err := netip.ParseAddr(name); err == nil || name == "" {
		panic(fmt.Sprintf("simnet: Network %q: AddHost(%q, %q): the first argument is not a host name; give one such as \"example.test\"", n.name, name, ip))
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	key := hostKey(name)
	n.hosts[key] = append(n.hosts[key], addr.Unmap())
}

// hostKey returns the canonical form of a host name.
func hostKey(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// Listen listens on an address of the networks "tcp", "tcp4" and "tcp6". Without
// a host, or with an unspecified one, the listener accepts connections to every
// address of its family; for "tcp", of both families. Without a port, or with
// port 0, it listens on a free one. Listen fails with EADDRINUSE if another
// listener accepts connections to one of the addresses already.
func (n *Network) Listen(ctx context.Context, network, address string) (net.Listener, error) {
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
	l := newListener(n, at)
	n.listeners[at.port] = append(n.listeners[at.port], l)
	return l, nil
}

// Dial connects to an address of the networks "tcp", "tcp4" and "tcp6". Without
// a host, or with an unspecified one, it connects to the loopback address. It
// returns when the connection is in the backlog of the listener. While the
// backlog is full, Dial waits until the context is done; dials that wait go on
// in order. For a host name that was not added the error is a [*net.DNSError],
// and for an address without a listener it is ECONNREFUSED.
func (n *Network) Dial(ctx context.Context, network, address string) (net.Conn, error) {
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
func (n *Network) connect(ctx context.Context, to netip.AddrPort) (*Conn, error) {
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
		if l.withdraw(d) {
			return nil, ctx.Err()
		}
		// The dial has ended in the meantime.
	}
	return d.conn, d.err
}

// listenerAt returns the listener that accepts connections to an address, or nil.
// There is at most one, since listeners do not overlap. The caller holds n.mu.
func (n *Network) listenerAt(to netip.AddrPort) *listener {
	for _, l := range n.listeners[to.Port()] {
		if l.at.covers(to.Addr()) {
			return l
		}
	}
	return nil
}

// removeListener frees the address of a listener. The caller holds n.mu.
func (n *Network) removeListener(l *listener) {
	rest := slices.DeleteFunc(n.listeners[l.at.port], func(other *listener) bool { return other == l })
	if len(rest) == 0 {
		delete(n.listeners, l.at.port)
	} else {
		n.listeners[l.at.port] = rest
	}
}

// pair makes a connection to an address and returns its two ends. The caller
// holds n.mu.
func (n *Network) pair(to netip.AddrPort) (dialed, accepted *Conn, err error) {
	port := n.freePort()
	if port == 0 {
		return nil, nil, os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)
	}
	n.dialing[port] = true
	limit := n.SendBuffer
	if limit <= 0 {
		limit = defaultSendBuffer
	}
	dialed, accepted = newConnPair(netip.AddrPortFrom(to.Addr(), port), to, limit, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		delete(n.dialing, port)
	})
	return dialed, accepted, nil
}

// freePort returns the next port that is free for TCP, or 0 if there is none. It
// continues after the last one, so it does not soon assign a port again. The
// caller holds n.mu.
func (n *Network) freePort() uint16 {
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
