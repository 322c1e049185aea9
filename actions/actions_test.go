package actions_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
)

// Whatever the shape of a tree, its leaves come in the order in which they are
// written down.
func TestLeaves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := 0
		var tree func(depth int) actions.Action
		tree = func(depth int) actions.Action {
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				return nil
			case 1:
				n++
				return actions.Delete(n)
			}
			if depth == 0 {
				return actions.Tree(nil)
			}
			branch := actions.Tree{}
			for range rapid.IntRange(0, 4).Draw(t, "branches") {
				branch = append(branch, tree(depth-1))
			}
			return branch
		}
		want := 0
		for a := range actions.Leaves(tree(6)) {
			want++
			if a.(actions.DeleteEndpoint).ID != want {
				t.Fatalf("leaf %d is %v", want, a)
			}
		}
		if want != n {
			t.Fatalf("%d leaves of %d", want, n)
		}
	})
}

// Leaves stops when it is asked to.
func TestLeavesStops(t *testing.T) {
	for range actions.Leaves(actions.Tree{actions.Quit(), actions.Tree{actions.Quit()}}) {
		break
	}
}

// A message and the request to send it are one allocation.
func TestSendAllocatesOnce(t *testing.T) {
	type m struct {
		A string
		B [4]int
	}
	var a actions.Action
	if n := testing.AllocsPerRun(100, func() { a = actions.Send(m{A: "x"}) }); n != 1 {
		t.Errorf("%v allocations for %v", n, a)
	}
}

// A message in an interface is the value in it.
func TestSendInterface(t *testing.T) {
	var v fmt.Stringer = actions.PID(3)
	m := actions.Send(v).Message
	if got, ok := topic.As[actions.PID](m); !ok || got != 3 || !topic.All[actions.PID]().Topic().Matches(m) {
		t.Errorf("got %v, %v", got, ok)
	}
}

// Mistakes are refused where they are made, with a remedy.
func TestMistakes(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func()
		says []string
	}{
		{"spawn of nothing", func() { actions.Spawn(nil) }, []string{"Spawn", "actions.Next"}},
		{"spawn of no function", func() { actions.SpawnFunc(nil) }, []string{"SpawnFunc"}},
		{"kill of nobody", func() { actions.Kill(0, nil) }, []string{"Kill", "actions.Quit"}},
		{"replacement without a name", func() { actions.Replace(actions.AddEndpoint{}) }, []string{"Replace", "As"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				text := fmt.Sprint(recover())
				for _, s := range tt.says {
					if !strings.Contains(text, s) {
						t.Errorf("it says %q, without %q", text, s)
					}
				}
			}()
			tt.do()
		})
	}
}
