package cli_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/topic"
)

func TestReplay(t *testing.T) {
	dir := cooked(t, "-durability", "memory", "-trace")
	for _, tt := range []struct {
		name   string
		p      journal.Program
		args   []string
		status int
		want   string
	}{
		{"the same", kitchen("soup", "pie"), nil, 0, "replayed 7 inputs: no difference in what was compared, checks: 7\n  up to input 7: every event, action and command, with its content\n  not compared: states\ndigest "},
		{"a part", kitchen("soup", "pie"), []string{"-until", "3"}, 0, "replayed 3 inputs: no difference in what was compared, checks: 3\n  up to input 3: every event, action and command, with its content\n  not compared: states\ndigest "},
		{"another program", kitchen("soup", "tea"), nil, 1, "recorded: 1 boot: spawn pie"},
		{"a difference", kitchen("soup", "pie"), []string{"-diff", "2,3"}, 0, "2 soup changed\n\t- state cli_test.pot{Name: \"soup\", Made: 1}\n\t+ state cli_test.pot{Name: \"soup\", Made: 3}\n"},
		{"no difference", kitchen("soup", "pie"), []string{"-diff", "3,3"}, 0, "no process is different\n"},
		{"too late", kitchen("soup", "pie"), []string{"-diff", "3,30"}, 1, "no state after input 30"},
		{"more than all", kitchen("soup", "pie"), []string{"-until", "30"}, 1, "there is no input 30: the last one is 7"},
	} {
		status, out, e := call(t, tt.p, "", append([]string{"-replay", dir}, tt.args...)...)
		if status != tt.status || !strings.Contains(out+e, tt.want) {
			t.Errorf("%s: status %d\n%s%s", tt.name, status, out, e)
		}
	}
}

// digested is what a digest stands for, and what it does not.
const digested = "which endpoints came and went, which kinds of events and actions there were, in which order, and commands with their content\n" +
	"  not compared: what was in messages and states; a journal with -trace has that\ndigest "

// stealthy returns the kitchen with another state in each cook, or another
// message to everybody, neither of which shows outside.
func stealthy(state bool) journal.Program {
	name := topic.FieldOf(func(d *dish) *string { return &d.Name })
	cook := func(n string) actions.Action {
		return actions.Spawn(actions.Next(pot{Name: n}, endpoint.Subscriber(topic.Where(name.Is(n)), endpoint.OnMessageState(func(p pot, d dish) actions.Transition[pot] {
			if state {
				p.Made++
			} else {
				return actions.Next(p, actions.Send(fmt.Sprint("one more ", n)))
			}
			return actions.Next(p, actions.Send("one more"))
		})).As("pot"))).Named(n)
	}
	return journal.Booting(cook("soup"), actions.Spawn(actions.Stateless(
		endpoint.Device(hatch{}, endpoint.OnValue(func(d dish) actions.Action { return actions.Send(d) }), endpoint.OnEnded(func(error) actions.Action { return actions.Quit() })),
		endpoint.Subscriber(topic.All[string](), endpoint.OnMessage(func(string) actions.Action { return nil })))))
}

