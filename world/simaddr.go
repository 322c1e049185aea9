package world

import (
	"net"
	"net/netip"
	"strconv"
)

// A simBind is where a listener of a SimNetwork listens.
type simBind struct {
	ip     netip.Addr // unspecified for every address of the families
	v4, v6 bool       // the families
	port   uint16
}

// covers reports whether connections to an address belong to the listener.
func (b simBind) covers(ip netip.Addr) bool {
	if b.ip.IsUnspecified() {
		return ip.Is4() && b.v4 || ip.Is6() && b.v6
	}
	return b.ip == ip
}

// overlaps reports whether there is an address that both would cover. The ports
// are the same.
func (b simBind) overlaps(o simBind) bool {
	if b.ip.IsUnspecified() || o.ip.IsUnspecified() {
		return b.v4 && o.v4 || b.v6 && o.v6
	}
	return b.ip == o.ip
}

// tcpAddr returns the address as package net has it.
func (b simBind) tcpAddr() *net.TCPAddr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(b.ip, b.port))
}

// resolveListen finds out where to listen. It follows package net on a system
// with both families: "tcp" with an unspecified host means both, whichever
// family the host was written in.
func (n *SimNetwork) resolveListen(network, address string) (simBind, error) {
	host, port, err := splitAddress(network, address)
	if err != nil {
		return simBind{}, err
	}
	ips, err := n.lookup(network, host)
	if err != nil {
		return simBind{}, err
	}
	b := simBind{port: port}
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

// resolveDial finds out what addresses to dial, at least one.
func (n *SimNetwork) resolveDial(network, address string) ([]netip.AddrPort, error) {
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
		switch ip {
		case netip.IPv4Unspecified():
			ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
		case netip.IPv6Unspecified():
			ip = netip.IPv6Loopback()
		}
		targets[i] = netip.AddrPortFrom(ip, port)
	}
	return targets, nil
}

// splitAddress takes an address apart. An empty port is 0.
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

// lookup returns the addresses of a host in the families of the network. There
// are none only if the host is empty.
func (n *SimNetwork) lookup(network, host string) ([]netip.Addr, error) {
	if host == "" {
		return nil, nil
	}
	var all []netip.Addr
	if ip, err := netip.ParseAddr(host); err == nil {
		all = []netip.Addr{ip.Unmap()}
	} else {
		n.mu.Lock()
		all = n.hosts[hostKey(host)] // only ever appended to
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
