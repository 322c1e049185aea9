//go:build linux

package node_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/node"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
)

// An asker is a program that calls the counter at another place.
var askers = node.NewProgram("node_test.asker", func(at distributed.Place) actions.SpawnProcess {
	return actions.Spawn(rpc.Serve(struct{}{}, rpc.HandleLater(relayed, func(s struct{}, a rpc.Ask[int, int]) actions.Transition[struct{}] {
		return actions.Next(s, rpc.Call(add, a.Args, func(n int, err error) actions.Action {
			if err != nil {
				return a.Fail(err)
			}
			return a.Reply(n)
		}, rpc.At(at)))
	})))
})

var relayed = rpc.Define[int, int]("node_test.relayed")

// TestMesh: nodes that were started from one know each other, whichever comes first, and also
// after one of them has been started again. DP-40.
func TestMesh(t *testing.T) {
	h := hosting(t)
	counter, asker := distributed.Place{Node: "b", Name: "counter"}, distributed.Place{Node: "a", Name: "asker"}
	for _, name := range []string{"a", "b"} {
		must(t, h.Spawn(t.Context(), name, node.Local{}, soon))
	}
	must(t, h.Run(t.Context(), counter, counters.With(1), node.Always))
	must(t, h.Run(t.Context(), asker, askers.With(counter), node.Always))
	ask := func() {
		t.Helper()
		n, err := rpc.Do(t.Context(), h.Client(), relayed, 1, rpc.At(asker), rpc.Patient())
		if n != 2 || err != nil {
			t.Errorf("the answer is %d, %v", n, err)
		}
	}
	ask()
	pid, err := rpc.Do(t.Context(), h.Client(), whoami, struct{}{}, rpc.At(counter))
	must(t, err)
	must(t, syscall.Kill(pid, syscall.SIGKILL))
	gone(t, pid)
	must(t, h.Run(t.Context(), distributed.Place{Node: "b", Name: "other"}, counters.With(1), node.Always)) // b is there again
	ask()
}

// TestPrivatePlace: a place that is private to one node cannot be used from another one of the
// same realm. DP-06, DP-12.
func TestPrivatePlace(t *testing.T) {
	h := hosting(t)
	must(t, h.SpawnAll(t.Context(), map[string]node.Launcher{"a": node.Local{}, "b": node.Local{}}, node.Always))
	for _, owner := range []string{"a", "master"} {
		counter := distributed.Place{Node: "b", Name: "counter"}.PrivateTo(owner)
		asker := distributed.Place{Node: "a", Name: "asker for " + owner}
		must(t, h.Run(t.Context(), counter, counters.With(1), node.Always))
		must(t, h.Run(t.Context(), asker, askers.With(counter), node.Always))
		_, a := rpc.Do(t.Context(), h.Client(), relayed, 1, rpc.At(asker))
		_, master := rpc.Do(t.Context(), h.Client(), add, 1, rpc.At(counter))
		for from, err := range map[string]error{"a": a, "master": master} {
			refused := err != nil && strings.Contains(err.Error(), distributed.ErrNotAdmitted.Error()) // an error from elsewhere has one kind
			if refused != (from != owner) || err != nil && !errors.Is(err, rpc.ErrUnreachable) {
				t.Errorf("from %s, at a place private to %s: %v", from, owner, err)
			}
		}
	}
}

// TestInProcess: a node in this process does what one in another does. DP-32, B-P11.
func TestInProcess(t *testing.T) {
	h := hosting(t)
	how := node.InProcess{Programs: node.List("node_test.counter", "node_test.failing")}
	must(t, h.Spawn(t.Context(), "far", how, node.Always))
	must(t, h.Run(t.Context(), place, counters.With(5), node.Always))
	if n := call(t, h, add, 7); n != 12 {
		t.Errorf("the counter has %d, want 12", n)
	}
	must(t, h.Exit(t.Context(), "far"))
	must(t, h.Spawn(t.Context(), "far", how, node.Never))
	_, err := h.Release(t.Context(), place)
	must(t, err)
	must(t, h.Run(t.Context(), place, counters.With(5), soon))
	call(t, h, add, 7)
	breaks(t, h, "broke")
	if n := call(t, h, add, 1); n != 6 {
		t.Errorf("the counter that was started again has %d, want 6", n)
	}
	if err := h.Spawn(t.Context(), "x", node.InProcess{Programs: node.List("nobody")}, node.Never); kind(err) != "no program, launch" && kind(err) != "launch" {
		t.Errorf("a program that nobody has: %v", err)
	}
}

// TestStopped: a node that stands still for longer than a lease is absent, and its places are
// again when it goes on, with their state, because somebody wants them.
func TestStopped(t *testing.T) {
	l := make(listener, 100)
	h := hosting(t, wants(l.run(place, counters.With(5), node.Always)))
	must(t, h.Spawn(t.Context(), "far", node.Local{}, node.Always))
	l.expect(t, "+")
	pid := call(t, h, whoami, struct{}{})
	must(t, syscall.Kill(pid, syscall.SIGSTOP))
	began := time.Now()
	l.expect(t, "-lease")
	t.Logf("from SIGSTOP to the absence: %v, with a lease of 1 s", time.Since(began))
	must(t, syscall.Kill(pid, syscall.SIGCONT))
	l.expect(t, "+")
	if now := call(t, h, whoami, struct{}{}); now != pid {
		t.Error("it is another process")
	}
}

// TestExit: any node can end another one, which is told to end in good order; its parent starts
// it again, if it is to. DP-10, B-P18, B-P24.
func TestExit(t *testing.T) {
	l, reasons := make(listener, 100), make(listener, 100)
	once := node.Restart{Intensity: 1, Period: time.Hour}
	hosting(t, wants(l.spawn("far", node.Local{}, once)),
		wants(node.Spawn("far", node.Local{}, once, endpoint.OnAbsence(func(_ node.Launched, reason error) actions.Action { return reasons.put("%v", reason) }))),
		actions.Spawn(actions.Stateless(endpoint.Subscriber(distributed.Reach(distributed.Place{Node: "far"}),
			endpoint.OnPresence(func(distributed.Up) actions.Action { return node.Exit("far") })))))
	l.expect(t, "+", "-down", "+", "-down", "!given up")
	for range 2 {
		if got := <-reasons; !strings.Contains(got, "exit status 0") {
			t.Errorf("the reason is %s", got)
		}
	}
}
