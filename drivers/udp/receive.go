package udp

import (
	"errors"
	"net"
	"net/netip"
	"runtime"
	"syscall"

	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/world"
)

// A receiver receives datagrams. One goroutine at a time calls its methods.
type receiver struct {
	told   bool // Recv has returned the opening value
	socket net.PacketConn
	direct reader // the socket, or nil if it has no numeric addresses
	limit  int    // how many bytes of a datagram are taken
	buffer []byte
	peers  map[netip.AddrPort]Addr

	// more receives a datagram without waiting, and reports whether there was one.
	// It is nil if there is no way to.
	more   func(b []byte) (n int, from netip.AddrPort, ok bool)
	busy   bool // the last call of more has received one
	single uint // how many datagrams came since the last call of more
}

// A reader is a socket that returns the sources of datagrams as numeric addresses.
type reader interface {
	ReadFromUDPAddrPort(b []byte) (n int, from netip.AddrPort, err error)
}

// maxPeers is how many addresses of peers a receiver keeps, so as not to make them
// again.
const maxPeers = 4096

func (r *receiver) init(c net.PacketConn, limit int) {
	r.socket = c
	r.direct, _ = c.(reader)
	r.limit = min(limit, defaultReceiveBuffer)
	space := r.limit + 1 // one more byte shows that the datagram was longer
	if runtime.GOOS == "windows" {
		// On Windows, a datagram that does not fit is an error without its source.
		space = defaultReceiveBuffer + 1
	}
	r.buffer = make([]byte, space)
	r.peers = map[netip.AddrPort]Addr{}
	if c, ok := c.(*net.UDPConn); ok { // and no type that embeds it, which may receive in another way
		r.more = rawReceiver(c)
	}
}

// receive waits for a datagram. If more are there, it may return a burst.
func (r *receiver) receive() (any, error) {
	if r.direct == nil {
		n, a, err := r.socket.ReadFrom(r.buffer)
		if err != nil {
			return nil, err
		}
		return r.take(n, inet.Of(a)), nil
	}
	n, from, err := r.direct.ReadFromUDPAddrPort(r.buffer)
	if err != nil {
		return nil, err
	}
	first := r.take(n, r.peer(from))
	if !r.looksForMore() {
		return first, nil
	}
	return r.burst(first), nil
}

// seldom is how many datagrams come one at a time before receive looks for more: to
// look in vain costs time.
const seldom = 16

func (r *receiver) looksForMore() bool {
	r.single++
	return r.more != nil && (r.busy || r.single >= seldom)
}

// The limits of a burst, so that other devices have their turn.
const (
	maxBurst      = 32
	maxBurstBytes = 64 << 10
)

// burst returns a datagram together with those that are there already.
func (r *receiver) burst(first received) any {
	r.single, r.busy = 0, false
	var all []received
	for size := len(first.Body); len(all) < maxBurst && size < maxBurstBytes; {
		n, from, ok := r.more(r.buffer)
		if !ok {
			break
		}
		if !r.busy {
			r.busy = true
			all = append(make([]received, 0, maxBurst), first)
		}
		next := r.take(n, r.peer(from))
		size += len(next.Body)
		all = append(all, next)
	}
	if !r.busy {
		return first
	}
	return burst{all}
}

// take returns the datagram in the buffer.
func (r *receiver) take(n int, from Addr) received {
	taken := min(n, r.limit)
	return received{From: from, Body: append(make([]byte, 0, taken), r.buffer[:taken]...), Truncated: n > taken}
}

// peer returns the address of a peer.
func (r *receiver) peer(a netip.AddrPort) Addr {
	at, ok := r.peers[a]
	if !ok {
		if len(r.peers) == maxPeers {
			clear(r.peers)
		}
		at = inet.Of(net.UDPAddrFromAddrPort(a))
		r.peers[a] = at
	}
	return at
}

// passing are the errors after which receiving works again sooner or later: the system
// is short of a resource, or the error is about a datagram that was sent before.
var passing = []error{
	syscall.ENOBUFS, syscall.ENOMEM, syscall.EINTR, syscall.EAGAIN,
	syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EMSGSIZE, syscall.EPERM,
	syscall.ENETDOWN, syscall.ENETRESET, syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ETIMEDOUT,
}

func passes(err error) bool {
	err = world.Reduce(err) // which knows the numbers of all systems
	for _, p := range passing {
		if errors.Is(err, p) {
			return true
		}
	}
	return false
}
