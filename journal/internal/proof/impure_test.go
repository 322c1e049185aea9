package proof

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// Each of these is something that a transition function must not do, in a form
// that certainly gives another result the second time.
var impurities = []struct {
	name string
	make func() func(seen []int) string // what the suspect says, given its state
}{
	{"the time", func() func([]int) string {
		return func([]int) string { return fmt.Sprint(time.Now().UnixNano()) }
	}},
	{"random numbers", func() func([]int) string {
		return func([]int) string { return fmt.Sprint(rand.Uint64()) }
	}},
	{"the order of a map", func() func([]int) string {
		m := map[int]bool{}
		for i := range 64 {
			m[i] = true
		}
		return func([]int) (s string) {
			for range 10 { // or it could be the same by chance
				for i := range m {
					s += fmt.Sprint(i, " ")
				}
			}
			return s
		}
	}},
	{"a global variable", func() func([]int) string {
		global := 0
		return func([]int) string { global++; return fmt.Sprint(global) }
	}},
	{"a goroutine", func() func([]int) string {
		var shared atomic.Int64
		var before sync.WaitGroup
		return func([]int) string {
			before.Wait()
			was := shared.Load()
			before.Go(func() { shared.Add(1) })
			return fmt.Sprint(was)
		}
	}},
	{"a state that is written to", func() func([]int) string {
		return func(seen []int) string { seen[0]++; return fmt.Sprint(seen[0]) }
	}},
}

// suspicious returns a program with a process, deep inside, that is pure but for
// notes of the key "now".
func suspicious(impure func([]int) string) func(*outside) journal.Program {
	state := []int{0}
	return booting(func(d desk) []actions.Action {
		suspect := actions.Next(state,
			actions.AtMeta(endpoint.Subscriber(topic.All[Note](), endpoint.OnMessageState(func(s []int, n Note) actions.Transition[[]int] {
				was := "well-behaved"
				if n.Key == "now" {
					was = impure(s)
				}
				return actions.Next(s, actions.AtMeta(actions.Send(Ack{Key: n.Key, Was: was})))
			}))))
		return []actions.Action{clerk(d), actions.Spawn(vm.Nested(actions.Spawn(suspect).Named("suspect"))).Named("inner")}
	})
}

// TestImpure: a replay of a program that is not deterministic says so. With a
// trace it says at which input, and in which process; without, between which
// two digests. U-02.
func TestImpure(t *testing.T) {
	notes := []Note{{"a", "1"}, {"b", "2"}, {"c", "3"}, {"now", "4"}, {"d", "5"}, {"e", "6"}, {"f", "7"}}
	const guilty = 6 // the start and the opening of the desk come first
	for _, test := range impurities {
		t.Run(test.name, func(t *testing.T) {
			for _, c := range []journal.Config{
				{Durability: journal.Memory, Trace: true},
				{Durability: journal.Memory, CheckEvery: 4},
			} {
				program := suspicious(test.make())
				store := wal.NewMemory()
				if run := live(t, store, c, program, notes...); run.err != nil {
					t.Fatal(run.err)
				}
				_, err := relive(t, store, program)
				d, ok := errors.AsType[*journal.DivergenceError](err)
				if !ok {
					t.Fatalf("trace %v: nobody has noticed: %v", c.Trace, err)
				}
				if !c.Trace {
					if d.Since != 4 || d.Seq != 8 {
						t.Errorf("without a trace: after input %d, and not after %d", d.Since, d.Seq)
					}
					continue
				}
				if d.Seq != guilty || d.Since != guilty-1 || d.Path.String() != "3/2" || d.Name != "suspect" {
					t.Errorf("at input %d, after %d, in %v %s", d.Seq, d.Since, d.Path, d.Name)
				}
				const saying = `3/2 suspect: at meta: send proof.Ack{Key: "now", N: 0, Was: "`
				if !strings.HasPrefix(d.Recorded, saying) || !strings.HasPrefix(d.Replayed, saying) || d.Recorded == d.Replayed && test.name != "the order of a map" {
					t.Errorf("recorded: %s\nreplayed: %s", d.Recorded, d.Replayed)
				}
				for _, word := range []string{"non-determinism", `at input 6: value of desk d for 2: proof.Note{Key: "now", Text: "4"}`, "in process 3/2 suspect", "time.Now"} {
					if !strings.Contains(err.Error(), word) {
						t.Errorf("the error does not say %q: %v", word, err)
					}
				}
			}
		})
	}
}

// TestImpureRecovery: such a program is not recovered into another state than
// it had: its recovery fails.
func TestImpureRecovery(t *testing.T) {
	program := suspicious(impurities[0].make())
	store := wal.NewMemory()
	c := journal.Config{Durability: journal.Memory, Trace: true, Logger: slog.New(slog.DiscardHandler)}
	if run := live(t, store, c, program, Note{"now", "1"}, Note{"a", "2"}); run.err != nil {
		t.Fatal(run.err)
	}
	next := live(t, store, c, program, Note{"b", "3"})
	if _, ok := errors.AsType[*journal.DivergenceError](next.err); !ok || len(next.acks) > 0 {
		t.Errorf("the next run has ended with %v, after %v", next.err, next.acks)
	}
}

// TestPure: the same program is replayed without an error if it is pure.
func TestPure(t *testing.T) {
	program := suspicious(func([]int) string { return "well-behaved" })
	store := wal.NewMemory()
	run := live(t, store, journal.Config{Trace: true}, program, Note{"now", "1"}, Note{"a", "2"})
	h, err := journal.ReadStore(store)
	if run.err != nil || err != nil {
		t.Fatal(run.err, err)
	}
	report, err := h.Replay(t.Context(), program(nil), journal.ReplayConfig{})
	if err != nil || report.Checks != report.Seq {
		t.Errorf("%+v, %v", report, err)
	}
}
