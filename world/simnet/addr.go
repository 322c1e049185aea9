package simnet

import (
	"net"
	"net/netip"
	"strconv"
)

// A bindAddr is the address that a listener or a socket is bound to.
type bindAddr struct {
	ip     netip.Addr // unspecified: all addresses of the families
	v4, v6 bool       // the families of ip
	port   uint16
}

// covers reports whether traffic to an address is for the listener or socket.
func (b bindAddr) covers(ip netip.Addr) bool {
	if b.ip.IsUnspecified() {
		return ip.Is4() && b.v4 || ip.Is6() && b.v6
	}
	return b.ip == ip
}

// overlaps reports whether b and o, which have the same port, both cover some
// address.
func (b bindAddr) overlaps(o bindAddr) bool {
	if b.ip.IsUnspecified() || o.ip.IsUnspecified() {
		return b.v4 && o.v4 || b.v6 && o.v6
	}
	return b.ip == o.ip
}

func (b bindAddr) tcpAddr() *net.TCPAddr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(b.ip, b.port))
}

func (b bindAddr) udpAddr() *net.UDPAddr {
	return net.UDPAddrFromAddrPort(netip.AddrPortFrom(b.ip, b.port))
}

// resolveListen returns the address to bind to. It follows package net on a
// system with both families: "tcp" with an unspecified host means both families,
// even if the host is 0.0.0.0 or ::.
func (n *Network) resolveListen(network, address string) (bindAddr, error) {
	host, port, err := splitAddress(network, address)
	if err != nil {
		return bindAddr{}, err
	}
	ips, err := n.lookup(network, host)
	if err != nil {
		return bindAddr{}, err
	}
	b := bindAddr{port: port}
	if len(ips) > 0 {
		b.ip = ips[0]
	}
	if !b.ip.IsValid() || b.ip.IsUnspecified() {
		b.v4, b.v6 = network != "tcp6", network != "tcp4"
		b.ip = netip.IPv6Unspecified()
		if !b.v6 {
			b.ip = netip.IPv4Unspecified()
		}
		return b, nil
	}
	b.v4, b.v6 = b.ip.Is4(), b.ip.Is6()
	return b, nil
}

// resolveDial returns the addresses to dial, at least one.
func (n *Network) resolveDial(network, address string) ([]netip.AddrPort, error) {
	host, port, err := splitAddress(network, address)
	if err != nil {
		return nil, err
	}
	ips, err := n.lookup(network, host)
	if err != nil {
		return nil, err
	}
	if len(ips) == 0 {
		ips = []netip.Addr{netip.IPv4Unspecified()}
		if network == "tcp6" {
			ips[0] = netip.IPv6Unspecified()
		}
	}
	targets := make([]netip.AddrPort, len(ips))
	for i, ip := range ips {
		if ip.IsUnspecified() {
			ip = loopback(ip)
		}
		targets[i] = netip.AddrPortFrom(ip, port)
	}
	return targets, nil
}

// loopback returns the loopback address of the family of ip.
func loopback(ip netip.Addr) netip.Addr {
	if ip.Is4() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return netip.IPv6Loopback()
}

// splitAddress splits an address into its host and port. An empty port is 0.
func splitAddress(network, address string) (host string, port uint16, err error) {
	switch network {
	case "tcp", "tcp4", "tcp6":
	default:
		return "", 0, net.UnknownNetworkError(network)
	}
	host, text, err := net.SplitHostPort(address)
	if err != nil || text == "" {
		return host, 0, err
	}
	number, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return "", 0, &net.DNSError{Err: "unknown port", Name: network + "/" + text, IsNotFound: true}
	case number < 0 || number > 65535:
		return "", 0, &net.AddrError{Err: "invalid port", Addr: text}
	}
	return host, uint16(number), nil
}

// lookup returns the addresses of a host in the families of the network: none if
// the host is empty, and at least one otherwise.
func (n *Network) lookup(network, host string) ([]netip.Addr, error) {
	if host == "" {
		return nil, nil
	}
	var all []netip.Addr
	if ip, err := netip.ParseAddr(host); err == nil {
		all = []netip.Addr{ip.Unmap()}
	} else {
		n.mu.Lock()
		all = n.hosts[hostKey(host)] // AddHost only appends
		n.mu.Unlock()
		if len(all) == 0 {
			return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
		}
	}
	var fit []netip.Addr
	for _, ip := range all {
		if ip.Is4() && network != "tcp6" || ip.Is6() && network != "tcp4" {
			fit = append(fit, ip)
		}
	}
	if len(fit) == 0 {
		return nil, &net.AddrError{Err: "no suitable address found", Addr: host}
	}
	return fit, nil
}
