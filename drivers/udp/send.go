package udp

import (
	"errors"
	"net"
	"net/netip"
	"syscall"

	"github.com/go-marketplace/marketplace/world"
)

// A sender sends datagrams. Its methods are called by one goroutine at a time.
type sender struct {
	// try is [world.Handle.Try]. It is nil if it cannot be told whether sending
	// blocks.
	try func(commands []any) (done int, err error)

	write func(b []byte, to netip.AddrPort) error
	only4 bool // the socket has an IPv4 address
}

func (s *sender) init(c net.PacketConn) {
	if a, ok := c.LocalAddr().(*net.UDPAddr); ok {
		s.only4 = a.AddrPort().Addr().Unmap().Is4()
	}
	s.write = func(b []byte, to netip.AddrPort) error {
		_, err := c.WriteTo(b, net.UDPAddrFromAddrPort(to))
		return err
	}
	switch c := c.(type) {
	case *net.UDPConn: // and no type that embeds it, which may send in another way
		s.write = func(b []byte, to netip.AddrPort) error {
			_, err := c.WriteToUDPAddrPort(b, to)
			return err
		}
		s.try = rawSender(c, s.target)
	case world.TryPacketWriter:
		s.try = func(commands []any) (int, error) { return s.tryEach(c, commands) }
	}
}

// tryEach sends one datagram after another through c, until that would block.
func (s *sender) tryEach(c world.TryPacketWriter, commands []any) (done int, err error) {
	for ; done < len(commands); done++ {
		d, ok := commands[done].(send)
		if !ok {
			return done, errCommand
		}
		if sent, err := c.TryWriteToUDPAddrPort(d.Body, s.target(d.To)); !sent || err != nil {
			return done, err
		}
	}
	return done, nil
}

// target returns where to send to: the unspecified address, at which sockets can
// listen, means this host.
func (s *sender) target(to netip.AddrPort) netip.AddrPort {
	ip := to.Addr()
	switch {
	case !ip.IsUnspecified():
		return to
	case ip.Is4() || s.only4:
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	default:
		ip = netip.IPv6Loopback()
	}
	return netip.AddrPortFrom(ip, to.Port())
}

// explain says more of an error, if there is more to be said.
func explain(err error, command any) error {
	if s, ok := command.(send); ok && err != nil && errors.Is(world.Reduce(err), syscall.EMSGSIZE) {
		return tooLong(len(s.Body), err)
	}
	return err
}
