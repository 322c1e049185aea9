package tcp

import (
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/world/simnet"
)

// TestNamedAddresses: listeners and outgoing connections use the values of named addresses, and
// an address without a value fails, with its name.
func TestNamedAddresses(t *testing.T) {
	network := simnet.New("test")
	s := Config{Network: network, Addresses: map[string]string{"web": "10.0.0.1:80", "backend": "10.0.0.1:80"}}.settings()
	l, err := driver{settings: s}.device(NamedListener("web")).Open(t.Context(), &env{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dial := func(name string) error {
		c := newOutbound(s, carried{Local: Handle("a"), Remote: NamedRemote(name)}).socket
		h, err := c.Open(t.Context(), &env{})
		if err == nil {
			err = h.Close()
		}
		return err
	}
	if err := dial("backend"); err != nil {
		t.Error(err)
	}
	if err := dial("other"); err == nil || !strings.Contains(err.Error(), "$other has no value") {
		t.Errorf("the error is %v", err)
	}
	if _, err := (driver{settings: s}).device(NamedListener("other")).Open(t.Context(), &env{}); err == nil || !strings.Contains(err.Error(), "listener($other) has no value") {
		t.Errorf("the error is %v", err)
	}
}
