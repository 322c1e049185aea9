package udp

import (
	"errors"
	"net"
	"net/netip"
	"syscall"

	"github.com/go-marketplace/marketplace/world"
)

// A sender sends datagrams. One goroutine at a time calls its methods.
type sender struct {
	// try is [world.Handle.Try]. It is nil if there is no way to send without
	// waiting.
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

// tryEach sends datagrams through c, until that would block.
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

// target returns the address to send to. For the unspecified address, that is this
// host.
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

// explain returns a clearer error for a datagram that is too long, and else err.
func explain(err error, command any) error {
	if s, ok := command.(send); ok && err != nil && errors.Is(world.Reduce(err), syscall.EMSGSIZE) {
		return tooLong(len(s.Body), err)
	}
	return err
}
