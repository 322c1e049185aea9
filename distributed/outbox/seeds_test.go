package outbox_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed/internal/simtest"
	"github.com/go-marketplace/marketplace/distributed/outbox"
)

// A machine is a node of the simulated cluster.
type machine struct {
	*simtest.Machine
	boxes int // to which it sends; 0 for a receiver
	life  int // of a machine without a journal: how often it began anew
	dumps chan personState

	mu    sync.Mutex
	heard []body // in all lives, as far as a machine with a journal has told it
}

// told handles what the person of a machine tells.
func (m *machine) told(c any) {
	switch c := c.(type) {
	case body:
		m.mu.Lock()
		defer m.mu.Unlock()
		m.heard = append(m.heard, c)
	case personState:
		m.dumps <- c
	}
}

// A run is a simulated cluster with a seed.
type run struct {
	*simtest.Cluster
	machines []*machine
	config   outbox.Config
	strict   bool // nobody forgets anybody
	stats    *stats
}

// stats count what has happened, so that the test is known to test something.
type stats struct{ handed, delivered, forgotten, full, crashes int }

// add adds a machine, and starts it.
func (r *run) add(name string, boxes int, journal bool) {
	m := &machine{Machine: r.Machine(name, journal), boxes: boxes, dumps: make(chan personState, 10)}
	cluster, kind := m.Config(), m.kind()
	m.Types = slices.Concat(cluster.Types(), outbox.Types(), []actions.Type{kind.Type})
	m.Heard = m.told
	m.Boot = func() []actions.Action {
		if m.Disk == nil {
			m.life++
		}
		as := []actions.Action{cluster.Driver(), cluster.Serve("hall")}
		if boxes == 0 {
			as = append(as, r.config.Receiver("orders"))
		}
		for i := range boxes {
			as = append(as, r.config.Sender(boxOf(i)))
		}
		return append(as, kind.Spawn(person{m.Port(), personState{Node: name, Life: m.life, Open: boxes == 0}}))
	}
	r.machines = append(r.machines, m)
	r.Start(m.Machine)
}

// any returns one of the machines.
func (r *run) any() *machine { return r.machines[r.Rand.IntN(len(r.machines))] }

// step does one thing at random.
func (r *run) step() {
	m := r.any()
	switch k := r.Rand.IntN(100); {
	case !m.Runs():
		if k < 50 {
			r.Start(m.Machine)
		}
	case k < 60 && m.boxes > 0:
		for range 1 + r.Rand.IntN(5) {
			r.Order(m.Machine, order{"hand", r.Rand.IntN(m.boxes)})
		}
	case k < 60:
		r.Order(m.Machine, order{[]string{"open", "open", "close"}[r.Rand.IntN(3)], 0})
	case k < 72:
		r.Part(r.any().Machine, r.any().Machine)
	case k < 88:
		r.Kill(m.Machine)
		r.stats.crashes++
	case k < 92:
		r.Stop(m.Machine)
	default:
		r.Pause(m.Machine)
	}
	simtest.Pass([]time.Duration{0, 0, time.Millisecond, 50 * time.Millisecond, time.Second, 3 * time.Second}[r.Rand.IntN(6)])
}

// dump returns what a person has.
func (m *machine) dump() (personState, error) {
	if !m.Order(order{Do: "dump"}, time.Minute) {
		return personState{}, fmt.Errorf("the person of %s is gone", m.Name)
	}
	return <-m.dumps, nil
}

// check compares what was handed over with what has arrived.
func (r *run) check() (wrong []string) {
	all := map[string]personState{}
	for _, m := range r.machines {
		d, err := m.dump()
		if err != nil {
			wrong = append(wrong, err.Error())
		}
		all[m.Name] = d
	}
	for _, from := range r.machines {
		for to := range from.boxes {
			receiver := r.machines[slices.IndexFunc(r.machines, func(m *machine) bool { return m.Name == boxOf(to).Place.Node })]
			for _, w := range r.compare(from, receiver, to, all[from.Name], all[receiver.Name]) {
				wrong = append(wrong, fmt.Sprintf("from %s to %s: %s", from.Name, receiver.Name, w))
			}
		}
	}
	return wrong
}

func (r *run) compare(from, at *machine, to int, has, heard personState) (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	got := map[int][]int{} // by life
	if at.Disk == nil {
		heard.Heard = at.heard
	}
	for _, b := range heard.Heard {
		if b.Node == from.Name && b.To == to {
			got[b.Life] = append(got[b.Life], b.K)
		}
	}
	for life, ks := range got {
		for i, k := range ks {
			if i > 0 && k <= ks[i-1] {
				say("life %d: %d comes after %d: %v", life, k, ks[i-1], ks)
			}
			if r.strict && r.config.Messages == 0 && k != i+1 {
				say("life %d: %d is missing: %v", life, i+1, ks)
			}
		}
	}
	ends := map[int]string{}
	for _, res := range has.Results {
		if res.To != to {
			continue
		}
		if _, twice := ends[res.K]; twice {
			say("the call %d has ended twice", res.K)
		}
		ends[res.K] = res.End
	}
	now := got[has.Life]
	for k := 1; k <= has.Handed[to]; k++ {
		end, ok := ends[k]
		r.stats.handed++
		switch here := slices.Contains(now, k); {
		case !ok:
			say("the call %d has not ended", k)
		case end == "":
			r.stats.delivered++
			if !here {
				say("%d was delivered, and is not there: %v", k, now)
			}
		case end == "forgotten":
			r.stats.forgotten++
			if r.strict {
				say("%d is forgotten, and nobody forgets", k)
			}
		case end == "full":
			r.stats.full++
			if r.config.Messages == 0 {
				say("%d is refused, and there is room", k)
			}
			if here {
				say("%d was refused, and is there", k)
			}
		default:
			say("%d: %s", k, end)
		}
	}
	if n := len(now); n > 0 && now[n-1] > has.Handed[to] {
		say("%d is there, and was not handed over", now[n-1])
	}
	return wrong
}

// simulate runs a cluster, and returns what is wrong.
func (r *run) simulate() []string {
	journals := r.Rand.IntN(2) == 0 // all machines have journals
	receivers, senders := 1+r.Rand.IntN(maxBoxes), 1+r.Rand.IntN(3)
	r.config = outbox.Config{Window: 1 + r.Rand.IntN(4)}
	switch r.Rand.IntN(6) {
	case 0:
		r.config.Senders, r.strict = 1, false
	case 1:
		r.config.Messages = 3
	}
	for i := range receivers + senders {
		has := journals || r.Rand.IntN(2) == 0
		if i < receivers {
			r.strict = r.strict && has
			r.add(boxOf(i).Place.Node, 0, has)
		} else {
			r.add(fmt.Sprint("s", i), receivers, has)
		}
	}
	for range 60 {
		r.step()
	}
	r.Heal()
	for _, m := range r.machines[:receivers] {
		r.Order(m.Machine, order{Do: "open"})
	}
	simtest.Pass(time.Minute)
	return r.check()
}

// TestSeeds: clusters with delay, loss, partitions, pauses, and machines that are killed, lose
// what they have not synced, and recover from journals and snapshots, or begin anew without
// one. Each message arrives exactly once and in order, and each call ends once, with what is
// true. Only receivers that forget make a call end without certainty.
func TestSeeds(t *testing.T) {
	var sum stats
	simtest.Seeds(t, 40, func(c *simtest.Cluster) []string {
		return (&run{Cluster: c, strict: true, stats: &sum}).simulate()
	})
	t.Logf("%+v", sum)
}
