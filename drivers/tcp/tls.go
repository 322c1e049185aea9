package tcp

import (
	"crypto/tls"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// A keyring has the TLS settings of a driver, by name. Devices hold a pointer to it,
// because settings cannot be compared. The names of devices have only the names of
// settings.
type keyring struct{ settings map[string]*tls.Config }

func newKeyring(settings map[string]*tls.Config) *keyring {
	for name, s := range settings {
		switch {
		case s == nil:
			panic(fmt.Sprintf("tcp: Config.TLS[%q] is nil: give it settings; those of a client may be empty", name))
		case s.Renegotiation != tls.RenegotiateNever:
			panic(fmt.Sprintf("tcp: Config.TLS[%q] allows renegotiation, which would block writes; leave Renegotiation zero", name))
		}
	}
	return &keyring{maps.Clone(settings)}
}

// A security names the TLS settings of an address. The zero security is plain text.
type security struct {
	keys *keyring
	name string
}

// security returns the security of an address.
func (s settings) security(a Addr) security {
	name, ok := a.Security()
	if !ok {
		return security{}
	}
	return security{s.keys, name}
}

// isPlain reports whether s is plain text.
func (s security) isPlain() bool { return s == security{} }

// settings returns the settings that s names, or an error if there are none.
func (s security) settings() (*tls.Config, error) {
	if c, ok := s.keys.settings[s.name]; ok {
		return c, nil
	}
	there := "is empty"
	if len(s.keys.settings) > 0 {
		quoted := make([]string, 0, len(s.keys.settings))
		for _, name := range slices.Sorted(maps.Keys(s.keys.settings)) {
			quoted = append(quoted, fmt.Sprintf("%q", name))
		}
		there = "has " + strings.Join(quoted, ", ")
	}
	return nil, newFailure(ErrSettings, fmt.Sprintf("%q: the TLS field of the driver's Config %s", s.name, there), nil)
}

// server returns the settings of a server, or nil for plain text.
func (s security) server() (*tls.Config, error) {
	if s.isPlain() {
		return nil, nil
	}
	c, err := s.settings()
	if err == nil && len(c.Certificates) == 0 && c.GetCertificate == nil && c.GetConfigForClient == nil {
		return nil, newFailure(ErrSettings, fmt.Sprintf("%q: they have no certificate, and a server needs one: set Certificates or GetCertificate", s.name), nil)
	}
	return c, err
}

// client returns the settings of a client that connects to a host, or nil for
// plain text.
func (s security) client(host string) (*tls.Config, error) {
	if s.isPlain() {
		return nil, nil
	}
	c, err := s.settings()
	if err != nil || c.ServerName != "" {
		return c, err
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		host = ip.WithZone("").String() // certificates have no zones
	}
	c = c.Clone()
	c.ServerName = host
	return c, nil
}
