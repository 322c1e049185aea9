//go:build linux

package node_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/node"
	"github.com/go-marketplace/marketplace/rpc"
)

// twoHosts runs a test with two hosts that use the node "far", which runs counters.
func twoHosts(t *testing.T, f func(t *testing.T, one, two *node.Host)) {
	synctest.Test(t, func(t *testing.T) {
		network := distributed.Memory()
		var hosts []*node.Host
		for _, name := range []string{"far", "one", "two"} {
			h := node.New(network.Node(name), counters, failing).Start(t.Context())
			defer func() { must(t, h.Close()) }()
			hosts = append(hosts, h)
		}
		f(t, hosts[1], hosts[2])
	})
}

// adds adds 1 to the counter, and expects what it has then.
func adds(t *testing.T, h *node.Host, want int) {
	t.Helper()
	if n := call(t, h, add, 1); n != want {
		t.Errorf("the counter has %d, want %d", n, want)
	}
}

// released releases the place, and expects whether the host has wanted it.
func released(t *testing.T, h *node.Host, want bool) {
	t.Helper()
	if was, err := h.Release(t.Context(), place); was != want || err != nil {
		t.Errorf("node %q has wanted the place: %v, %v, want %v", h.Node(), was, err, want)
	}
}

// expectGone expects that the place does not run.
func expectGone(t *testing.T, h *node.Host) {
	t.Helper()
	synctest.Wait()
	if n, err := rpc.Do(t.Context(), h.Client(), add, 1, rpc.At(place)); !errors.Is(err, rpc.ErrUnreachable) {
		t.Errorf("the place runs, and its counter has %d, %v", n, err)
	}
}

// TestTwoHosts: two hosts that want the same program at a place share it, with its state, until
// the last one does not want it any more, or has ended. DP-07, B-P19.
func TestTwoHosts(t *testing.T) {
	twoHosts(t, func(t *testing.T, one, two *node.Host) {
		for range 2 {
			for _, h := range []*node.Host{one, two} {
				must(t, h.Run(t.Context(), place, counters.With(5), node.Always))
			}
			adds(t, one, 6)
			adds(t, two, 7)
			released(t, one, true)
			synctest.Wait()
			adds(t, two, 8)
			adds(t, one, 9) // it can be used by those who do not want it
			released(t, two, true)
			expectGone(t, one)
		}
		must(t, one.Run(t.Context(), place, counters.With(5), node.Always))
		must(t, two.Run(t.Context(), place, counters.With(5), node.Always))
		adds(t, one, 6)
		must(t, one.Close())
		synctest.Wait()
		adds(t, two, 7)
		ended := make(chan error)
		go func() { ended <- two.Wait(t.Context(), place) }()
		synctest.Wait()
		breaks(t, two, "broke")
		if err := <-ended; !errors.Is(err, errBroke) {
			t.Errorf("the end of the place: %v", err)
		}
		adds(t, two, 6)
	})
}

// TestTwoHostsWantOneName: of two hosts that want something else at one place, the one that comes
// first has it. The other one hears ErrConflict, and has to ask again when the place is free.
// B-P19.
func TestTwoHostsWantOneName(t *testing.T) {
	twoHosts(t, func(t *testing.T, one, two *node.Host) {
		must(t, one.Run(t.Context(), place, counters.With(5), node.Always))
		adds(t, one, 6)
		for what, err := range map[string]error{
			"other arguments":  two.Run(t.Context(), place, counters.With(7), node.Always),
			"another Restart":  two.Run(t.Context(), place, counters.With(5), node.Never),
			"another program":  two.Run(t.Context(), place, failing.With(""), node.Always),
			"an unknown name":  two.Run(t.Context(), place, node.Spec{Program: "nobody"}, node.Always),
			"the same, itself": one.Run(t.Context(), place, counters.With(7), node.Always),
		} {
			if !errors.Is(err, node.ErrConflict) || !strings.Contains(err.Error(), `"counter"`) {
				t.Errorf("%s: %v", what, err)
			}
		}
		adds(t, two, 7) // it can be used by those who want something else there
		released(t, two, false)
		released(t, one, true)
		expectGone(t, one)
		must(t, two.Run(t.Context(), place, counters.With(7), node.Always))
		adds(t, one, 8)
		if err := one.Run(t.Context(), place, counters.With(5), node.Always); !errors.Is(err, node.ErrConflict) {
			t.Errorf("%v", err)
		}
		released(t, two, true)
		expectGone(t, two)
	})
}

// TestTwoHostsAtOnce: the same if both ask at the same time: one of them has it.
func TestTwoHostsAtOnce(t *testing.T) {
	twoHosts(t, func(t *testing.T, one, two *node.Host) {
		for range 20 {
			hosts, errs := []*node.Host{one, two}, make([]error, 2)
			var both sync.WaitGroup
			for i, h := range hosts {
				both.Go(func() { errs[i] = h.Run(t.Context(), place, counters.With(10*i), node.Always) })
			}
			both.Wait()
			first := 0
			if errs[0] != nil {
				first = 1
			}
			if errs[first] != nil || !errors.Is(errs[1-first], node.ErrConflict) {
				t.Fatalf("both hear %v", errs)
			}
			adds(t, hosts[1-first], 10*first+1)
			released(t, hosts[1-first], false)
			released(t, hosts[first], true)
			expectGone(t, one)
		}
	})
}

// TestHostIsCutOff: a place goes on for a lease when the link to the only host that wants it is
// lost, and the host has it again; the other one cannot take it meanwhile.
func TestHostIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := distributed.Memory()
		far := node.New(network.Node("far"), counters).Start(t.Context())
		one, two := node.New(network.Node("one")).Start(t.Context()), node.New(network.Node("two")).Start(t.Context())
		defer func() {
			for _, h := range []*node.Host{far, one, two} {
				must(t, h.Close())
			}
		}()
		must(t, one.Run(t.Context(), place, counters.With(5), node.Always))
		adds(t, one, 6)
		network.Cut("one", "far")
		if err := two.Run(t.Context(), place, counters.With(7), node.Always); !errors.Is(err, node.ErrConflict) {
			t.Errorf("%v", err)
		}
		time.Sleep(2 * time.Second) // of the bubble
		adds(t, one, 7)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		must(t, one.Run(ctx, place, counters.With(5), node.Always))
	})
}
