package udp

import (
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/world/simnet"
)

// TestNamedListener: a socket for a named listener is opened at the value in the Config, and a
// name without a value is an error that has the name.
func TestNamedListener(t *testing.T) {
	network := simnet.New("test")
	s := Config{Network: network, Addresses: map[string]string{"dns": "10.0.0.1:53"}}.settings()
	h, err := newManager(s, NamedListener("dns")).socket.Open(t.Context(), quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if c, err := network.ListenPacket(t.Context(), "udp", "10.0.0.1:53"); err == nil {
		c.Close()
		t.Error("nobody listens at 10.0.0.1:53")
	}
	if _, err := newManager(s, NamedListener("other")).socket.Open(t.Context(), quiet()); err == nil || !strings.Contains(err.Error(), "listener($other) has no value") {
		t.Errorf("the error is %v", err)
	}
}
