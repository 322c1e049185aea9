package udp

import (
	"net/netip"

	"github.com/go-marketplace/marketplace/drivers/inet"
)

// An Addr is where a packet comes from or goes to: a [Remote], a [Handle] or a
// [Listener].
type Addr = inet.Addr

// Remote is the address of a peer: see [inet.Remote]. A packet can go to a
// multicast group or a broadcast address in the same way.
func Remote(host string, port uint16) Addr { return inet.Remote(host, port) }

// RemoteAddrPort is the address of a peer, in numbers: see
// [inet.RemoteAddrPort].
func RemoteAddrPort(a netip.AddrPort) Addr { return inet.RemoteAddrPort(a) }

// Handle is a local address whose port the system chooses: see [inet.Handle].
// Processes that use the same Handle share a socket, also with different peers.
func Handle(id string) Addr { return inet.Handle(id) }

// Listener is a local address with a port that the program chooses: see
// [inet.Listener]. With port 0 the system chooses one: [Listening] says which.
//
// An empty host stands for all interfaces, IPv4 and IPv6. If the host is a
// multicast group, the socket is a member of it; the name of an interface can
// follow, as in "ff02::fb%eth0" and "224.0.0.251%eth0", and otherwise the
// system chooses one.
func Listener(host string, port uint16) Addr { return inet.Listener(host, port) }

// NamedListener is a listener whose host and port are in Config.Addresses: see
// [inet.NamedListener].
func NamedListener(name string) Addr { return inet.NamedListener(name) }

// ParseListener returns the [Listener] for a text such as ":5353": see
// [inet.ParseListener].
func ParseListener(text string) (Addr, error) { return inet.ParseListener(text) }

// ParseRemote returns the [Remote] for a text such as "example.com:53": see
// [inet.ParseRemote].
func ParseRemote(text string) (Addr, error) { return inet.ParseRemote(text) }
