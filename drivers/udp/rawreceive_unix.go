//go:build unix

package udp

import (
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// rawReceiver returns a function that receives a datagram without waiting, or nil if
// there is no way to.
func rawReceiver(c *net.UDPConn) func(b []byte) (n int, from netip.AddrPort, ok bool) {
	socket, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	r := &rawReader{socket: socket, zones: map[uint32]string{}}
	r.once = r.attempt
	return r.receive
}

// A rawReader receives from a socket without the poller of the runtime, which would
// wait.
type rawReader struct {
	socket syscall.RawConn
	once   func(fd uintptr) bool // attempt, made into a function value once
	zones  map[uint32]string     // names of interfaces, by index

	// These belong to the attempt under way.
	buffer []byte
	n      int
	from   syscall.Sockaddr
	err    error
}

// receive receives a datagram without waiting. It ignores errors: package net returns
// those that last.
func (r *rawReader) receive(b []byte) (int, netip.AddrPort, bool) {
	r.buffer, r.from = b, nil
	err := r.socket.Read(r.once)
	r.buffer = nil
	if err != nil || r.err != nil {
		return 0, netip.AddrPort{}, false
	}
	switch a := r.from.(type) {
	case *syscall.SockaddrInet4:
		return r.n, netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)), true
	case *syscall.SockaddrInet6:
		ip := netip.AddrFrom16(a.Addr)
		if a.ZoneId != 0 {
			ip = ip.WithZone(r.zone(a.ZoneId))
		}
		return r.n, netip.AddrPortFrom(ip, uint16(a.Port)), true
	}
	return 0, netip.AddrPort{}, false
}

// zone returns the name of an interface, as package net does.
func (r *rawReader) zone(index uint32) string {
	name, ok := r.zones[index]
	if !ok {
		name = strconv.Itoa(int(index))
		if i, err := net.InterfaceByIndex(int(index)); err == nil {
			name = i.Name
		}
		r.zones[index] = name
	}
	return name
}

// attempt always reports that it is done, so that the runtime does not wait for the
// socket and call it again.
func (r *rawReader) attempt(fd uintptr) bool {
	for {
		r.n, r.from, r.err = syscall.Recvfrom(int(fd), r.buffer, 0)
		if r.err != syscall.EINTR {
			return true
		}
	}
}
