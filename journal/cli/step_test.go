package cli_test

import (
	"context"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/vmtest"
)

// If a step through a run finds a difference, the exit status is 1, however the
// walk ends, and the difference is shown once (Issue 9.12).
func TestStepUponDifference(t *testing.T) {
	dir := cooked(t, "-durability", "memory", "-trace")
	other := kitchen("soup", "pie")
	boot, asked := other.Boot, 0
	other.Boot = func(self actions.PID) actions.Process {
		if asked++; asked == 1 {
			return boot(self)
		}
		return kitchen("soup", "tea").Boot(self)
	}
	for _, tt := range []struct {
		name, typed string
		p           journal.Program
		status      int
		says        int // how often the difference is shown
	}{
		{"at the end of what is typed", "n\nn\n", kitchen("soup", "tea"), 1, 1},
		{"when told to quit", "n\nq\n", kitchen("soup", "tea"), 1, 1},
		{"after something else", "n\ng 0\nw\nq\n", kitchen("soup", "tea"), 1, 1},
		{"in a search", "f plate\nq\n", other, 1, 1},
		{"before it", "q\n", kitchen("soup", "tea"), 0, 0},
		{"with a command that is none", "x\ng 99\nq\n", kitchen("soup", "pie"), 0, 0},
		{"without a difference", "n\nn\nf plate\nq\n", kitchen("soup", "pie"), 0, 0},
	} {
		status, out, e := call(t, tt.p, tt.typed, "-replay", dir, "-step")
		if status != tt.status || strings.Count(out+e, "non-determinism") < tt.says || strings.Contains(e, "recorded:") || (e != "") != (tt.status == 1) {
			t.Errorf("%s: status %d\n%s%s", tt.name, status, out, e)
		}
	}
	// For the caller of Run, the error is the difference.
	f := parsed(t, "-replay", dir, "-step")
	f.In, f.Out = strings.NewReader("n\n"), io.Discard
	_, err := f.Run(t.Context(), kitchen("soup", "tea"))
	if _, diverged := errors.AsType[*journal.DivergenceError](err); !diverged {
		t.Error(err)
	}
}

// TestStep: what a user sees when stepping through a run. LL-12, LL-13, LL-14,
// B-M31.
func TestStep(t *testing.T) {
	dir := cooked(t)
	script := []string{
		"h", "n", "n", "", "d", "ps", "s 2", "s 9", "i", "f no more", "f no more", "presence", "g 3", "d 6", "drop 5", "branch 3 5", "drop 9", "drop",
		"p 2", "p 9", "p", "n 99", "n", "all", "g 0", "ps", "x", "n x", "g 77", "f", "s", "q", "never typed",
	}
	status, out, e := call(t, kitchen("soup", "pie"), strings.Join(script, "\n")+"\n", "-replay", dir, "-step")
	if status != 0 || e != "" {
		t.Fatal(status, e)
	}
	vmtest.Golden(t, "testdata/step.golden", out)
	if status, out, _ := call(t, kitchen("soup", "pie"), "n", "-replay", dir, "-step"); status != 0 || !strings.HasSuffix(out, "1> \n") {
		t.Errorf("at the end of what is typed: status %d, %s", status, out)
	}
}

// TestDropBeforeStop: a stop ends all processes, so drop shows the states
// before it.
func TestDropBeforeStop(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kitchen.journal")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		if status := parsed(t, "-journal", dir).Main(ctx, kitchen("soup", "pie")); status != 0 {
			t.Fatalf("status %d", status)
		}
	})
	status, out, e := call(t, kitchen("soup", "pie"), "drop 3\n", "-replay", dir, "-step")
	if want := "before the stop\n2 soup changed\n\t- state cli_test.pot{Name: \"soup\", Made: 3}\n\t+ state cli_test.pot{Name: \"soup\", Made: 1}\n"; status != 0 || !strings.Contains(out, want) {
		t.Errorf("status %d\n%s%s", status, out, e)
	}
}

// A host is the state of a waiter who spawns a cook for each dish, and another
// one at the end.
type host struct{}

func (host) endpoints() actions.Action {
	return endpoint.Device(hatch{},
		endpoint.OnValue(func(d dish) actions.Action { return actions.Spawn(pot{Name: d.Name}.cook()) }),
		endpoint.OnEnded(func(error) actions.Action {
			return actions.Tree{actions.Spawn(pot{Name: "tea"}.cook()), actions.Quit()}
		}))
}

// TestStepEarlier: for endpoints that are older than what is left of the
// history, no input is named; it would be that of the snapshot.
func TestStepEarlier(t *testing.T) {
	p := journal.Booting(actions.Spawn(actions.Next(host{}, host{}.endpoints())))
	p.Types = []actions.Type{
		actions.Define("kitchen.host", host.endpoints).Type,
		actions.Define("kitchen.pot", pot.endpoints).Type,
	}
	dir := filepath.Join(t.TempDir(), "kitchen.journal")
	synctest.Test(t, func(t *testing.T) {
		f := parsed(t, "-journal", dir)
		f.Config.SnapshotEvery, f.Config.SegmentSize, f.Config.DropOld = 1, 1, true
		if _, err := f.Run(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	})
	status, out, e := call(t, p, "presence\ng 7\npresence\n", "-replay", dir, "-step")
	if status != 0 || !strings.HasPrefix(out, "states after inputs 6 to 7;") {
		t.Fatalf("status %d\n%s%s", status, out, e)
	}
	const first = "3: subscriber of cli_test.dish{Name: \"soup\"} as \"pot\", since before input 7\n" // of input 2
	const last = "7: subscriber of cli_test.dish{Name: \"pie\"} as \"pot\", since before input 7\n"   // of input 6
	const tea = "8: subscriber of cli_test.dish{Name: \"tea\"} as \"pot\", since input 7\n"
	for text, times := range map[string]int{first: 2, last: 2, tea: 1, "since input 6": 0} {
		if n := strings.Count(out, text); n != times {
			t.Errorf("%d times, and not %d: %s\n%s", n, times, text, out)
		}
	}
}
