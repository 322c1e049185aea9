package world

import (
	"context"
	"net"
	"net/netip"
)

// A PacketNetwork sends and receives datagrams. Devices hold it as a value, so its
// dynamic type must be comparable. [SystemPacketNetwork] is one; package
// [github.com/go-marketplace/marketplace/world/simnet] has a simulated one.
type PacketNetwork interface {
	// NetworkName returns the name of the network: see [Network].
	NetworkName() string

	// ListenPacket opens a socket for datagrams at an address, as
	// [net.ListenConfig.ListenPacket] does. If the host is a multicast group, the
	// socket joins the group on the interface that the zone of the address names,
	// or on one that the system chooses. The end of ctx ends the call, not the
	// socket.
	ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error)

	// LookupNetIP returns the addresses of a host, as
	// [net.Resolver.LookupNetIP] does. The network is "ip", "ip4" or "ip6". If
	// err is nil, there is at least one address.
	LookupNetIP(ctx context.Context, network, host string) (addrs []netip.Addr, err error)
}

// A TryPacketWriter is a socket for datagrams that can send without blocking. It
// is for the sockets of a [PacketNetwork] what [TryWriter] is for connections.
type TryPacketWriter interface {
	// TryWriteToUDPAddrPort sends b as a datagram, unless that would block, and
	// reports whether it has been sent. If it has not and err is nil, sending
	// would block.
	TryWriteToUDPAddrPort(b []byte, to netip.AddrPort) (sent bool, err error)
}

// SystemPacketNetwork returns the network of the operating system, for datagrams. It
// is equal to [SystemNetwork].
//
// Its sockets are [*net.UDPConn], with the default options of package net: so a
// program may send to broadcast addresses, and opening a socket at a port in use
// fails.
//
// A member of a multicast group shares its port with the other members. It receives
// datagrams to the group. If the system can tell groups apart, it receives no
// datagrams to other groups. It also receives datagrams to the same port at an
// address of this host, if no other socket is bound more specifically. It receives
// its own datagrams to the group, and those of other sockets of this host.
func SystemPacketNetwork() PacketNetwork { return systemNetwork{} }

func (systemNetwork) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	if g, ok := groupOf(address); ok {
		return listenGroup(ctx, network, address, g)
	}
	var c net.ListenConfig
	return c.ListenPacket(ctx, network, address)
}

func (systemNetwork) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	return unmapped(net.DefaultResolver.LookupNetIP(ctx, network, host))
}

// unmapped replaces IPv4-mapped IPv6 addresses by the IPv4 addresses.
func unmapped(addrs []netip.Addr, err error) ([]netip.Addr, error) {
	for i, a := range addrs {
		addrs[i] = a.Unmap()
	}
	return addrs, err
}
