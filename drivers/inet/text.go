package inet

import (
	"encoding"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
)

var (
	_ encoding.TextAppender    = Addr{}
	_ encoding.TextMarshaler   = Addr{}
	_ encoding.TextUnmarshaler = (*Addr)(nil)
)

// ParseListener returns the [Listener] for a text such as ":5999", which is all
// interfaces, "127.0.0.1:5999" or "[::1]:5999". The port is a number.
func ParseListener(text string) (Addr, error) {
	host, port, err := split(text)
	if err != nil {
		return Addr{}, fmt.Errorf("inet: %q is not an address to listen at: %w; write host:port or :port", text, err)
	}
	return Listener(host, port), nil
}

// ParseRemote returns the [Remote] for a text such as "example.com:80",
// "127.0.0.1:80" or "[::1]:80". The port is a number.
func ParseRemote(text string) (Addr, error) {
	host, port, err := split(text)
	if err == nil && host == "" {
		err = fmt.Errorf("the host is missing")
	}
	if err != nil {
		return Addr{}, fmt.Errorf("inet: %q is not an address to connect to: %w; write host:port", text, err)
	}
	return Remote(host, port), nil
}

func split(text string) (host string, port uint16, err error) {
	host, number, err := net.SplitHostPort(text)
	if err != nil {
		if e, ok := err.(*net.AddrError); ok {
			err = fmt.Errorf("%s", e.Err) // without the text, which the caller adds
		}
		return "", 0, err
	}
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("the port %q is not a number from 0 to 65535", number)
	}
	return host, uint16(n), nil
}

// AppendText appends the text of [Addr.String].
func (a Addr) AppendText(b []byte) ([]byte, error) { return append(b, a.String()...), nil }

// MarshalText returns the text of [Addr.String].
func (a Addr) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText sets a to the address with the given text, as [Addr.String] and
// [Addr.MarshalText] write it.
func (a *Addr) UnmarshalText(text []byte) error {
	s := string(text)
	parsed, ok := parse(s)
	if !ok || parsed.String() != s {
		return fmt.Errorf("inet: %q is not the text of an address, as Addr.String returns it", s)
	}
	*a = parsed
	return nil
}

func parse(s string) (Addr, bool) {
	if s == "none" {
		return Addr{}, true
	}
	if a, ok := parseHandle(s); ok {
		return a, true
	}
	if a, ok := parseTLS(s); ok {
		return a, true
	}
	// A remote address ends with a digit, and a listener with a parenthesis.
	if inner, ok := strings.CutSuffix(s, ")"); ok {
		at, ok := strings.CutPrefix(inner, "listener(")
		if name, named := strings.CutPrefix(at, mark); ok && named && isName(name) {
			return NamedListener(name), true
		}
		host, port, which, parsed := cut(at)
		if !ok || !parsed || which != "" {
			return Addr{}, false
		}
		return Listener(host, port), true
	}
	if name, named := strings.CutPrefix(s, mark); named && isName(name) {
		return NamedRemote(name), true
	}
	host, port, which, ok := cut(s)
	if !ok || host == "" {
		return Addr{}, false
	}
	return newRemote(canonical(host), port, which), true
}

func parseHandle(s string) (Addr, bool) {
	quoted, ok := strings.CutPrefix(s, "handle(")
	id, err := strconv.Unquote(strings.TrimSuffix(quoted, ")"))
	if !ok || err != nil || id == "" {
		return Addr{}, false
	}
	return Handle(id), true
}

// parseTLS parses an address with TLS. It tries each mark in the text, because a host and
// the name of settings can contain any text.
func parseTLS(s string) (Addr, bool) {
	const mark = "+tls("
	for i := strings.LastIndex(s, mark); i >= 0; i = strings.LastIndex(s[:i], mark) {
		settings, err := strconv.Unquote(strings.TrimSuffix(s[i+len(mark):], ")"))
		if err != nil {
			continue
		}
		if a, ok := parse(s[:i]); ok && (a.Kind() == KindRemote || a.Kind() == KindListener) {
			return a.TLS(settings), true
		}
	}
	return Addr{}, false
}

// cut parses host:port or host:port#which. It is the reverse of [net.JoinHostPort], for
// any host.
func cut(s string) (host string, port uint16, which string, ok bool) {
	colon := strings.LastIndexByte(s, ':')
	if colon < 0 {
		return "", 0, "", false
	}
	host = s[:colon]
	number, which, numbered := strings.Cut(s[colon+1:], "#")
	n, err := strconv.ParseUint(number, 10, 16)
	if err != nil {
		return "", 0, "", false
	}
	if _, err := strconv.ParseUint(which, 10, 0); numbered && err != nil {
		return "", 0, "", false
	}
	if inner := strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"); len(inner) == len(host)-2 && strings.Contains(inner, ":") {
		host = inner
	}
	return host, uint16(n), which, true
}

func isNil(a net.Addr) bool {
	v := reflect.ValueOf(a)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

// unknown stands for an address that a network does not give.
var unknown = Remote("unknown", 0)

// Of returns an address of package net as a [Remote], for any network. It returns
// unknown:0 for nil and for an address without a text.
func Of(a net.Addr) Addr {
	if t, ok := a.(interface{ AddrPort() netip.AddrPort }); ok && !isNil(a) {
		if ap := t.AddrPort(); ap.IsValid() {
			return RemoteAddrPort(ap)
		}
	}
	if a == nil || a.String() == "" {
		return unknown
	}
	text := a.String()
	if host, port, err := split(text); err == nil && host != "" {
		return Remote(host, port)
	}
	return Remote(text, 0) // a network of another kind, such as a pipe
}
