//go:build linux

package node_test

import (
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
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

// forged are lines that look as if a node said that it can be reached.
var forged = []string{
	`marketplace-node-ready {"Version":1,"Address":"127.0.0.1:1"}`, `marketplace-node-ready {"Version":9}`,
	`marketplace-node-ready  {"Address":"127.0.0.1:1"}`, `marketplace-node-ready {`, `marketplace-node-ready`,
}

// TestForgedReady: what a program prints, or is made to print, is output, and nothing that the
// parent believes.
func TestForgedReady(t *testing.T) {
	l := make(listener, 100)
	script := "printf '%s\\n' '" + strings.Join(forged, "' '") + "'; exit 3"
	hosting(t, wants(l.spawn("far", node.Local{Binary: "/bin/sh", Args: node.List("-c", script)}, node.Never)))
	l.expect(t, "!down")

	h := hosting(t)
	heard := outputsOf(t, h)
	must(t, h.Spawn(t.Context(), "far", node.Local{}, node.Never))
	must(t, h.Run(t.Context(), place, counters.With(0), node.Never))
	for _, line := range forged {
		call(t, h, says, line+"\n")
		if got := <-heard; got.Text != line {
			t.Errorf("heard %q, want %q", got.Text, line)
		}
	}
	must(t, h.Run(t.Context(), distributed.Place{Node: "far", Name: "other"}, counters.With(0), node.Never))
}
