//go:build linux

package node_test

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/node"
	"github.com/go-marketplace/marketplace/supervise"
	"github.com/go-marketplace/marketplace/vmtest"
)

// within returns a context that ends soon.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// TestDoneContext: a call whose context ends takes nothing from those that were made before.
func TestDoneContext(t *testing.T) {
	h := started(t, node.Always)
	must(t, h.Run(t.Context(), place, counters.With(5), node.Always))
	call(t, h, add, 1)
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range []error{
		h.Run(done, place, counters.With(5), node.Always),
		h.Spawn(done, "far", node.Local{}, node.Always),
		h.SpawnAll(done, map[string]node.Launcher{"far": node.Local{}}, node.Always),
		h.SpawnAll(t.Context(), map[string]node.Launcher{"far": node.Local{}, "b": node.Local{Binary: "/does/not/exist"}}, node.Always),
	} {
		if !errors.Is(err, context.Canceled) && !errors.Is(err, node.ErrLaunch) {
			t.Errorf("the error is %v", err)
		}
	}
	if n := call(t, h, add, 1); n != 7 {
		t.Errorf("the counter has %d, want 7", n)
	}
}

// TestImpatient: a call whose context ends while it waits is as if it had not been made. DP-03,
// B-P14.
func TestImpatient(t *testing.T) {
	h := hosting(t)
	waiting := node.Restart{Pause: supervise.Backoff{Min: time.Hour}}
	must(t, h.Spawn(t.Context(), "far", node.Local{}, waiting))
	must(t, h.Run(t.Context(), place, counters.With(5), node.Always))
	must(t, syscall.Kill(call(t, h, whoami, struct{}{}), syscall.SIGKILL))
	if err := h.WaitNode(within(t), "far"); !errors.Is(err, node.ErrDown) {
		t.Errorf("the end of the node: %v", err)
	}
	soon := func() context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		t.Cleanup(cancel)
		return ctx
	}
	other := distributed.Place{Node: "far", Name: "other"}
	for _, err := range []error{
		h.Spawn(soon(), "far", node.Local{}, waiting),
		h.Run(soon(), place, counters.With(5), node.Always),
		h.Run(soon(), other, counters.With(5), node.Always),
		h.Run(soon(), distributed.Place{Node: "nowhere", Name: "x"}, counters.With(5), node.Always),
	} {
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the error is %v", err)
		}
	}
	for at, want := range map[distributed.Place]bool{place: true, other: false, {Node: "nowhere", Name: "x"}: false} {
		if was, err := h.Release(t.Context(), at); was != want || err != nil {
			t.Errorf("%v was wanted: %v, %v", at, was, err)
		}
	}
	if err := h.WaitNode(soon(), "far"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the node is not kept: %v", err)
	}
}

// TestOver: what has ended for good says so to those who wait for its end later, and begins
// anew when it is wanted again. DP-36.
func TestOver(t *testing.T) {
	h := hosting(t)
	twice := node.Restart{Intensity: 1, Period: time.Hour, Pause: supervise.Backoff{Min: time.Millisecond}}
	for _, r := range []node.Restart{node.Never, twice} {
		must(t, h.Spawn(within(t), "far", node.Local{}, r))
		for range 2 {
			must(t, h.Run(within(t), place, counters.With(5), r))
			if n := call(t, h, add, 1); n != 6 {
				t.Errorf("the counter has %d, want 6", n)
			}
			breaks(t, h, "broke")
			if r == twice {
				call(t, h, add, 1)
				breaks(t, h, "broke")
			}
			for range 2 {
				if err := h.Wait(within(t), place); !errors.Is(err, errBroke) && !errors.Is(err, node.ErrGivenUp) {
					t.Errorf("%+v: the end of the place: %v", r, err)
				}
			}
		}
		_, err := h.Release(t.Context(), place)
		must(t, err)
		must(t, h.Exit(t.Context(), "far"))
	}
}

// TestOverNode: the same for a node.
func TestOverNode(t *testing.T) {
	h := hosting(t)
	for range 2 {
		must(t, h.Spawn(within(t), "far", node.Local{}, node.Never))
		must(t, h.Run(within(t), place, counters.With(5), node.Never))
		must(t, syscall.Kill(call(t, h, whoami, struct{}{}), syscall.SIGKILL))
		for range 2 {
			if err := h.WaitNode(within(t), "far"); !errors.Is(err, node.ErrDown) {
				t.Errorf("the end of the node: %v", err)
			}
		}
	}
}

// TestEndedBefore: who wants what has ended for good, while others still do, hears that.
func TestEndedBefore(t *testing.T) {
	r := newRig(t)
	r.expect(r.want(failing.With("quit"), node.Never), "!ended")
	r.expect(r.want(failing.With("quit"), node.Never), "!ended")
	r.expectPlaces(0)
}

// TestFailsForEver: a node whose process ends at once, and is to be started again for ever, is
// started after a pause each time, which doubles up to its bound. Those who want it hear each
// end. DP-35.
func TestFailsForEver(t *testing.T) {
	r := newRig(t)
	clock := timers(r)
	far := vmtest.Publisher(r.m, node.LaunchedTopic("far", node.Local{}, node.Always))
	for i := range 10 {
		d := r.device("node.child")
		d.Value(node.Opened)
		d.End(node.ErrDown)
		if got := reasons(far, func(l node.Launched) error { return l.Reason }); fmt.Sprint(got) != "[!down]" {
			t.Fatalf("end %d: heard %q", i, got)
		}
		if n := r.devices("node.child"); n != 0 {
			t.Fatalf("end %d: it is started again at once", i)
		}
		if got, want := clock.wait(), min(200*time.Millisecond<<min(i, 10), 10*time.Second); got != want {
			t.Fatalf("end %d: the pause is %v, want %v", i, got, want)
		}
		if n := r.devices("node.child"); n != 1 {
			t.Fatalf("end %d: %d processes run after the pause", i, n)
		}
	}
	far.Close(nil)
	if r.device("node.child") != nil {
		t.Error("a node is left")
	}
}
