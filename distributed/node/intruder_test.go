//go:build linux

package node_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/node"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
)

// An attempt is what an intruder tries, with a file that shows that it has succeeded.
type attempt struct{ How, File string }

// An intruder is a program that tries to start a process on another node.
var intruders = node.NewProgram("node_test.intruder", func(a attempt) actions.SpawnProcess {
	master := distributed.Place{Node: "master"}
	how := node.Local{Binary: "/bin/sh", Args: node.List("-c", "touch "+a.File)}
	return actions.Spawn(actions.Stateless(actions.Yield(func(struct{}) actions.Transition[struct{}] {
		if a.How == "want" {
			return actions.Next(struct{}{}, master.At(endpoint.Publisher(node.LaunchedTopic("x", how, node.Never))))
		}
		return actions.Next(struct{}{}, rpc.CallNamed("node.host.spawn", node.Spawning("x", how, node.Never), stolen, struct{}{}, rpc.At(master)))
	})))
})

var stolen = rpc.DefineThen("node_test.stolen", func(s, _ struct{}, _ any, err error) actions.Transition[struct{}] {
	return actions.Next(s, actions.Fail(err))
})

// TestIntruder: other nodes of the realm have programs run, and nothing else: no node can make
// another one start a process. B-P02, B-F01.
func TestIntruder(t *testing.T) {
	h := hosting(t)
	must(t, h.Spawn(t.Context(), "far", node.InProcess{Programs: node.List("node_test.intruder")}, node.Never))
	file := filepath.Join(t.TempDir(), "intruded")
	for _, how := range []string{"want", "call"} {
		err := h.Run(t.Context(), place, intruders.With(attempt{how, file}), node.Never)
		if err == nil {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			err = h.Wait(ctx, place)
			cancel()
		}
		if !errors.Is(err, distributed.ErrUnsendable) {
			t.Errorf("%s: the intruder has ended with %v", how, err)
		}
		if _, err := os.Stat(file); err == nil {
			t.Errorf("%s: the intruder has started a process", how)
		}
		_, err = h.Release(t.Context(), place)
		must(t, err)
	}
}
