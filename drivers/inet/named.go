package inet

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// NamedListener is a [Listener] whose host and port a driver looks up when it opens the socket:
// in the Addresses of its Config. So where a program listens is no part of the state of a
// process, and of no journal: a program that goes on from a journal with another address opens
// that. NamedListener panics unless the name has only letters, digits, ".", "_" and "-".
func NamedListener(name string) Addr {
	checkName("NamedListener", name)
	return intern(addr{kind: KindListener, host: mark + name, id: name, text: "listener(" + mark + name + ")"})
}

// NamedRemote is a [Remote] whose host and port a driver looks up when it connects, as for a
// [NamedListener]. Only package tcp knows such addresses.
func NamedRemote(name string) Addr {
	checkName("NamedRemote", name)
	return intern(addr{kind: KindRemote, host: mark + name, id: name, text: mark + name})
}

// mark comes before the name of an address, in its host and its text. No host begins with it.
const mark = "$"

func checkName(function, name string) {
	if !isName(name) {
		panic(fmt.Sprintf("inet: %s(%q): a name has letters, digits, \".\", \"_\" and \"-\", and at least one of these", function, name))
	}
}

func isName(s string) bool {
	for _, r := range s {
		if !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._-", r)) {
			return false
		}
	}
	return s != ""
}

// Name returns the name of a [NamedListener] or a [NamedRemote]. It reports false for other
// addresses.
func (a Addr) Name() (name string, ok bool) {
	v := a.get()
	return v.id, v.kind != KindHandle && v.id != "" && v.host == mark+v.id
}

// Addresses has the values of named addresses: host:port, by name. Drivers hold a pointer to it,
// because devices are compared.
type Addresses struct{ values map[string]string }

// NewAddresses returns the addresses with these values. It panics if a value is not host:port.
func NewAddresses(values map[string]string) *Addresses {
	for name, value := range values {
		if _, err := ParseListener(value); err != nil || !isName(name) {
			panic(fmt.Sprintf("inet: the address %q has the value %q: it must have a name of letters, digits, \".\", \"_\" and \"-\", and the form host:port or :port", name, value))
		}
	}
	return &Addresses{maps.Clone(values)}
}

// Resolve returns the address that a named address stands for, with the same settings for TLS, and
// other addresses as they are. An error says that a name has no value, or that a remote address has
// no host.
func (s *Addresses) Resolve(a Addr) (Addr, error) {
	name, ok := a.Name()
	if !ok {
		return a, nil
	}
	if s == nil {
		s = &Addresses{}
	}
	value, ok := s.values[name]
	if !ok {
		there := "has none"
		if len(s.values) > 0 {
			there = "has " + strings.Join(slices.Sorted(maps.Keys(s.values)), ", ")
		}
		return a, fmt.Errorf("inet: the address %v has no value: the Addresses field of the driver's Config %s", a, there)
	}
	parse := ParseListener
	if a.Kind() == KindRemote {
		parse = ParseRemote
	}
	at, err := parse(value)
	if settings, ok := a.Security(); ok && err == nil {
		at = at.TLS(settings)
	}
	return at, err
}
