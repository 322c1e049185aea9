//go:build linux

package node_test

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/node"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/supervise"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// A listener hears what happens to something that is wanted, as lines.
type listener chan string

func (l listener) put(format string, args ...any) actions.Action {
	l <- fmt.Sprintf(format, args...)
	return nil
}

// run wants a program.
func (l listener) run(at distributed.Place, s node.Spec, r node.Restart) actions.AddEndpoint {
	return node.Run(at, s, r,
		endpoint.OnPresence(func(node.Wanted) actions.Action { return l.put("+") }),
		endpoint.OnAbsence(func(_ node.Wanted, reason error) actions.Action { return l.put("-%s", kind(reason)) }),
		endpoint.OnMessage(func(w node.Wanted) actions.Action { return l.put("!%s", kind(w.Reason)) }))
}

// spawn wants a node.
func (l listener) spawn(name string, how node.Launcher, r node.Restart) actions.AddEndpoint {
	return node.Spawn(name, how, r,
		endpoint.OnPresence(func(node.Launched) actions.Action { return l.put("+") }),
		endpoint.OnAbsence(func(_ node.Launched, reason error) actions.Action { return l.put("-%s", kind(reason)) }),
		endpoint.OnMessage(func(w node.Launched) actions.Action { return l.put("!%s", kind(w.Reason)) }))
}

