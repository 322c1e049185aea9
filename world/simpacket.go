package world

import (
	"context"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"
)

// The datagrams of a SimNetwork go to the sockets on its addresses. As with its
// connections, every IP address belongs to the one machine that there is, and
// what comes from a socket on all addresses comes from the address it goes to.

// defaultPacketBuffer is the limit of a SimNetwork that says nothing about it.
const defaultPacketBuffer = 208 << 10

// packetOverhead is how much a datagram in a buffer counts for beyond its bytes.
const packetOverhead = 64

// The longest datagrams, as IPv4 and IPv6 have it.
const (
	maxPacket4 = 65507
	maxPacket6 = 65527
)

// simPackets are the sockets of a SimNetwork. They are guarded by its lock.
type simPackets struct {
	sockets  map[uint16][]*SimPacketConn // by port
	lastPort uint16                      // the last that was given out
}

// ListenPacket opens a socket for datagrams, a [*SimPacketConn], on an address
// of the networks "udp", "udp4" and "udp6". Which addresses it gets datagrams
// for is as with Listen, but TCP and UDP do not share ports. If the host is a
// multicast group, the socket gets what is sent to the group, as do all others
// for the group on the same port; they are in nobody's way. Zones of groups make
// no difference, since there are no interfaces.
func (n *SimNetwork) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	at, err := n.resolvePacket(network, address)
	if err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Err: err}
	}
	if err := ctx.Err(); err != nil {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: udpAddr(at), Err: err}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	p := &n.packets
	taken := false
	if at.port == 0 {
		at.port = p.freePort()
		taken = at.port == 0
	} else if !at.ip.IsMulticast() {
		taken = slices.ContainsFunc(p.sockets[at.port], func(c *SimPacketConn) bool {
			return !c.at.ip.IsMulticast() && at.overlaps(c.at)
		})
	}
	if taken {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: udpAddr(at), Err: os.NewSyscallError("bind", syscall.EADDRINUSE)}
	}
	if p.sockets == nil {
		p.sockets = map[uint16][]*SimPacketConn{}
	}
	c := newSimPacketConn(n, at)
	p.sockets[at.port] = append(p.sockets[at.port], c)
	return c, nil
}

// LookupNetIP returns the addresses that a host has been given with AddHost, or
// the address that the host is.
func (n *SimNetwork) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
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
	return n.lookup("tcp"+family, host) // what is of the family does not depend on the protocol
}

// resolvePacket finds out where a socket gets datagrams for.
func (n *SimNetwork) resolvePacket(network, address string) (simBind, error) {
	family, ok := strings.CutPrefix(network, "udp")
	if !ok || family != "" && family != "4" && family != "6" {
		return simBind{}, net.UnknownNetworkError(network)
	}
	if g, ok := groupOf(address); ok {
		address = net.JoinHostPort(g.ip.String(), g.port) // without its zone
	}
	return n.resolveListen("tcp"+family, address) // which families there are does not depend on the protocol
}

// udpAddr returns the address as package net has it.
func udpAddr(b simBind) *net.UDPAddr {
	return net.UDPAddrFromAddrPort(netip.AddrPortFrom(b.ip, b.port))
}

// freePort returns the next port that nobody uses, or 0.
func (p *simPackets) freePort() uint16 {
	for range lastFreePort - firstFreePort + 1 {
		if p.lastPort < firstFreePort || p.lastPort == lastFreePort {
			p.lastPort = firstFreePort - 1
		}
		p.lastPort++
		if len(p.sockets[p.lastPort]) == 0 {
			return p.lastPort
		}
	}
	return 0
}

// remove makes the address of a socket free.
func (p *simPackets) remove(c *SimPacketConn) {
	rest := slices.DeleteFunc(p.sockets[c.at.port], func(other *SimPacketConn) bool { return other == c })
	if len(rest) == 0 {
		delete(p.sockets, c.at.port)
	} else {
		p.sockets[c.at.port] = rest
	}
}

// deliver puts a datagram into the sockets that it is for.
func (p *simPackets) deliver(d simPacket, to netip.AddrPort) {
	for _, c := range p.sockets[to.Port()] {
		if c.at.covers(to.Addr()) {
			c.take(d)
		}
	}
}

// packetSource returns where a datagram comes from that a socket sends.
func packetSource(from simBind, to netip.Addr) netip.AddrPort {
	ip := from.ip
	switch {
	case !ip.IsUnspecified() && !ip.IsMulticast():
	case !to.IsMulticast() && to != broadcast:
		ip = to
	default: // which nobody can come from
		ip = loopbackOf(to)
	}
	return netip.AddrPortFrom(ip, from.port)
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// packetTarget returns where a datagram goes that a socket sends to an address:
// the unspecified one means this machine, and groups have no zones.
func packetTarget(to netip.AddrPort) netip.AddrPort {
	ip := to.Addr().Unmap()
	switch {
	case ip.IsUnspecified():
		ip = loopbackOf(ip)
	case ip.IsMulticast():
		ip = ip.WithZone("")
	}
	return netip.AddrPortFrom(ip, to.Port())
}

// loopbackOf returns the loopback address of the family of an address.
func loopbackOf(ip netip.Addr) netip.Addr {
	if ip.Is4() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.IPv6Loopback()
}
