package nats_test

import (
	"flag"
	"testing"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/nats"
	"github.com/go-marketplace/marketplace/distributed/networktest"
)

// TestNetwork: the network holds what every network has to, however its nodes are connected.
func TestNetwork(t *testing.T) {
	for name, make := range topologies {
		t.Run(name, func(t *testing.T) {
			networktest.Test(t, networktest.Config{Lossy: true, Make: func(t *testing.T, nodes ...string) []distributed.Network {
				return asNetworks(make(t, nodes...))
			}})
		})
	}
}

// calls is how many calls TestCalls makes; a soak has 1,000,000.
var calls = flag.Int("calls", 3000, "how many calls TestCalls makes, for each way to connect")

// TestCalls: no call over servers in the processes of the nodes is lost, doubled, or late. B-P04,
// B-F09.
func TestCalls(t *testing.T) {
	for _, name := range []string{"embedded", "leaf and hub"} {
		t.Run(name, func(t *testing.T) {
			ns := topologies[name](t, "client", "home")
			networktest.Calls(t, ns[0], ns[1], *calls)
		})
	}
}

var _ distributed.Network = (*nats.Network)(nil)
