//go:build unix

package udp

import (
	"net"
	"net/netip"
	"os"
	"syscall"
)

// rawSender returns a function that carries out commands without waiting, or nil if
// there is no way to. Target returns the address to send to.
func rawSender(c *net.UDPConn, target func(netip.AddrPort) netip.AddrPort) func(commands []any) (done int, err error) {
	socket, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	r := &rawWriter{conn: c, socket: socket, target: target}
	r.once = r.attempt
	known := false
	err = socket.Control(func(fd uintptr) {
		switch a, _ := syscall.Getsockname(int(fd)); a.(type) {
		case *syscall.SockaddrInet4:
			known = true
		case *syscall.SockaddrInet6:
			known, r.is6 = true, true
		}
	})
	if err != nil || !known {
		return nil
	}
	return r.try
}

// A rawWriter sends through a socket without the poller of the runtime, which would
// wait.
type rawWriter struct {
	conn   *net.UDPConn
	socket syscall.RawConn
	target func(netip.AddrPort) netip.AddrPort
	is6    bool                  // the socket is an IPv6 one, with IPv4 addresses mapped to IPv6
	once   func(fd uintptr) bool // attempt, made into a function value once

	// These belong to the attempt under way.
	commands []any
	done     int
	err      error
	to4      syscall.SockaddrInet4
	to6      syscall.SockaddrInet6
}

func (r *rawWriter) try(commands []any) (int, error) {
	r.commands, r.done, r.err = commands, 0, nil
	err := r.socket.Write(r.once)
	r.commands = nil
	if err == nil {
		err = r.err
	}
	return r.done, err
}

// attempt sends what it can. It always reports that it is done, so that the runtime does
// not wait for the socket and call it again.
func (r *rawWriter) attempt(fd uintptr) bool {
	for r.done < len(r.commands) {
		s, ok := r.commands[r.done].(send)
		if !ok {
			r.err = errCommand
			return true
		}
		to := r.address(r.target(s.To))
		if to == nil {
			return true // Do sends it, with package net
		}
		switch err := syscall.Sendto(int(fd), s.Body, 0, to); err {
		case nil:
			r.done++
		case syscall.EINTR:
		case syscall.EAGAIN:
			return true
		default:
			r.err = &net.OpError{Op: "write", Net: "udp", Source: r.conn.LocalAddr(), Addr: net.UDPAddrFromAddrPort(s.To), Err: os.NewSyscallError("sendto", err)}
			return true
		}
	}
	return true
}

// address returns an address as the system takes it, or nil for one that only package
// net can convert.
func (r *rawWriter) address(to netip.AddrPort) syscall.Sockaddr {
	ip := to.Addr().Unmap()
	switch {
	case ip.Zone() != "" || ip.Is6() && !r.is6:
		return nil
	case r.is6:
		r.to6.Addr, r.to6.Port = ip.As16(), int(to.Port())
		return &r.to6
	}
	r.to4.Addr, r.to4.Port = ip.As4(), int(to.Port())
	return &r.to4
}
