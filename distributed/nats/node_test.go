package nats_test

import (
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/nats"
	"github.com/go-marketplace/marketplace/distributed/node"
	"github.com/go-marketplace/marketplace/rpc"
)

var sum = rpc.Define[int, int]("nats_test.sum")

// adder is a program that adds a number to others.
var adder = node.NewProgram("nats_test.adder", func(n int) actions.SpawnProcess {
	return actions.Spawn(rpc.Serve(n, rpc.Handle(sum, func(n, m int) (int, int, error) { return n, n + m, nil })))
})

// TestSpawnedNodes: nodes that are started from one on NATS are leaves of its server. Their
// places are reached from it.
func TestSpawnedNodes(t *testing.T) {
	hub, err := nats.Open(t.Context(), nats.Config{Node: "master", Listen: "127.0.0.1:0", RealmKeyFile: realmKey(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer hub.Close()
	h := node.New(hub).Start(t.Context())
	defer h.Close()
	if err := h.SpawnAll(t.Context(), map[string]node.Launcher{"a": node.Local{}, "b": node.Local{}}, node.Always); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"a", "b"} {
		at := distributed.Place{Node: name, Name: "adder"}
		if err := h.Run(t.Context(), at, adder.With(10*i), node.Always); err != nil {
			t.Fatal(err)
		}
		if n, err := rpc.Do(t.Context(), h.Client(), sum, 1, rpc.At(at)); n != 10*i+1 || err != nil {
			t.Errorf("%s: %d, %v", name, n, err)
		}
	}
	if err := h.Spawn(t.Context(), "c", node.Local{Addr: "127.0.0.1:0"}, node.Never); err == nil {
		t.Error("a node that listens: no error")
	}
}
