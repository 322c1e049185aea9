package timer

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// A script is a run of a machine that was written down: its states and inputs,
// and the commands that followed them.
type script struct {
	states   []vm.State
	inputs   []vm.Input
	commands [][]vm.Command
	heard    [][]Expired
}

// stepFrom applies an input to a state, until that is at rest. It returns what has
// expired, too.
func stepFrom(s vm.State, in vm.Input) (_ vm.State, out []vm.Command, heard []Expired) {
	m := s.Machine(func(r *vm.Record) {
		if r.Kind == vm.Performed {
			if send, ok := r.Action.(*actions.SendMessage); ok {
				if e, ok := send.Message.Value().(Expired); ok {
					heard = append(heard, e)
				}
			}
		}
	})
	out = slices.Clone(m.Apply(in))
	for m.Busy() {
		out = append(out, m.Apply(vm.Input{Kind: vm.Continue})...)
	}
	return m.Snapshot(), out, heard
}

func (s *script) apply(in vm.Input) (out []vm.Command) {
	next, out, heard := stepFrom(s.states[len(s.states)-1], in)
	s.inputs, s.commands, s.heard = append(s.inputs, in), append(s.commands, out), append(s.heard, heard)
	s.states = append(s.states, next)
	return out
}

// B-D15, DR-48: what a machine does follows from its inputs alone. From any
// past state it does the same again, in any order and concurrently.
func TestBD15ThePastStaysWhatItWas(t *testing.T) {
	hand := world.Alarm{Label: "hand"}
	s := &script{states: []vm.State{vm.New(Driver(), everybody(),
		actions.Spawn(actions.Stateless(endpoint.Device(hand, endpoint.OnValue(func(t actions.Tree) actions.Action { return t }))))).Snapshot()}}
	random := rand.New(rand.NewPCG(1, 1))
	clock, reading := noon, uint64(0)
	var handAt, tickerAt *vm.Address
	obey := func(out []vm.Command) {
		for ; len(out) > 0; out = out[1:] {
			switch c := out[0]; {
			case c.Kind == vm.Open && c.Address.Device == world.Device(hand):
				handAt = c.Address
				continue
			case c.Kind == vm.Open:
				tickerAt, reading = c.Address, 0
			case c.Kind == vm.Close:
				tickerAt = nil
				continue
			default:
				if r, ok := c.Value.(read); ok {
					reading = r.Reading
				} else if c.Value.(wake).At.After(clock) {
					continue
				}
			}
			out = append(out, s.apply(vm.Input{Kind: vm.Value, Address: tickerAt, Value: now{clock, reading}})...)
		}
	}
	obey(s.apply(vm.Input{Kind: vm.Start}))
	for range 300 {
		var as actions.Tree
		for range random.IntN(10) {
			label := string(rune('a' + random.IntN(20)))
			d := time.Duration(random.IntN(100)) * time.Second
			as = append(as, []actions.Action{After(label, d), After(label, d), At(label, clock.Add(d)), Every(label, d+1e9), Stop(label)}[random.IntN(5)])
		}
		obey(s.apply(vm.Input{Kind: vm.Value, Address: handAt, Value: as}))
		clock = clock.Add(time.Duration(random.IntN(20)) * time.Second)
		if tickerAt != nil {
			obey(s.apply(vm.Input{Kind: vm.Value, Address: tickerAt, Value: now{clock, reading}}))
		}
	}
	expired := 0
	for _, h := range s.heard {
		expired += len(h)
	}
	if expired < 100 {
		t.Errorf("only %d timers have expired", expired)
	}
	var all sync.WaitGroup
	for range 4 {
		order := random.Perm(len(s.inputs))
		all.Go(func() {
			for _, i := range order {
				_, out, heard := stepFrom(s.states[i], s.inputs[i])
				same := cmp.Equal(out, s.commands[i], cmp.AllowUnexported(ticker{}), cmp.Comparer(func(a, b world.Device) bool { return a == b }))
				if !same || !slices.Equal(heard, s.heard[i]) {
					t.Errorf("input %d, %v: got %v and %v; the first time it was %v and %v", i, s.inputs[i], out, heard, s.commands[i], s.heard[i])
					return
				}
			}
		})
	}
	all.Wait()
}
