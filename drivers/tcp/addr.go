package tcp

import (
	"net/netip"

	"github.com/go-marketplace/marketplace/drivers/inet"
)

// An Addr is the address of one side of a connection: a [Remote], a [Handle] or a
// [Listener].
type Addr = inet.Addr

// Remote is the address of a peer: see [inet.Remote].
func Remote(host string, port uint16) Addr { return inet.Remote(host, port) }

// RemoteAddrPort is the address of a peer, in numbers: see
// [inet.RemoteAddrPort].
func RemoteAddrPort(a netip.AddrPort) Addr { return inet.RemoteAddrPort(a) }

// Handle is a local address whose port the system chooses, for connections that
// processes make: see [inet.Handle]. Processes that use the same Handle with the
// same remote address share a connection. After a connection has ended, the same
// Handle makes another one.
func Handle(id string) Addr { return inet.Handle(id) }

// Listener is a local address at which connections arrive: see
// [inet.Listener]. With port 0 the system chooses one: [Listening] says which.
func Listener(host string, port uint16) Addr { return inet.Listener(host, port) }

// NamedListener is a listener whose host and port are in Config.Addresses: see
// [inet.NamedListener].
func NamedListener(name string) Addr { return inet.NamedListener(name) }

// NamedRemote is the address of a peer whose host and port are in Config.Addresses: see
// [inet.NamedRemote].
func NamedRemote(name string) Addr { return inet.NamedRemote(name) }

// ParseListener returns the [Listener] for a text such as ":5999": see
// [inet.ParseListener].
func ParseListener(text string) (Addr, error) { return inet.ParseListener(text) }

// ParseRemote returns the [Remote] for a text such as "example.com:80": see
// [inet.ParseRemote].
func ParseRemote(text string) (Addr, error) { return inet.ParseRemote(text) }
