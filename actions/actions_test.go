package actions_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// Whatever the shape of a tree, its leaves come in the order in which they are
// saved. HL-13, HL-14, HL-15.
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

// A message in an interface is the value in it. LL-04.
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

// A transition is a state and actions, and nothing else: see HL-10, HL-11 and HL-12.
// Sequencing it with others is one transition, with all actions in order. HL-16, HL-17.
func TestTransition(t *testing.T) {
	if zero := actions.Next(3); zero.State != 3 || len(slices.Collect(actions.Leaves(zero.Actions))) != 0 {
		t.Errorf("without actions, a transition is %v", zero)
	}
	if s := actions.Stateless(actions.Quit()); s.State != (struct{}{}) || fmt.Sprint(s.Actions) != "quit" {
		t.Errorf("without a state, a transition is %v", s)
	}
	type list struct {
		first string
		rest  *list
	}
	send := func(n int) actions.Action { return actions.Send(topic.Tuple{"message", n}) }
	got := actions.Next(&list{first: "x"}, send(0)).And(send(1)).And(send(2)).
		Then(func(old *list) actions.Transition[*list] { return actions.Next(&list{"y", old}, send(3)) }).
		And(send(4))
	want := actions.Next(&list{"y", &list{first: "x"}}, send(0), send(1), send(2), send(3), send(4))
	if *got.State.rest != *want.State.rest || got.State.first != want.State.first {
		t.Errorf("the state is %v", got.State)
	}
	texts := func(a actions.Action) (all []string) {
		for leaf := range actions.Leaves(a) {
			all = append(all, fmt.Sprint(leaf))
		}
		return all
	}
	if got, want := texts(got.Actions), texts(want.Actions); !slices.Equal(got, want) || len(got) != 5 {
		t.Errorf("the actions are %q, want %q", got, want)
	}
}

// As returns a copy with the name, and leaves the endpoint alone. HL-62.
func TestAs(t *testing.T) {
	e := actions.AddEndpoint{ID: "a"}
	if named := e.As("b"); named.ID != "b" || e.ID != "a" {
		t.Errorf("the copy is named %v, and the endpoint %v", named.ID, e.ID)
	}
}

// TestTupleIsRegistered: a tuple can stand in a journal, like its usual elements. G3.
func TestTupleIsRegistered(t *testing.T) {
	if name, ok := world.NameOf(reflect.TypeFor[topic.Tuple]()); !ok || name != "topic.Tuple" {
		t.Errorf("topic.Tuple is registered as %q, %v", name, ok)
	}
}
