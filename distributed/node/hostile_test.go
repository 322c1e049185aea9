//go:build linux

package node_test

import (
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed/node"
	"github.com/go-marketplace/marketplace/endpoint"
)

// TestBriefWish: what is wanted and not wanted any more, before it was started, leaves nothing
// that runs; what is then wanted again runs once.
func TestBriefWish(t *testing.T) {
	r := newRig(t)
	place := endpoint.Publisher(node.WantedTopic("counter", counters.With(1), node.Always))
	far := endpoint.Publisher(node.LaunchedTopic("far", node.Local{}, node.Always))
	for _, e := range []actions.AddEndpoint{place, far} {
		e = e.As("w")
		r.m.Perform(wants(e, actions.Delete("w")))
		r.m.Perform(wants(e, actions.Delete("w"), e, actions.Delete("w")))
	}
	r.expectPlaces(0)
	if d := r.device("node.child"); d != nil {
		t.Errorf("nobody wants %s", d.Device().DeviceName())
	}
	r.m.Perform(wants(place.As("w"), actions.Delete("w"), place.As("w"), far.As("f"), actions.Delete("f"), far.As("f")))
	r.expectPlaces(1)
	if n := r.devices("node.child"); n != 1 {
		t.Errorf("%d nodes run, want 1", n)
	}
}
