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

// An Addr is one end of what goes to and fro: a [Remote], a [Handle] or a
// [Listener]. Addrs
// are equal if they are of the same kind and have the same parts. The zero Addr
// is no address.
//
// An Addr takes one machine word, and comparing two of them costs no more than
// comparing words.
type Addr struct{ h unique.Handle[addr] }

// addr is what an Addr stands for.
type addr struct {
	kind Kind
	host string
	port uint16
	id   string // of a handle; of a remote address, which of several it is
	tls  string // the name of the settings, with a mark before it: see TLS
	text string // made of the others
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

// Remote is the address of a peer. The host is a name, which is looked up when a
// connection is made, or an IPv4 or IPv6 address, with a zone or without.
// Peers that connect to a listener have numeric addresses. Equal numeric
// addresses are equal however they are written, names only if they are the same
// string. Remote panics if the host is empty.
func Remote(host string, port uint16) Addr {
	if host == "" {
		panic(fmt.Sprintf("inet: Remote with an empty host and port %d: name the host to connect to, such as \"localhost\"", port))
	}
	return newRemote(canonical(host), port, "")
}

// RemoteAddrPort is the address of a peer, in numbers. It panics if the address
// is the zero AddrPort.
func RemoteAddrPort(a netip.AddrPort) Addr {
	if !a.IsValid() {
		panic("inet: RemoteAddrPort of an invalid address: check it with its IsValid method")
	}
	return newRemote(a.Addr().Unmap().String(), a.Port(), "")
}

// Handle is a local address whose port the system chooses, for connections that
// processes make. The id, which is not empty, names it in its machine:
// processes that use the same one, with the same remote address, share a
// connection. Once a connection has ended, the same handle makes another one.
func Handle(id string) Addr {
	if id == "" {
		panic("inet: Handle with an empty id: give it a name that nobody else in the machine uses")
	}
	return intern(addr{kind: KindHandle, id: id, text: "handle(" + strconv.Quote(id) + ")"})
}

// Listener is a local address at which connections arrive. The host is an
// interface's address or name; if it is empty, that is all interfaces. With port
// 0 the system chooses one: [Listening] says which.
func Listener(host string, port uint16) Addr {
	host = canonical(host)
	return intern(addr{kind: KindListener, host: host, port: port, text: "listener(" + hostPort(host, port) + ")"})
}

// remote is Remote for a host in its canonical form. Which tells apart the
// connections that are open at the same time between the same addresses.
func newRemote(host string, port uint16, which string) Addr {
	text := hostPort(host, port)
	if which != "" {
		text += "#" + which
	}
	return intern(addr{kind: KindRemote, host: host, port: port, id: which, text: text})
}

func intern(a addr) Addr { return Addr{unique.Make(a)} }

// canonical returns the one way in which an address in numbers is written, and
// leaves names alone.
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

// ID returns the id of a handle. For other addresses it is empty, but for a peer
// that has several connections open at once from the same port to the same
// listener, by way of several addresses of this host: from the second one on, it
// is the number of the connection.
func (a Addr) ID() string { return a.get().id }

// String returns a text that no other address has:
//
//	127.0.0.1:80         a remote address
//	[fe80::1%eth0]:80    another one
//	handle("chat")       a handle
//	listener(:5999)      a listener
//	listener(:443)+tls("web")
//	none                 the zero Addr
func (a Addr) String() string { return a.get().text }

// HostPort returns the host and the port of a as package net takes them.
func (a Addr) HostPort() string { return hostPort(a.Host(), a.Port()) }

// IsLocal reports whether a is an address on this side: a [Handle] or a
// [Listener].
func (a Addr) IsLocal() bool { return a.Kind() == KindHandle || a.Kind() == KindListener }

// Numbered returns the remote address that stands for the nth connection that is
// open between two addresses: see [Addr.ID].
func (a Addr) Numbered(n int) Addr { return newRemote(a.Host(), a.Port(), strconv.Itoa(n)) }

// TLS returns the address with TLS spoken there, with the settings that the
// driver knows by the name: see the driver's Config. It panics if a is neither a
// [Remote] nor a [Listener].
func (a Addr) TLS(settings string) Addr {
	v := a.get()
	if v.kind != KindRemote && v.kind != KindListener {
		panic(fmt.Sprintf("inet: TLS of %v: it is for a Remote or a Listener", a))
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

// Security returns the name of the settings given to [Addr.TLS], and whether
// there are any.
func (a Addr) Security() (settings string, ok bool) { return strings.CutPrefix(a.get().tls, "+") }

// ByText orders addresses by their texts, and so alike in every run. It is a
// comparer for package immutable.
type ByText struct{}

// Compare returns a negative number if a comes before b, a positive one if it
// comes after b, and zero if they are equal.
func (ByText) Compare(a, b Addr) int {
	if a == b {
		return 0
	}
	return cmp.Compare(a.String(), b.String())
}
