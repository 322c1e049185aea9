package simnet

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// The default size of a receive buffer, and what a datagram in it takes beyond its
// length.
const (
	defaultPacketBuffer = 208 << 10
	packetOverhead      = 64
)

// The longest datagrams over IPv4 and IPv6.
const (
	maxPacket4 = 65507
	maxPacket6 = 65527
)

// A PacketConn is a UDP socket of a [Network]. It has those methods of
// [*net.UDPConn] that make sense in memory, and implements
// [world.TryPacketWriter]. Any number of goroutines may call its methods.
//
// Writes never block. A datagram is lost if there is no socket at its destination,
// or if the receive buffer of that socket is full.
type PacketConn struct {
	network *Network
	at      bindAddr

	// Guarded by network.mu.
	arrived sync.Cond  // a datagram has arrived, the read deadline has passed, or closed is set
	buffer  []datagram // received and not read
	size    int        // of buffer, in bytes
	dropped uint64
	closed  bool
	readBy  deadline
	writeBy deadline
}

// A datagram is a datagram in flight, or in a receive buffer.
type datagram struct {
	from netip.AddrPort
	body []byte
}

func newPacketConn(n *Network, at bindAddr) *PacketConn {
	c := &PacketConn{network: n, at: at}
	c.arrived.L = &n.mu
	return c
}

// enqueue puts a datagram into the receive buffer, or drops it.
func (c *PacketConn) enqueue(d datagram) {
	limit := c.network.PacketBuffer
	if limit <= 0 {
		limit = defaultPacketBuffer
	}
	if c.size+len(d.body)+packetOverhead > limit && len(c.buffer) > 0 {
		c.dropped++
		return
	}
	c.size += len(d.body) + packetOverhead
	c.buffer = append(c.buffer, d)
	c.arrived.Signal()
}

// ReadFromUDPAddrPort waits for a datagram and copies it into b. It discards the
// part that does not fit.
func (c *PacketConn) ReadFromUDPAddrPort(b []byte) (n int, from netip.AddrPort, err error) {
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	for !c.closed && !c.readBy.passed && len(c.buffer) == 0 {
		c.arrived.Wait()
	}
	switch {
	case c.closed:
		return 0, netip.AddrPort{}, c.wrap("read", nil, net.ErrClosed)
	case c.readBy.passed:
		return 0, netip.AddrPort{}, c.wrap("read", nil, os.ErrDeadlineExceeded)
	}
	d := c.buffer[0]
	c.buffer[0] = datagram{}
	if c.buffer = c.buffer[1:]; len(c.buffer) == 0 {
		c.buffer = nil
	}
	c.size -= len(d.body) + packetOverhead
	return copy(b, d.body), d.from, nil
}

// ReadFrom is ReadFromUDPAddrPort, except that the address is a [*net.UDPAddr]. It
// implements [net.PacketConn].
func (c *PacketConn) ReadFrom(b []byte) (n int, from net.Addr, err error) {
	n, ap, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		return n, nil, err
	}
	return n, net.UDPAddrFromAddrPort(ap), nil
}

// WriteToUDPAddrPort sends b as a datagram. It fails as on Linux:
//   - with EMSGSIZE if b is longer than a datagram can be, 65,507 bytes over IPv4
//     and 65,527 over IPv6;
//   - with EINVAL if the port is 0;
//   - with a [*net.AddrError] if the address is IPv6 and the socket is IPv4;
//   - with ENETUNREACH if the address is IPv4 and the socket is IPv6.
func (c *PacketConn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if !to.IsValid() {
		return 0, c.wrap("write", nil, &net.AddrError{Err: "missing address"})
	}
	destination := packetDestination(to)
	if err := c.checkWrite(len(b), destination); err != nil {
		return 0, c.wrap("write", net.UDPAddrFromAddrPort(to), err)
	}
	d := datagram{packetSource(c.at, destination.Addr()), append([]byte(nil), b...)}
	c.network.send(d, destination)
	return len(b), nil
}

