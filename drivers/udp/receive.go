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

// A receiver receives datagrams. Its methods are called by one goroutine at a
// time.
type receiver struct {
	told   bool // the opening value
	socket net.PacketConn
	direct reader // the socket, or nil if it does not know addresses in numbers
	limit  int    // how much of a datagram is taken
	buffer []byte
	peers  map[netip.AddrPort]Addr

	// more receives a datagram that is there already, and reports whether there
	// was one. It is nil if that cannot be told.
	more   func(b []byte) (n int, from netip.AddrPort, ok bool)
	busy   bool // there was one the last time
	single uint // datagrams since more was called last
}

// A reader is a socket that tells in numbers where datagrams come from.
type reader interface {
	ReadFromUDPAddrPort(b []byte) (n int, from netip.AddrPort, err error)
}

// maxPeers is of how many peers the addresses are remembered, which saves making
// them again. It bounds memory only.
const maxPeers = 4096

func (r *receiver) init(c net.PacketConn, limit int) {
	r.socket = c
	r.direct, _ = c.(reader)
	r.limit = min(limit, defaultReceiveBuffer)
	space := r.limit + 1 // which shows that there was more
	if runtime.GOOS == "windows" {
		// There, what does not fit is an error, which does not say who sent it.
		space = defaultReceiveBuffer + 1
	}
	r.buffer = make([]byte, space)
	r.peers = map[netip.AddrPort]Addr{}
	if c, ok := c.(*net.UDPConn); ok { // and nothing that is made of it, which may do otherwise
		r.more = rawReceiver(c)
	}
}

// receive waits for a datagram. If several are there, it returns a burst.
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

// seldom is for how many datagrams that come one at a time there is no look for
// more: to find none costs time, too.
const seldom = 16

func (r *receiver) looksForMore() bool {
	r.single++
	return r.more != nil && (r.busy || r.single >= seldom)
}

// How much a burst can have, so that others have their turn.
const (
	maxBurst      = 32
	maxBurstBytes = 64 << 10
)

// burst returns a datagram together with those that are there by now.
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

// take returns what is in the buffer.
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

// passing are the errors after which receiving works again sooner or later:
// there is not enough of something, or it is about a datagram that was sent
// before.
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
