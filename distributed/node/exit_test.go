//go:build linux

package node_test

import (
	"errors"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/node"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// enders is a program that tells a node to end, and is present there after that.
var enders = node.NewProgram("node_test.ender", func(name string) actions.SpawnProcess {
	at := distributed.Place{Node: name}
	return actions.Spawn(actions.Stateless(endpoint.Subscriber(distributed.Reach(at), endpoint.OnPresence(func(distributed.Up) actions.Action {
		return actions.Group(node.Exit(name), at.At(endpoint.Publisher(topic.All[counter]())))
	}))))
})

func init() {
	// Nodes of the realm may have endpoints here, and send nothing.
	distributed.RegisterAdmission("node_test.silence", func(w distributed.Wish) error {
		if w.Sent.Value() != nil {
			return errors.New("nobody sends messages here")
		}
		return nil
	})
}

// TestWhoEndsANode: a node of the realm can end another one, unless that has an admission that
// forbids it. B-F02.
func TestWhoEndsANode(t *testing.T) {
	for _, admission := range []distributed.Admission{"", "node_test.silence"} {
		present := make(chan struct{}, 1)
		c := patient("master")
		c.Admission = admission
		h := c.Start(t.Context(), wants(endpoint.Subscriber(topic.All[counter](), endpoint.OnPresence(func(counter) actions.Action {
			present <- struct{}{}
			return nil
		}))), logs(t))
		must(t, h.Spawn(within(t), "far", node.InProcess{Programs: node.List("node_test.ender")}, node.Never))
		err := h.Run(within(t), place, enders.With("master"), node.Never)
		switch {
		case admission == "":
			if err == nil {
				err = h.WaitNode(within(t), "far") // the host has ended before
			}
			if !errors.Is(err, door.ErrClosed) {
				t.Errorf("the host goes on: %v", err)
			}
		case err != nil:
			t.Error(err)
		default:
			select {
			case <-present: // the message has come before
			case <-time.After(20 * time.Second):
				t.Fatal("the program is not there")
			}
			must(t, h.Run(within(t), distributed.Place{Node: "far", Name: "other"}, enders.With("master"), node.Never))
		}
		must(t, h.Close())
	}
}
