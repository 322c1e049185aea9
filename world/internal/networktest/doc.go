// Package networktest tests the common behaviour of all implementations of
// [world.Network] and [world.PacketNetwork]: the network of the operating system,
// and the simulated one that takes its place in tests. Both packages run all tests
// of this package, so that the two do not diverge.
package networktest

import (
	"testing"

	"github.com/go-marketplace/marketplace/world"
)

// A Network has both connections and datagrams.
type Network interface {
	world.Network
	world.PacketNetwork
}

// A Runner calls a test once, with a network that no other test uses. It may do
// so in a bubble of testing/synctest.
type Runner func(t *testing.T, test func(t *testing.T, network Network))
