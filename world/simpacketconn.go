package world

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// A SimPacketConn is a socket for datagrams of a [SimNetwork]. It has the
// methods of a [*net.UDPConn] that make sense in memory, and may be used by
// several goroutines as that may.
//
// To write never blocks. A datagram that nobody waits for is lost, as is one
// for a socket whose buffer is full.
type SimPacketConn struct {
	network *SimNetwork
	at      simBind

	// Guarded by the lock of the network.
	arrived sync.Cond // there is something to read, or no use in waiting
	waiting []simPacket
	bytes   int // of waiting
	dropped uint64
	closed  bool
	read    simDeadline
	write   simDeadline
}

// A simPacket is a datagram that has arrived.
type simPacket struct {
	from netip.AddrPort
	body []byte
}

func newSimPacketConn(n *SimNetwork, at simBind) *SimPacketConn {
	c := &SimPacketConn{network: n, at: at}
	c.arrived.L = &n.mu
	return c
}

// take puts a datagram into the buffer, or drops it.
func (c *SimPacketConn) take(d simPacket) {
	limit := c.network.PacketBuffer
	if limit <= 0 {
		limit = defaultPacketBuffer
	}
	if c.bytes+len(d.body)+packetOverhead > limit && len(c.waiting) > 0 {
		c.dropped++
		return
	}
	c.bytes += len(d.body) + packetOverhead
	c.waiting = append(c.waiting, d)
	c.arrived.Signal()
}

// ReadFromUDPAddrPort waits for a datagram and copies it into b. What does not
// fit is lost.
func (c *SimPacketConn) ReadFromUDPAddrPort(b []byte) (n int, from netip.AddrPort, err error) {
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	for !c.closed && !c.read.passed && len(c.waiting) == 0 {
		c.arrived.Wait()
	}
	switch {
	case c.closed:
		return 0, netip.AddrPort{}, c.wrap("read", nil, net.ErrClosed)
	case c.read.passed:
		return 0, netip.AddrPort{}, c.wrap("read", nil, os.ErrDeadlineExceeded)
	}
	d := c.waiting[0]
	c.waiting[0] = simPacket{}
	if c.waiting = c.waiting[1:]; len(c.waiting) == 0 {
		c.waiting = nil
	}
	c.bytes -= len(d.body) + packetOverhead
	return copy(b, d.body), d.from, nil
}

// ReadFrom is ReadFromUDPAddrPort for those who know package net only: the
// address is a [*net.UDPAddr].
func (c *SimPacketConn) ReadFrom(b []byte) (n int, from net.Addr, err error) {
	n, ap, err := c.ReadFromUDPAddrPort(b)
	if err != nil {
		return n, nil, err
	}
	return n, net.UDPAddrFromAddrPort(ap), nil
}

// WriteToUDPAddrPort sends a datagram. It fails as on Linux: with EMSGSIZE if it
// is longer than a datagram can be, 65,507 bytes over IPv4 and 65,527 over IPv6;
// with EINVAL if the port is 0; with a [*net.AddrError] if the address is IPv6
// and the socket is not; with ENETUNREACH if it is IPv4 and the socket is not.
func (c *SimPacketConn) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	if !to.IsValid() {
		return 0, c.wrap("write", nil, &net.AddrError{Err: "missing address"})
	}
	target := packetTarget(to)
	if err := c.mayWrite(len(b), target); err != nil {
		return 0, c.wrap("write", net.UDPAddrFromAddrPort(to), err)
	}
	d := simPacket{packetSource(c.at, target.Addr()), append([]byte(nil), b...)}
	c.network.send(d, target)
	return len(b), nil
}

// TryWriteToUDPAddrPort implements [TryPacketWriter]. It is WriteToUDPAddrPort,
// which never blocks.
func (c *SimPacketConn) TryWriteToUDPAddrPort(b []byte, to netip.AddrPort) (sent bool, err error) {
	_, err = c.WriteToUDPAddrPort(b, to)
	return err == nil, err
}

func (c *SimPacketConn) mayWrite(size int, to netip.AddrPort) error {
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	limit := maxPacket6
	if to.Addr().Is4() {
		limit = maxPacket4
	}
	switch {
	case c.closed:
		return net.ErrClosed
	case c.write.passed:
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

// WriteTo is WriteToUDPAddrPort for those who know package net only: the address
// is a [*net.UDPAddr].
func (c *SimPacketConn) WriteTo(b []byte, to net.Addr) (int, error) {
	a, ok := to.(*net.UDPAddr)
	if !ok || a == nil {
		return 0, c.wrap("write", to, syscall.EINVAL)
	}
	return c.WriteToUDPAddrPort(b, a.AddrPort())
}

// Dropped returns how many datagrams there was no room for.
func (c *SimPacketConn) Dropped() uint64 {
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	return c.dropped
}

// Close makes the address free, and throws away what was not read. Calls that
// wait here return with [net.ErrClosed]. A second Close is an error.
func (c *SimPacketConn) Close() error {
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	if c.closed {
		return c.wrap("close", nil, net.ErrClosed)
	}
	c.closed = true
	c.network.packets.remove(c)
	c.waiting = nil
	c.read.clear()
	c.write.clear()
	c.arrived.Broadcast()
	return nil
}

// LocalAddr returns the address of the socket, a [*net.UDPAddr].
func (c *SimPacketConn) LocalAddr() net.Addr { return udpAddr(c.at) }

// SetDeadline sets both deadlines. See [net.PacketConn].
func (c *SimPacketConn) SetDeadline(t time.Time) error {
	return c.set(func() { c.read.set(t, &c.arrived); c.write.set(t, &c.arrived) })
}

// SetReadDeadline sets the time from which on reads fail with
// [os.ErrDeadlineExceeded], those that wait already among them. The zero time
// means never.
func (c *SimPacketConn) SetReadDeadline(t time.Time) error {
	return c.set(func() { c.read.set(t, &c.arrived) })
}

// SetWriteDeadline sets the time from which on writes fail with
// [os.ErrDeadlineExceeded]. The zero time means never.
func (c *SimPacketConn) SetWriteDeadline(t time.Time) error {
	return c.set(func() { c.write.set(t, &c.arrived) })
}

func (c *SimPacketConn) set(change func()) error {
	c.network.mu.Lock()
	defer c.network.mu.Unlock()
	if c.closed {
		return c.wrap("set", nil, net.ErrClosed)
	}
	change()
	return nil
}

// wrap gives an error the form that package net gives it.
func (c *SimPacketConn) wrap(op string, to net.Addr, err error) error {
	if to == nil {
		return &net.OpError{Op: op, Net: "udp", Addr: udpAddr(c.at), Err: err}
	}
	return &net.OpError{Op: op, Net: "udp", Source: udpAddr(c.at), Addr: to, Err: err}
}
