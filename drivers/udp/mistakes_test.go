package udp_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/drivers/udp"
)

// list is a network that cannot be compared.
type list []string

func (list) NetworkName() string { return "list" }

func (list) ListenPacket(context.Context, string, string) (net.PacketConn, error) {
	return nil, net.ErrClosed
}

func (list) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return nil, net.ErrClosed
}

func TestMistakesPanic(t *testing.T) {
	for name, c := range map[string]udp.Config{
		"Config.Network":       {Network: list{}},
		"Config.ReceiveBuffer": {ReceiveBuffer: -1},
		"Config.LookupLimit":   {LookupLimit: -1},
		"Config.LookupLife":    {LookupLife: -1},
	} {
		func() {
			defer func() {
				if text := fmt.Sprint(recover()); !strings.HasPrefix(text, "udp: "+name) {
					t.Errorf("%s: the panic says: %s", name, text)
				}
			}()
			c.Driver()
		}()
	}
}

// A port out of range is an error for the caller that parses it.
func TestDR60PortsOutOfRange(t *testing.T) {
	for _, text := range []string{"localhost:65536", "localhost:-1", "localhost:domain", "localhost"} {
		if a, err := udp.ParseListener(text); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("ParseListener(%q) is %v, %v", text, a, err)
		}
		if a, err := udp.ParseRemote(text); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("ParseRemote(%q) is %v, %v", text, a, err)
		}
	}
	if a, err := udp.ParseListener(":5353"); a != udp.Listener("", 5353) || err != nil {
		t.Error(a, err)
	}
	if a, err := udp.ParseRemote("localhost:53"); a != udp.Remote("localhost", 53) || err != nil {
		t.Error(a, err)
	}
}
