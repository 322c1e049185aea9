package simnet

import (
	"context"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
)

// A socketTable is the sockets for datagrams of a Network, whose mu guards it.
type socketTable struct {
	byPort   map[uint16][]*PacketConn
	lastPort uint16 // the port that was assigned last
}

// ListenPacket opens a socket for datagrams, a [*PacketConn], on an address of the
// networks "udp", "udp4" and "udp6". The socket covers the same addresses as a
// listener of [Network.Listen] would, but TCP and UDP do not share ports. If the
// host is a multicast group, the socket is a member of the group: every member on
// the same port receives what is sent to the group, and members do not conflict
// with other sockets. ListenPacket ignores the zone of a group, since there are no
// interfaces.
func (n *Network) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	at, err := n.resolvePacket(network, address)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: err}
	}
	if err := ctx.Err(); err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: at.udpAddr(), Err: err}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	table := &n.sockets
	taken := false
	if at.port == 0 {
		at.port = table.freePort()
		taken = at.port == 0
	} else if !at.ip.IsMulticast() {
		taken = slices.ContainsFunc(table.byPort[at.port], func(c *PacketConn) bool {
			return !c.at.ip.IsMulticast() && at.overlaps(c.at)
		})
	}
	if taken {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: at.udpAddr(), Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	}
	c := newPacketConn(n, at)
	table.byPort[at.port] = append(table.byPort[at.port], c)
	return c, nil
}

// LookupNetIP returns the addresses that [Network.AddHost] added to a host name. If
// the host is an address, it returns that address.
func (n *Network) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	family, ok := strings.CutPrefix(network, "ip")
	if !ok || family != "" && family != "4" && family != "6" {
		return nil, net.UnknownNetworkError(network)
	}
	if err := ctx.Err(); err != nil {
		return nil, &net.DNSError{UnwrapErr: err, Err: err.Error(), Name: host}
	}
	if host == "" {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return n.lookup("tcp"+family, host) // the result does not depend on the protocol
}

// resolvePacket returns the address to bind a socket to.
func (n *Network) resolvePacket(network, address string) (bindAddr, error) {
	family, ok := strings.CutPrefix(network, "udp")
	if !ok || family != "" && family != "4" && family != "6" {
		return bindAddr{}, net.UnknownNetworkError(network)
	}
	return n.resolveListen("tcp"+family, withoutGroupZone(address)) // the result does not depend on the protocol
}

// withoutGroupZone returns an address without its zone if its host is a multicast
// group.
func withoutGroupZone(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	host, _, zoned := strings.Cut(host, "%")
	if ip, err := netip.ParseAddr(host); err != nil || !zoned || !ip.Unmap().IsMulticast() {
		return address
	}
	return net.JoinHostPort(host, port)
}

// freePort returns the next port that is free for UDP, or 0 if there is none. It
// continues after the last one.
func (t *socketTable) freePort() uint16 {
	for range lastFreePort - firstFreePort + 1 {
		if t.lastPort == lastFreePort {
			t.lastPort = firstFreePort - 1
		}
		t.lastPort++
		if len(t.byPort[t.lastPort]) == 0 {
			return t.lastPort
		}
	}
	return 0
}

// remove frees the address of a socket.
func (t *socketTable) remove(c *PacketConn) {
	rest := slices.DeleteFunc(t.byPort[c.at.port], func(other *PacketConn) bool { return other == c })
	if len(rest) == 0 {
		delete(t.byPort, c.at.port)
	} else {
		t.byPort[c.at.port] = rest
	}
}

// deliver puts a datagram into the buffer of every socket that covers its
// destination.
func (t *socketTable) deliver(d datagram, to netip.AddrPort) {
	for _, c := range t.byPort[to.Port()] {
		if c.at.covers(to.Addr()) {
			c.enqueue(d)
		}
	}
}

// packetSource returns the source address of a datagram that a socket sends.
func packetSource(from bindAddr, to netip.Addr) netip.AddrPort {
	ip := from.ip
	switch {
	case !ip.IsUnspecified() && !ip.IsMulticast():
	case !to.IsMulticast() && to != broadcast:
		ip = to
	default: // to cannot be a source
		ip = loopback(to)
	}
	return netip.AddrPortFrom(ip, from.port)
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// packetDestination returns the address to which a datagram sent to an address
// goes: the unspecified address stands for the loopback address, and groups have
// no zones.
func packetDestination(to netip.AddrPort) netip.AddrPort {
	ip := to.Addr().Unmap()
	switch {
	case ip.IsUnspecified():
		ip = loopback(ip)
	case ip.IsMulticast():
		ip = ip.WithZone("")
	}
	return netip.AddrPortFrom(ip, to.Port())
}