// TryWriteToUDPAddrPort implements [world.TryPacketWriter]. It is
// WriteToUDPAddrPort, which never blocks.
func (c *PacketConn) TryWriteToUDPAddrPort(b []byte, to netip.AddrPort) (sent bool, err error) {
	_, err = c.WriteToUDPAddrPort(b, to)
	return err == nil, err
}

// checkWrite returns the error of sending a datagram of size bytes, or nil.
func (c *PacketConn) checkWrite(size int, to netip.AddrPort) error {
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	limit := maxPacket6
	if to.Addr().Is4() {
		limit = maxPacket4
	}
	switch {
	case c.closed:
		return net.ErrClosed
	case c.writeBy.passed:
		return os.ErrDeadlineExceeded
	case to.Addr().Is6() && !c.at.v6:
		return &net.AddrError{Err: "non-IPv4 address", Addr: to.Addr().String()}
	case to.Addr().Is4() && !c.at.v4:
		return os.NewSyscallError("sendto", syscall.ENETUNREACH)
	case to.Port() == 0:
		return os.NewSyscallError("sendto", syscall.EINVAL)
	case size > limit:
		return os.NewSyscallError("sendto", syscall.EMSGSIZE)
	}
	return nil
}

// WriteTo is WriteToUDPAddrPort, except that the address must be a [*net.UDPAddr].
// It implements [net.PacketConn].
func (c *PacketConn) WriteTo(b []byte, to net.Addr) (int, error) {
	a, ok := to.(*net.UDPAddr)
	if !ok || a == nil {
		return 0, c.wrap("write", to, syscall.EINVAL)
	}
	return c.WriteToUDPAddrPort(b, a.AddrPort())
}

// Dropped returns how many datagrams the socket has dropped because its receive
// buffer was full.
func (c *PacketConn) Dropped() uint64 {
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	return c.dropped
}

// Close frees the address and discards unread datagrams. Reads that wait fail with
// [net.ErrClosed]. A second Close fails.
func (c *PacketConn) Close() error {
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	if c.closed {
		return c.wrap("close", nil, net.ErrClosed)
	}
	c.closed = true
	c.network.sockets.remove(c)
	c.buffer = nil
	c.readBy.clear()
	c.writeBy.clear()
	c.arrived.Broadcast()
	return nil
}

// LocalAddr returns the address of the socket, a [*net.UDPAddr].
func (c *PacketConn) LocalAddr() net.Addr { return c.at.udpAddr() }

// SetDeadline sets both deadlines. See [net.PacketConn].
func (c *PacketConn) SetDeadline(t time.Time) error {
	return c.set(func() { c.readBy.set(t, &c.arrived); c.writeBy.set(t, &c.arrived) })
}

// SetReadDeadline sets the time after which reads, including those that wait, fail
// with [os.ErrDeadlineExceeded]. The zero time means never.
func (c *PacketConn) SetReadDeadline(t time.Time) error {
	return c.set(func() { c.readBy.set(t, &c.arrived) })
}

// SetWriteDeadline sets the time after which writes fail with
// [os.ErrDeadlineExceeded]. The zero time means never.
func (c *PacketConn) SetWriteDeadline(t time.Time) error {
	return c.set(func() { c.writeBy.set(t, &c.arrived) })
}

// set calls change if the socket is open.
func (c *PacketConn) set(change func()) error {
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	if c.closed {
		return c.wrap("set", nil, net.ErrClosed)
	}
	change()
	return nil
}

// wrap returns an error as package net would return it.
func (c *PacketConn) wrap(op string, to net.Addr, err error) error {
	if to == nil {
		return &net.OpError{Op: op, Net: "udp", Addr: c.at.udpAddr(), Err: err}
	}
	return &net.OpError{Op: op, Net: "udp", Source: c.at.udpAddr(), Addr: to, Err: err}
}
