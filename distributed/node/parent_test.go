//go:build linux

package node_test

import (
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed/node"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
)

// TestParentListensLater: a node that was started before its parent listens reaches its parent
// once that does.
func TestParentListensLater(t *testing.T) {
	c := patient("master")
	ctx := within(t)
	err := (&ground.Ground{Stay: true}).Run(ctx, timer.Driver(), c.Driver(), c.Launch(), logs(t), wants(
		node.Spawn("far", node.InProcess{Programs: node.List("node_test.ender")}, node.Never,
			endpoint.OnPresence(func(node.Launched) actions.Action { return c.Keep() })),
		node.Run(place, enders.With("master"), node.Never)))
	if err != nil || ctx.Err() != nil {
		t.Errorf("the node does not end its parent: %v", err)
	}
}
