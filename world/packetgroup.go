package world

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// A group is a multicast group, with the port and the interface of an address.
type group struct {
	ip    netip.Addr // without a zone
	iface string     // name or index of an interface; empty: the system chooses
	port  string
	net   string // the network "udp4" or "udp6"
}

// groupOf returns the group of an address, if its host is one. It accepts a zone in
// an IPv4 address, too, because only the zone can name the interface.
func groupOf(address string) (g group, ok bool) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return group{}, false
	}
	host, iface, _ := strings.Cut(host, "%")
	ip, err := netip.ParseAddr(host)
	if ip = ip.Unmap(); err != nil || !ip.IsMulticast() {
		return group{}, false
	}
	g = group{ip: ip, iface: iface, port: port, net: "udp6"}
	if ip.Is4() {
		g.net = "udp4"
	}
	return g, true
}

// listenGroup opens a socket and joins a group.
func listenGroup(ctx context.Context, network, address string, g group) (net.PacketConn, error) {
	fail := func(err error) (net.PacketConn, error) {
		if _, ok := errors.AsType[*net.OpError](err); ok {
			return nil, err
		}
		return nil, &net.OpError{Op: "listen", Net: network, Addr: groupAddr(address), Err: err}
	}
	switch network {
	case "udp", g.net:
	case "udp4", "udp6":
		return fail(&net.AddrError{Err: "no suitable address found", Addr: address})
	default:
		return fail(net.UnknownNetworkError(network))
	}
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	port := 0
	if g.port != "" {
		n, err := net.DefaultResolver.LookupPort(ctx, network, g.port)
		if err != nil {
			return fail(err)
		}
		port = n
	}
	iface, err := interfaceNamed(g.iface)
	if err != nil {
		return fail(err)
	}
	// The address has no zone: package net would bind to that interface.
	c, err := net.ListenMulticastUDP(g.net, iface, &net.UDPAddr{IP: g.ip.AsSlice(), Port: port})
	if err != nil {
		return fail(err)
	}
	if err := setGroupOptions(c, g.ip.Is4()); err != nil {
		return fail(errors.Join(err, c.Close()))
	}
	return c, nil
}

// interfaceNamed returns the interface with a name or an index, or nil if the name
// is empty.
func interfaceNamed(name string) (*net.Interface, error) {
	if name == "" {
		return nil, nil
	}
	if n, err := strconv.Atoi(name); err == nil {
		return net.InterfaceByIndex(n)
	}
	return net.InterfaceByName(name)
}

// groupAddr is the address of a group, for a [net.OpError].
type groupAddr string

func (groupAddr) Network() string  { return "udp" }
func (a groupAddr) String() string { return string(a) }
