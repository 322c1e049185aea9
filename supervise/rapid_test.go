package supervise_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/supervise"
)

// TestRandomPrograms: on random programs of ends, kills, time, and drivers of timers that
// come and go, no supervisor exceeds its intensity; while it lives, each of its
// permanent children runs or waits; and when it has ended, nothing is left.
func TestRandomPrograms(t *testing.T) { rapid.Check(t, randomProgram) }

func randomProgram(t *rapid.T) {
	spec := supervise.Spec{
		Strategy:  supervise.Strategy(rapid.IntRange(0, 2).Draw(t, "strategy")),
		Intensity: rapid.IntRange(1, 4).Draw(t, "intensity"),
		Period:    time.Second,
	}
	if rapid.Bool().Draw(t, "backoff") {
		spec.Backoff = supervise.Backoff{Min: 100 * time.Millisecond, Max: time.Duration(rapid.IntRange(100, 1500).Draw(t, "max")) * time.Millisecond}
	}
	names := []string{"a", "b", "c", "d"}[:rapid.IntRange(1, 4).Draw(t, "children")]
	var children []supervise.Child
	for _, n := range names {
		children = append(children, work(n, supervise.Restart(rapid.IntRange(0, 2).Draw(t, n))))
	}
	d := sup(spec, children...)
	r := newRig(t, rapid.Bool().Draw(t, "timers"), []actions.Type{d.Type}, d.Spawn())
	pid := r.named("sup")
	reasons := r.watch(pid)
	h := history{r: r, spec: spec, starts: map[string][]time.Duration{}}
	t.Repeat(map[string]func(*rapid.T){
		"order": func(t *rapid.T) {
			r.order(rapid.SampledFrom(names).Draw(t, "child"), rapid.SampledFrom([]string{"fail", "quit", "panic"}).Draw(t, "what"))
		},
		"kill": func(t *rapid.T) {
			var tree actions.Tree
			for _, n := range names {
				if p := r.pids[n]; p != 0 && rapid.Bool().Draw(t, n) {
					tree = append(tree, actions.Kill(p, errBoom))
				}
			}
			r.m.Perform(tree)
		},
		"advance": func(t *rapid.T) {
			for range rapid.IntRange(1, 12).Draw(t, "steps") {
				r.advance(100 * time.Millisecond)
				h.take(t)
			}
		},
		"driver": func(*rapid.T) {
			if r.driver == nil {
				r.drive()
			} else {
				r.leave()
			}
		},
		"": func(t *rapid.T) {
			h.take(t)
			if len(*reasons) > 0 {
				r.gone()
				return
			}
			for i, c := range children {
				if c.Restart == supervise.Permanent && r.pids[names[i]] == 0 && (spec.Backoff.Min == 0 || r.driver == nil) {
					t.Errorf("%s is down", names[i])
				}
			}
		},
	})
	r.m.Perform(actions.QuitProcess{PID: pid})
	r.gone()
}

// A history is when children have started.
type history struct {
	r      *rig
	spec   supervise.Spec
	starts map[string][]time.Duration // again
	all    []time.Duration            // restarts of one for one
	first  map[string]bool
}

// take notes what has started, and checks the intensity.
func (h *history) take(t *rapid.T) {
	h.r.note()
	if h.first == nil {
		h.first = map[string]bool{}
	}
	for _, line := range h.r.lines {
		name := line[1:]
		if line[0] != '+' {
			continue
		}
		if !h.first[name] {
			h.first[name] = true
			continue
		}
		h.starts[name] = append(h.starts[name], h.r.now)
		h.all = append(h.all, h.r.now)
	}
	h.r.lines = nil
	check := func(what string, at []time.Duration) {
		for i := h.spec.Intensity; i < len(at); i++ {
			if d := at[i] - at[i-h.spec.Intensity]; d < h.spec.Period {
				t.Fatalf("%s: %d restarts within %v: %v", what, h.spec.Intensity+1, d, at)
			}
		}
	}
	for name, at := range h.starts {
		check(name, at)
	}
	if h.spec.Strategy == supervise.OneForOne {
		check("one for one", h.all)
	}
}

// TestRandomProgramsAreTheSameAgain: a machine with supervisors is deterministic.
func TestRandomProgramsAreTheSameAgain(t *testing.T) {
	run := func() string {
		r := supervised(t, supervise.Spec{Strategy: supervise.OneForAll, Backoff: supervise.Backoff{Min: time.Second}})
		for i := range 20 {
			r.order([]string{"a", "b", "c"}[i%3], "fail")
			r.advance(time.Duration(i) * 300 * time.Millisecond)
		}
		return r.m.Trace()
	}
	if a, b := run(), run(); a != b {
		t.Error("two runs differ")
	}
}

// TestSaved: a supervisor that was saved goes on with its children, its restarts and
// what waits; with other children than the saved ones, it is refused.
func TestSaved(t *testing.T) {
	d := sup(supervise.Spec{Intensity: 1, Backoff: supervise.Backoff{Min: time.Second}}, work("a", supervise.Permanent), work("b", supervise.Permanent))
	r := newRig(t, true, []actions.Type{d.Type}, d.Spawn())
	r.order("a", "fail") // vmtest saves and restores the machine at each input
	p, _ := r.m.VM().Process([]actions.PID{r.named("sup")})
	data, err := d.Encode(p.State)
	if err != nil {
		t.Fatal(err)
	}
	state, err := d.Decode(data)
	if err != nil || fmt.Sprintf("%+v", state) != fmt.Sprintf("%+v", p.State) {
		t.Errorf("the state is %+v, and was %+v: %v", state, p.State, err)
	}
	for _, children := range [][]supervise.Child{{work("a", supervise.Permanent)}, {work("b", supervise.Permanent), work("a", supervise.Permanent)}} {
		if _, err := sup(supervise.Spec{}, children...).Decode(data); err == nil {
			t.Error("other children: no error")
		}
	}
}
