package journal_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

type (
	ping struct{}
	pong struct{}
)

// pinger is the state of a process that sends a ping when somebody hears it, and
// counts the answers.
type pinger struct{ Answers int }

func (p pinger) process() actions.Process {
	return actions.Next(p,
		endpoint.Publisher(topic.All[ping](), endpoint.OnPresence(func(ping) actions.Action { return actions.Send(ping{}) })),
		endpoint.Subscriber(topic.All[pong](), endpoint.OnMessageState(func(p pinger, _ pong) actions.Transition[pinger] {
			return actions.Next(pinger{p.Answers + 1})
		})),
	)
}

// ponger answers pings.
type ponger struct{}

func (p ponger) process() actions.Process {
	return actions.Next(p,
		endpoint.Publisher(topic.All[pong]()),
		endpoint.Subscriber(topic.All[ping](), endpoint.OnMessage(func(ping) actions.Action { return actions.Send(pong{}) })),
	)
}

// seat is the state of a process that belongs to the first who pays for it.
type seat struct{ Owner int }

func (s seat) process() actions.Process {
	return actions.Next(s, endpoint.Subscriber(topic.Where(slipAccount.Is("seat")), endpoint.OnMessageState(func(s seat, paid Slip) actions.Transition[seat] {
		if s.Owner == 0 {
			s.Owner = paid.Amount
		}
		return actions.Next(s)
	})))
}

// doorkeeper is the state of a process that lets in a pinger or a ponger for each
// slip with that name, and publishes all other slips.
type doorkeeper struct{ At string }

func (k doorkeeper) process() actions.Process {
	return actions.Next(k, endpoint.Device(counter{k.At, newStreet()}, endpoint.OnValue(func(s Slip) actions.Action {
		switch s.Account {
		case "ping":
			return actions.Spawn(pinger{}.process())
		case "pong":
			return actions.Spawn(ponger{}.process())
		}
		return actions.Send(s)
	})))
}

// TestExploreOrders: a run has branches with the same inputs in every order that
// keeps the order of each device. Ping and pong, and a sum, end in one state in all
// of them; a race that is planted ends in two. U-11.
func TestExploreOrders(t *testing.T) {
	for _, tt := range []struct {
		name         string
		north, south []Slip
		orders       int
		ends         []string
	}{
		{"none", []Slip{{"ping", 0}, {"cup", 3}}, []Slip{{"pong", 0}, {"cup", 4}}, 6,
			[]string{"[{0} {1} {cup 7} {}]"}},
		{"planted", []Slip{{"ping", 0}, {"seat", 1}}, []Slip{{"pong", 0}, {"seat", 2}, {"cup", 4}}, 10,
			[]string{"[{1} {1} {cup 4} {}]", "[{1} {2} {cup 4} {}]"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := atTwoDoors(t, tt.north, tt.south)
			all := orders(t, r, 1)
			ends := map[string]bool{}
			for _, b := range all {
				ends[players(moment(t, b, b.Last()))] = true
			}
			if got := slices.Sorted(maps.Keys(ends)); len(all) != tt.orders || !slices.Equal(got, tt.ends) {
				t.Errorf("%d orders, and not %d, end in %q, and not in %q", len(all), tt.orders, got, tt.ends)
			}
		})
	}
}

// atTwoDoors records a run in which slips come in at two doors: first those at the
// north door, then those at the south door.
func atTwoDoors(t *testing.T, north, south []Slip) *journal.Recording {
	t.Helper()
	dir := t.TempDir()
	j, err := journal.Config{Logger: quiet}.Open(dir)
	must(t, err)
	program := journal.Booting(actions.Spawn(doorkeeper{"north"}.process()), actions.Spawn(doorkeeper{"south"}.process()),
		actions.Spawn(account{Name: "cup"}.process()), actions.Spawn(seat{}.process()))
	m, start, err := j.Begin(context.Background(), vm.Limits{}, program.Boot)
	must(t, err)
	apply := func(in vm.Input) {
		must(t, j.Append(in))
		m.Apply(in)
		_, err := j.Commit(m)
		must(t, err)
	}
	apply(start)
	for i, slips := range [][]Slip{north, south} {
		for _, s := range slips {
			apply(vm.Input{Kind: vm.Value, Address: m.Held(uint64(i + 1)), Value: s})
		}
	}
	must(t, j.End(nil))
	r, err := read(t, dir).Record(program)
	must(t, err)
	return r
}

// orders returns branches of r, which have the inputs after one in every order that
// keeps the order of each device.
func orders(t *testing.T, r *journal.Recording, after uint64) (all []*journal.Recording) {
	t.Helper()
	queues := map[string][]vm.Input{} // by device
	total := 0
	_, err := r.Branch(t.Context(), journal.Branch{From: after, Edit: func(_ uint64, in vm.Input) []vm.Input {
		name := in.Address.Device.DeviceName()
		queues[name] = append(queues[name], in)
		total++
		return nil
	}})
	must(t, err)
	var extend func(order []vm.Input)
	extend = func(order []vm.Input) {
		if len(order) == total {
			b, err := r.Branch(t.Context(), journal.Branch{From: after, Edit: func(uint64, vm.Input) []vm.Input { return nil }, Then: order})
			must(t, err)
			all = append(all, b)
		}
		for name, queue := range queues {
			if len(queue) > 0 {
				queues[name] = queue[1:]
				extend(append(slices.Clip(order), queue[0]))
				queues[name] = queue
			}
		}
	}
	extend(nil)
	return all
}

// players returns the states of all processes but the doorkeepers, sorted.
func players(m *journal.Moment) string {
	var states []string
	for p := range m.Processes() {
		if _, ok := p.State.(doorkeeper); !ok {
			states = append(states, fmt.Sprint(p.State))
		}
	}
	slices.Sort(states)
	return fmt.Sprint(states)
}
