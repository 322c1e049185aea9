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
	// [net.ListenConfig.ListenPacket] does. If the host is a multicast group,
	// the socket is a member of the group, on the interface that the zone of
	// the address names, or on one that the system chooses. The context ends
	// the call, not the socket.
	ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error)

	// LookupNetIP returns the addresses of a host, as
	// [net.Resolver.LookupNetIP] does. The network is "ip", "ip4" or "ip6".
	// Without an error there is at least one address.
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// A TryPacketWriter is a socket for datagrams that can send without blocking. It
// is for the sockets of a [PacketNetwork] what [TryWriter] is for connections.
type TryPacketWriter interface {
	// TryWriteToUDPAddrPort sends b as a datagram, unless that would block, and
	// reports whether it has been sent. If it has not and err is nil, sending
	// would block.
	TryWriteToUDPAddrPort(b []byte, to netip.AddrPort) (sent bool, err error)
}

// SystemPacketNetwork returns the network of the operating system, for
// datagrams. It is equal to [SystemNetwork].
//
// Its sockets are [*net.UDPConn], with the options that package net chooses: so
// one may send to broadcast addresses, and a port that is taken says so.
//
// A socket that is a member of a group shares its port with others that are. It
// gets what is sent to the group and, as far as the system tells them apart,
// nothing that is sent to another one; but it also gets what is sent to the
// port at an address of this host, if there is no socket with a better claim to
// it. What it sends to the group comes back, as it does from other sockets.
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

// unmapped returns IPv4 addresses as such.
func unmapped(addrs []netip.Addr, err error) ([]netip.Addr, error) {
	for i, a := range addrs {
		addrs[i] = a.Unmap()
	}
	return addrs, err
}