// A replay that differs only in messages and states does not claim to be the
// same: without a trace they are compared only now and then, and it says so (Issue 9.12, issue 14).
func TestWhatIsCompared(t *testing.T) {
	keep := func(p journal.Program, flags ...string) (dir string) {
		dir = filepath.Join(t.TempDir(), "kitchen.journal")
		synctest.Test(t, func(t *testing.T) { call(t, p, "", append([]string{"-journal", dir}, flags...)...) })
		return dir
	}
	types := []actions.Type{actions.Define("kitchen.pot", func(pot) actions.Action { return nil }).Type}
	a, b := stealthy(false), stealthy(true)
	status, out, e := call(t, b, "", "-replay", keep(a))
	if status != 1 || !strings.Contains(e, "at one of the inputs 1 to 2 (record the run with a trace to know at which, and where)\n\tin process 2 soup\n\trecorded: something else, of which the journal has only the digest ") {
		t.Errorf("status %d\n%s%s", status, out, e)
	}
	checkEvery = 100
	dir := keep(a)
	checkEvery = 2
	status, out, e = call(t, b, "", "-replay", dir)
	if status != 0 || !strings.HasPrefix(out, "replayed 7 inputs: no difference in what was compared, checks: 7\n  up to input 7: "+digested) || strings.Contains(out, "same") {
		t.Errorf("status %d\n%s%s", status, out, e)
	}
	if status, out, e = call(t, b, "", "-replay", keep(a, "-trace")); status != 1 || !strings.Contains(e, `send "one more"`) {
		t.Errorf("status %d\n%s%s", status, out, e)
	}
	a.Types = types
	status, out, e = call(t, a, "", "-replay", keep(a, "-trace"))
	if status != 0 || !strings.Contains(out, "  up to input 7: every event, action and command, with its content, and the states of processes of known types\ndigest ") {
		t.Errorf("status %d\n%s%s", status, out, e)
	}
	// The first half has no trace, and the other one has.
	synctest.Test(t, func(t *testing.T) {
		dir = filepath.Join(t.TempDir(), "kitchen.journal")
		for i, flags := range [][]string{{"-journal", dir}, {"-journal", dir, "-trace"}} {
			ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
			f := parsed(t, flags...)
			if status := f.Main(ctx, kitchen("soup", "pie")); status != 0 {
				t.Error(i, status)
			}
			cancel()
		}
		status, out, e = call(t, kitchen("soup", "pie"), "", "-replay", dir)
	})
	if status != 0 || !strings.Contains(out, "\n  of 4 inputs with a trace: every event, action and command, with its content\n  not compared: what was in messages and states, of 6 inputs without a trace\n") {
		t.Errorf("status %d\n%s%s", status, out, e)
	}
	// Another program has taken over the first half.
	dir = keep(kitchen("soup"))
	synctest.Test(t, func(t *testing.T) { call(t, kitchen("soup", "pie"), "", "-journal", dir, "-adopt") })
	status, out, e = call(t, kitchen("soup", "pie"), "", "-replay", dir)
	if status != 0 || !strings.Contains(out, "\n  not compared: 7 inputs, because the run was adopted after them\n") {
		t.Errorf("status %d\n%s%s", status, out, e)
	}
}

// The guide shows what a replay says (Issue 9.12).
func TestGuideShowsReplay(t *testing.T) {
	guide, err := os.ReadFile("../../docs/event-sourcing.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := "no difference in what was compared, checks: 7\n  up to input 19: " + digested; !strings.Contains(string(guide), want) {
		t.Errorf("it does not have\n%s", want)
	}
}

// TestUnchecked: a replay does not claim more than it has compared.
func TestUnchecked(t *testing.T) {
	checkEvery = 100
	defer func() { checkEvery = 2 }()
	dir := cooked(t, "-durability", "memory")
	files, err := filepath.Glob(filepath.Join(dir, "*.journal"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	for _, want := range []string{
		"replayed 7 inputs: no difference in what was compared, checks: 6\n  up to input 7: " + digested,
		"replayed 7 inputs: no difference in what was compared, checks: 5\n  up to input 6: " + strings.Replace(digested, "  not", "  behind it, where there is no digest: which endpoints came and went\n  not", 1),
	} {
		if status, out, e := call(t, kitchen("soup", "pie"), "", "-replay", dir); status != 0 || !strings.HasPrefix(out, want) {
			t.Errorf("status %d\n%s%s", status, out, e)
		}
		info, err := os.Stat(files[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(files[0], info.Size()-1); err != nil { // the digest at the end
			t.Fatal(err)
		}
	}
	const undigested = "replayed 1 input: no difference in what was compared, checks: 0\n  which endpoints came and went\n  not compared: anything else, because there is no digest\ndigest "
	if status, out, e := call(t, kitchen("soup", "pie"), "", "-replay", dir, "-until", "1"); status != 0 || !strings.HasPrefix(out, undigested) {
		t.Errorf("status %d\n%s%s", status, out, e)
	}
	if err := os.Truncate(files[0], 60); err != nil {
		t.Fatal(err)
	}
	if status, out, e := call(t, kitchen("soup", "pie"), "", "-replay", dir); status != 0 || !strings.Contains(out, "no inputs") {
		t.Errorf("status %d\n%s%s", status, out, e)
	}
}

// TestReplayOfFormat1: a replay says that it has not compared what is in the traces
// of format 1. The journal is of a build that wrote that format.
func TestReplayOfFormat1(t *testing.T) {
	const want = "replayed 7 inputs: no difference in what was compared, checks: 7\n" +
		"  up to input 7: which endpoints came and went, which kinds of events and actions there were, in which order, and commands with their content\n" +
		"  not compared: what was in messages and states, of 7 inputs with a trace in an earlier format, which depends on the names of types\n" +
		"digest "
	status, out, e := call(t, kitchen("soup", "pie"), "", "-replay", filepath.Join("testdata", "format1"))
	if status != 0 || !strings.HasPrefix(out, want) {
		t.Errorf("status %d\n%s%s", status, out, e)
	}
}
