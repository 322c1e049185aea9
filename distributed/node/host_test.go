//go:build linux

package node_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/node"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/supervise"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// soon is a policy that starts again at once.
var soon = node.Restart{Pause: supervise.Backoff{Min: time.Millisecond}}

// place is where the counter of the tests runs.
var place = distributed.Place{Node: "far", Name: "counter"}

// started returns a host with a node "far" that is a process of its own.
func started(t *testing.T, r node.Restart) *node.Host {
	t.Helper()
	h := hosting(t)
	must(t, h.Spawn(t.Context(), "far", node.Local{}, r))
	return h
}

// hosting returns a host.
func hosting(t *testing.T, boot ...actions.Action) *node.Host {
	t.Helper()
	h := node.Private("master").Start(t.Context(), append(boot, logs(t))...)
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Errorf("the end of the host: %v", err)
		}
	})
	return h
}

// patient returns the Config of a node that waits long for others: the machine of the test may
// be slow.
func patient(name string) *node.Config {
	c := node.Private(name)
	c.Heartbeat, c.Lease = time.Second, 20*time.Second
	return c
}

// logs returns the process that writes what nodes print to the log of the test.
func logs(t *testing.T) actions.Action {
	return wants(endpoint.Subscriber(topic.All[node.Output](), endpoint.OnMessage(func(o node.Output) actions.Action {
		t.Logf("%s: %.500s", o.Node, o.Text)
		return nil
	})))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// call calls an operation of the counter, and fails the test if there is no answer.
func call[A, R any](t *testing.T, h *node.Host, op rpc.Op[A, R], a A) R {
	t.Helper()
	r, err := rpc.Do(t.Context(), h.Client(), op, a, rpc.At(place), rpc.Patient())
	must(t, err)
	return r
}

// breaks makes the counter fail. The call has no answer.
func breaks(t *testing.T, h *node.Host, how string) {
	t.Helper()
	if _, err := rpc.Do(t.Context(), h.Client(), fail, how, rpc.At(place)); !errors.Is(err, rpc.ErrGone) {
		t.Errorf("a call that breaks its server: %v", err)
	}
}

// gone waits until a process has ended, and returns how long that took.
func gone(t testing.TB, pid int) time.Duration {
	t.Helper()
	began := time.Now()
	fd, err := unix.PidfdOpen(pid, 0)
	if errors.Is(err, unix.ESRCH) {
		return 0
	}
	must(t, err)
	defer unix.Close(fd)
	for time.Since(began) < 20*time.Second {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 20_000)
		if n > 0 {
			return time.Since(began)
		}
		if !errors.Is(err, unix.EINTR) {
			must(t, err)
		}
	}
	t.Fatalf("process %d does not end", pid)
	return 0
}

// TestHost: a host starts a node, runs a program there, calls it, and ends it. DP-01, DP-04,
// DP-05, DP-10, B-P08: the arguments of the start arrive. DP-20, B-P09, B-P15.
func TestHost(t *testing.T) {
	h := started(t, node.Always)
	if _, err := rpc.Do(t.Context(), h.Client(), add, 7, rpc.At(place)); !errors.Is(err, rpc.ErrUnreachable) || !strings.Contains(err.Error(), distributed.ErrNoPlace.Error()) {
		t.Errorf("a node that was asked for no place: %v", err)
	}
	must(t, h.Run(t.Context(), place, counters.With(5), node.Always))
	if n := call(t, h, add, 7); n != 12 {
		t.Errorf("the counter has %d, want 12", n)
	}
	pid := call(t, h, whoami, struct{}{})
	if pid == os.Getpid() {
		t.Error("the node is no process of its own")
	}
	must(t, h.Run(t.Context(), place, counters.With(5), node.Always)) // it runs already: DP-07
	if n := call(t, h, add, 1); n != 13 {
		t.Errorf("the counter has %d, want 13", n)
	}
	must(t, h.Exit(t.Context(), "far"))
	gone(t, pid)
}