// expect waits for the next lines.
func (l listener) expect(t *testing.T, lines ...string) {
	t.Helper()
	for i, want := range lines {
		select {
		case got := <-l:
			if got != want {
				t.Errorf("line %d is %q, want %q", i, got, want)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("line %d is missing, want %q", i, want)
		}
	}
}

// kind names a reason.
func kind(err error) string {
	if err == nil {
		return ""
	}
	var all []string
	for _, k := range []struct {
		err  error
		name string
	}{
		{node.ErrNoProgram, "no program"}, {node.ErrArguments, "arguments"}, {node.ErrConflict, "conflict"}, {node.ErrUnwanted, "unwanted"},
		{node.ErrGivenUp, "given up"}, {node.ErrDown, "down"}, {node.ErrLaunch, "launch"}, {node.ErrEnded, "ended"}, {errBroke, "broke"}, {vm.ErrPanic, "panic"},
		{distributed.ErrCut, "cut"}, {distributed.ErrLeft, "left"}, {distributed.ErrLease, "lease"},
	} {
		if errors.Is(err, k.err) {
			all = append(all, k.name)
		}
	}
	if all == nil {
		return err.Error()
	}
	return strings.Join(all, ", ")
}

// wants returns the action of a process with endpoints.
func wants(as ...actions.Action) actions.Action { return actions.Spawn(actions.Stateless(as...)) }

// TestRestart: a program that fails is started again, with the state of its start. DP-34,
// B-P05.
func TestRestart(t *testing.T) {
	l := make(listener, 100)
	h := hosting(t, wants(l.run(place, counters.With(5), soon)))
	must(t, h.Spawn(t.Context(), "far", node.Local{}, node.Always))
	l.expect(t, "+")
	pid := call(t, h, whoami, struct{}{})
	for _, how := range []string{"broke", "panic"} {
		if n := call(t, h, add, 1); n != 6 {
			t.Errorf("the counter has %d, want 6", n)
		}
		breaks(t, h, how)
		l.expect(t, "-"+how, "+")
	}
	if now := call(t, h, whoami, struct{}{}); now != pid {
		t.Error("the process of the node has ended with the place")
	}
}

// TestNever: a program that is not to be started again ends once. DP-36.
func TestNever(t *testing.T) {
	l := make(listener, 100)
	h := hosting(t, wants(l.run(place, counters.With(5), node.Never)))
	must(t, h.Spawn(t.Context(), "far", node.Local{}, node.Always))
	l.expect(t, "+")
	breaks(t, h, "broke")
	l.expect(t, "-broke")
	must(t, h.Run(t.Context(), distributed.Place{Node: "far", Name: "other"}, counters.With(0), node.Never))
	if len(l) > 0 {
		t.Errorf("it goes on with %q", <-l)
	}
}

// TestGivenUp: a program that fails too often in a short time is given up, and those who want
// it hear that, with the reasons; so does who wants it later. DP-35, B-P12.
func TestGivenUp(t *testing.T) {
	l := make(listener, 100)
	r := node.Restart{Intensity: 2, Period: time.Hour, Pause: supervise.Backoff{Min: time.Millisecond}}
	h := hosting(t, wants(l.run(place, failing.With(""), r)))
	must(t, h.Spawn(t.Context(), "far", node.Local{}, node.Always))
	l.expect(t, "!broke", "!broke", "!broke", "!given up")
	must(t, h.Run(t.Context(), distributed.Place{Node: "far", Name: "other"}, counters.With(0), node.Never))
}

// TestChildIsKilled: kill -9 of a node. Its parent hears that at once, and starts it again; it
// runs what is wanted. DP-30, B-P17.
func TestChildIsKilled(t *testing.T) {
	l, places := make(listener, 100), make(listener, 100)
	h := hosting(t, wants(l.spawn("far", node.Local{}, soon), places.run(place, counters.With(5), node.Always)))
	for range 3 {
		l.expect(t, "+")
		places.expect(t, "+")
		pid := call(t, h, whoami, struct{}{})
		began := time.Now()
		must(t, syscall.Kill(pid, syscall.SIGKILL))
		l.expect(t, "-down")
		t.Logf("from kill -9 to the absence: %v", time.Since(began))
		places.expect(t, "-cut")
	}
	l.expect(t, "+")
	places.expect(t, "+")
}

// TestChildCannotStart: a node whose program does not exist, and one whose program is no
// node. B-P14, B-P10.
func TestChildCannotStart(t *testing.T) {
	none, silent, loud := make(listener, 100), make(listener, 100), make(listener, 100)
	r := node.Restart{Intensity: 1, Period: time.Hour, Pause: supervise.Backoff{Min: time.Millisecond}}
	hosting(t, wants(
		none.spawn("none", node.Local{Binary: "/does/not/exist"}, r),
		silent.spawn("silent", node.Local{Binary: "/bin/true"}, node.Never),
		loud.spawn("loud", node.Local{Binary: "/bin/sh", Args: node.List("-c", "exit 3")}, r)))
	none.expect(t, "!launch", "!launch", "!given up")
	silent.expect(t, "!down")
	loud.expect(t, "!down", "!down", "!given up")
}

// TestUnwanted: a place ends when nobody wants it, and a node, too. Two who want the same
// share it. DP-07.
func TestUnwanted(t *testing.T) {
	one, two := make(listener, 100), make(listener, 100)
	up := make(listener, 100)
	h := hosting(t,
		wants(endpoint.Subscriber(distributed.Reach(place),
			endpoint.OnPresence(func(distributed.Up) actions.Action { return up.put("+") }),
			endpoint.OnAbsence(func(_ distributed.Up, reason error) actions.Action { return up.put("-%s", kind(reason)) }))),
		wants(one.run(place, counters.With(5), node.Always).As("w"), ends("one")),
		wants(two.run(place, counters.With(5), node.Always).As("w"), ends("two")))
	must(t, h.Spawn(t.Context(), "far", node.Local{}, node.Always))
	one.expect(t, "+")
	two.expect(t, "+")
	up.expect(t, "+")
	call(t, h, add, 1)
	must(t, h.Client().Send(t.Context(), enough{"one"}))
	if n := call(t, h, add, 1); n != 7 {
		t.Errorf("the counter has %d, want 7", n)
	}
	must(t, h.Client().Send(t.Context(), enough{"two"}))
	up.expect(t, "-left")
}

// An enough says that a process does not want its endpoint w any more.
type enough struct{ Who string }

var enoughFor = topic.FieldOf(func(e *enough) *string { return &e.Who })

func init() { world.Register[enough]("node_test.enough") }

func ends(who string) actions.Action {
	return endpoint.Subscriber(topic.Where(enoughFor.Is(who)), endpoint.OnMessage(func(enough) actions.Action { return actions.Delete("w") }))
}
