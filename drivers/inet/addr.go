package inet

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unique"
)

// An Addr is the address of one side of a connection or a packet: a [Remote], a [Handle]
// or a [Listener]. Addrs are equal if they are of the same kind and have the same parts.
// The zero Addr is no address.
//
// An Addr takes one machine word, and comparing two of them is as fast as comparing
// words.
type Addr struct{ h unique.Handle[addr] }

// addr is what an Addr stands for.
type addr struct {
	kind Kind
	host string
	port uint16
	id   string // of a handle; the number of a remote address: see Addr.ID; or the name of a named address
	tls  string // the name of the settings after a "+", or empty without TLS
	text string // what String returns
}

// A Kind tells the kinds of address apart.
type Kind uint8

// The kinds of address.
const (
	KindNone     Kind = iota // the zero Addr
	KindRemote               // the address of a peer
	KindHandle               // a local address whose port the system chooses
	KindListener             // a local address at which connections arrive
)

// String returns the name of the kind, in lower case.
func (k Kind) String() string {
	switch k {
	case KindNone:
		return "none"
	case KindRemote:
		return "remote"
	case KindHandle:
		return "handle"
	case KindListener:
		return "listener"
	}
	return "Kind(" + strconv.Itoa(int(k)) + ")"
}

// Remote is the address of a peer. The host is a name, which the driver looks up when it
// connects or sends, or an IPv4 or IPv6 address, with a zone or without. Peers that
// connect to a listener have numeric addresses. Numeric addresses are equal in whatever
// form they are written; names are equal only if they are the same string. Remote panics
// if the host is empty.
func Remote(host string, port uint16) Addr {
	if host == "" {
		panic(fmt.Sprintf("inet: Remote with an empty host and port %d: give it a host, such as \"localhost\"", port))
	}
	return newRemote(canonical(host), port, "")
}

// RemoteAddrPort is the numeric address of a peer. It panics if the address is not
// valid.
func RemoteAddrPort(a netip.AddrPort) Addr {
	if !a.IsValid() {
		panic("inet: RemoteAddrPort of an invalid address: check it with its IsValid method")
	}
	return newRemote(a.Addr().Unmap().String(), a.Port(), "")
}

// Handle is a local address whose port the system chooses. The id names it in its
// machine: processes that use the same id share a socket or, for the same remote
// address, a connection. Handle panics if the id is empty.
func Handle(id string) Addr {
	if id == "" {
		panic("inet: Handle with an empty id: give it an id that nothing else in the machine uses")
	}
	return intern(addr{kind: KindHandle, id: id, text: "handle(" + strconv.Quote(id) + ")"})
}

// Listener is a local address at which connections or packets arrive. The host is the
// address of an interface, or a name for it; an empty host stands for all interfaces.
// With port 0 the system chooses one: a Listening of package tcp or package udp says
// which.
func Listener(host string, port uint16) Addr {
	host = canonical(host)
	return intern(addr{kind: KindListener, host: host, port: port, text: "listener(" + hostPort(host, port) + ")"})
}

// newRemote is Remote for a host in its canonical form. Which is the number of the
// address: see Addr.ID.
func newRemote(host string, port uint16, which string) Addr {
	text := hostPort(host, port)
	if which != "" {
		text += "#" + which
	}
	return intern(addr{kind: KindRemote, host: host, port: port, id: which, text: text})
}

func intern(a addr) Addr { return Addr{unique.Make(a)} }

// canonical returns the canonical form of a numeric address, and names as they are.
func canonical(host string) string {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().String()
	}
	return host
}

func hostPort(host string, port uint16) string {
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}

func (a Addr) get() addr {
	if a == (Addr{}) {
		return addr{text: "none"}
	}
	return a.h.Value()
}

// Kind returns the kind of a.
func (a Addr) Kind() Kind { return a.get().kind }

// Host returns the host of a remote address or a listener. It is empty for
// handles, and for listeners on all interfaces.
func (a Addr) Host() string { return a.get().host }

// Port returns the port of a remote address or a listener, and 0 for handles.
func (a Addr) Port() uint16 { return a.get().port }

// ID returns the id of a handle, and the name of a named address. For others it is empty, with one exception: a
// peer can have several connections open at once from the same port to the same listener,
// through several addresses of this host. From the second one on, the ID of the peer is
// the number of the connection.
func (a Addr) ID() string { return a.get().id }

// String returns a text that no other address has:
//
//	127.0.0.1:80         a remote address
//	[fe80::1%eth0]:80    another one
//	handle("chat")       a handle
//	listener(:5999)      a listener
//	listener(:443)+tls("web")
//	listener($web)       a named listener
//	$database            a named remote address
//	none                 the zero Addr
func (a Addr) String() string { return a.get().text }

// HostPort returns the host and the port of a in the form of package net. Those of a named address
// are known only to a driver: see [Addresses].
func (a Addr) HostPort() string { return hostPort(a.Host(), a.Port()) }

// IsLocal reports whether a is an address on this side: a [Handle] or a
// [Listener].
func (a Addr) IsLocal() bool { return a.Kind() == KindHandle || a.Kind() == KindListener }

// Numbered returns the remote address for the nth connection that is open between the
// same two addresses: see [Addr.ID].
func (a Addr) Numbered(n int) Addr { return newRemote(a.Host(), a.Port(), strconv.Itoa(n)) }

// TLS returns the address with TLS. The driver has the settings under the given name: see
// the Config of package tcp. TLS panics if a is neither a [Remote] nor a [Listener].
func (a Addr) TLS(settings string) Addr {
	v := a.get()
	if v.kind != KindRemote && v.kind != KindListener {
		panic(fmt.Sprintf("inet: TLS of %v: only a Remote or a Listener can have TLS", a))
	}
	v.text = strings.TrimSuffix(v.text, v.tlsText())
	v.tls = "+" + settings
	v.text += v.tlsText()
	return intern(v)
}

func (a addr) tlsText() string {
	if a.tls == "" {
		return ""
	}
	return "+tls(" + strconv.Quote(a.tls[1:]) + ")"
}

// Security returns the name of the settings given to [Addr.TLS], and whether a has TLS.
func (a Addr) Security() (settings string, ok bool) { return strings.CutPrefix(a.get().tls, "+") }

// ByText is a comparer for package immutable. It orders addresses by their texts, which
// is the same order in every run.
type ByText struct{}

// Compare returns a negative number if a comes before b, a positive one if it
// comes after b, and zero if they are equal.
func (ByText) Compare(a, b Addr) int {
	if a == b {
		return 0
	}
	return cmp.Compare(a.String(), b.String())
}