// TestFailingStart: who wants a program hears that it cannot start, and why. B-P07.
func TestFailingStart(t *testing.T) {
	h := started(t, node.Always)
	unknown, unreadable := counters.With(1), counters.With(1)
	unknown.Program = "node_test.nobody"
	unreadable.Args = "no base64"
	for name, tt := range map[string]struct {
		spec node.Spec
		want error
	}{
		"no such program":     {unknown, node.ErrNoProgram},
		"unreadable":          {unreadable, node.ErrArguments},
		"fails":               {failing.With(""), errBroke},
		"its function panics": {failing.With("boot"), vm.ErrPanic},
		"ends":                {failing.With("quit"), node.ErrEnded},
	} {
		for _, r := range []node.Restart{node.Never, node.Always, {Intensity: 1, Pause: supervise.Backoff{Min: time.Millisecond}}} {
			if err := h.Run(t.Context(), distributed.Place{Node: "far", Name: name}, tt.spec, r); !errors.Is(err, tt.want) {
				t.Errorf("%s: %v, want %v", name, err, tt.want)
			}
		}
	}
	must(t, h.Run(t.Context(), place, counters.With(0), node.Always)) // the node is well
	if err := h.Run(t.Context(), place, counters.With(1), node.Always); !errors.Is(err, node.ErrConflict) {
		t.Errorf("another program at the place: %v", err)
	}
	must(t, h.Run(t.Context(), place, counters.With(0), node.Always))
}

// TestOutput: what a node prints comes to its parent as messages. DP-02.
func TestOutput(t *testing.T) {
	h := hosting(t)
	heard := outputsOf(t, h)
	err := h.Spawn(t.Context(), "far", node.Local{Binary: "/bin/sh", Args: node.List("-c", "echo out; echo err >&2; printf rest; exit 7")}, node.Never)
	if !errors.Is(err, node.ErrDown) || !strings.Contains(err.Error(), "exit status 7") {
		t.Errorf("the error is %v", err)
	}
	got := map[node.Output]bool{}
	for range 3 {
		got[<-heard] = true
	}
	for _, want := range []node.Output{{"far", node.Stdout, "out"}, {"far", node.Stderr, "err"}, {"far", node.Stdout, "rest"}} {
		if !got[want] {
			t.Errorf("%+v is missing in %v", want, got)
		}
	}
}

// outputsOf returns what the node "far" prints.
func outputsOf(t *testing.T, h *node.Host) <-chan node.Output {
	t.Helper()
	heard := make(chan node.Output, 100)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	ready := make(chan struct{})
	go func() {
		for ev := range door.Subscribe(ctx, h.Client(), topic.Where(node.OutputNode.Is("far"))) {
			switch ev.Kind {
			case door.Started:
				close(ready)
			case door.Message:
				heard <- ev.Value
			}
		}
	}()
	<-ready
	return heard
}

// TestOwnNode: a place without a node is on the node of the host itself, for all methods.
func TestOwnNode(t *testing.T) {
	h := node.Private("master", counters).Start(t.Context())
	defer h.Close()
	own := distributed.Place{Name: "counter"}
	must(t, h.Run(t.Context(), own, counters.With(5), node.Never))
	must(t, h.Send(t.Context(), own, counter{1})) // nobody hears it
	n, err := rpc.Do(t.Context(), h.Client(), add, 7, rpc.At(distributed.Place{Node: "master", Name: "counter"}))
	if n != 12 || err != nil {
		t.Errorf("the counter has %d, %v", n, err)
	}
	if _, err := rpc.Do(t.Context(), h.Client(), fail, "", rpc.At(distributed.Place{Node: "master", Name: "counter"})); !errors.Is(err, rpc.ErrGone) {
		t.Errorf("a call that breaks its server: %v", err)
	}
	if err := h.Wait(t.Context(), own); kind(err) != "broke" {
		t.Errorf("the end is %v", err)
	}
	if was, err := h.Release(t.Context(), own); !was || err != nil {
		t.Errorf("it was wanted: %v, %v", was, err)
	}
}
