package distributed_test

import (
	"testing"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/networktest"
)

// TestMemory: the network in memory keeps what every network has to.
func TestMemory(t *testing.T) {
	networktest.Test(t, networktest.Config{Make: func(t *testing.T, nodes ...string) (all []distributed.Network) {
		m := distributed.Memory()
		for _, n := range nodes {
			all = append(all, m.Node(n))
		}
		return all
	}})
}
