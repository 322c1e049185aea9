//go:build linux

package node_test

import (
	"math"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/node"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/supervise"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
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

// TestHostileWishes: what nodes of the realm want, and what makes no sense, is refused with a
// reason, and the node goes on.
func TestHostileWishes(t *testing.T) {
	r := newRig(t)
	long := strings.Repeat("x", 10_000)
	for _, w := range []topic.Pattern[node.Wanted]{
		node.WantedTopic("", counters.With(1), node.Always),
		node.WantedTopic(long[:256], counters.With(1), node.Always),
		node.WantedTopic("x", node.Spec{Program: long}, node.Always),
		node.WantedTopic("x", node.Spec{Program: "node_test.counter", Args: long}, node.Always),
		node.WantedTopic("x", node.Spec{Program: "node_test.counter", Args: "\xff"}, node.Always),
		node.WantedTopic("x", counters.With(1), node.Restart{When: 255}),
		node.WantedTopic("x", counters.With(1), node.Restart{Period: math.MinInt64, Pause: supervise.Backoff{Min: -1}}),
		node.WantedTopic("x", counters.With(1), node.Restart{Intensity: math.MaxInt, Pause: supervise.Backoff{Max: 1}}),
		topic.All[node.Wanted](),
	} {
		p := vmtest.Publisher(r.m, w)
		if got := reasons(p, func(w node.Wanted) error { return w.Reason }); len(got) != 1 || got[0][0] != '!' {
			t.Errorf("%.80v: heard %.200q", w, got)
		}
		p.Close(nil)
	}
	r.want(counters.With(1), node.Always)
	r.expectPlaces(1)
}

// TestKeeperIsKilled: a keeper, and what starts nodes, that fails is started again, and all
// that is wanted with it; what it has started before ends. B-P19.
func TestKeeperIsKilled(t *testing.T) {
	r := newRig(t)
	w := r.want(counters.With(1), node.Always)
	vmtest.Publisher(r.m, node.LaunchedTopic("far", node.Local{}, node.Always))
	for range 3 {
		places, device := r.pids("counter"), r.device("node.child")
		for _, name := range []string{"keeper", "launcher"} {
			r.m.Perform(wants(actions.Kill(r.pids(name)[0], errBroke)))
		}
		if device.IsOpen() || r.devices("node.child") != 1 {
			t.Errorf("the old node runs: %v; %d nodes run", device.IsOpen(), r.devices("node.child"))
		}
		if now := r.pids("counter"); len(now) != 1 || now[0] == places[0] {
			t.Errorf("the places are %v, after %v", now, places)
		}
	}
	w.Close(nil)
	r.expectPlaces(0)
}
