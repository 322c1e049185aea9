package nats_test

import (
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

var _ distributed.Network = (*nats.Network)(nil)
