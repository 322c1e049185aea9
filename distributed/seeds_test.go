package distributed_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/internal/simtest"
)

// A machine is a node of the simulated cluster.
type machine struct {
	*simtest.Machine
	dumps chan dump
}

// A run is a simulated cluster with a seed.
type run struct {
	*simtest.Cluster
	machines  []*machine
	ids       int
	endpoints map[string][]order // by node: by which they were opened
	places    int                // that the machines serve, besides their rooms
	heartbeat time.Duration
}

// add adds a machine, with a journal or not, and starts it.
func (r *run) add(name string, journal bool) {
	m := &machine{r.Machine(name, journal), make(chan dump, 10)}
	cluster, kind := m.Config(), m.kind()
	cluster.Heartbeat = r.heartbeat
	m.Types = append(cluster.Types(), kind.Type, clerks.Type, callers.Type)
	serve := append([]actions.Action{cluster.Serve("room")}, r.serve(len(r.machines), cluster)...)
	m.Heard = func(c any) { m.dumps <- c.(dump) }
	m.Boot = func() []actions.Action {
		if m.Disk == nil {
			r.endpoints[name] = nil // they ended with the machine
		}
		a := actor{node: name, port: m.Port(), endpoints: map[int]had{}, said: map[string]int{}, letters: map[string]int{}}
		return append(slices.Clip(serve), cluster.Driver(), kind.Spawn(a))
	}
	r.machines = append(r.machines, m)
	r.Start(m.Machine)
}

// any returns one of the machines.
func (r *run) any() *machine { return r.machines[r.Rand.IntN(len(r.machines))] }

// open orders a machine to open an endpoint.
func (r *run) open(m *machine, o order) {
	r.order(m, o)
	r.endpoints[m.Name] = append(r.endpoints[m.Name], o)
}

func (r *run) order(m *machine, o order) { r.Order(m.Machine, o) }

// step does one thing at random.
func (r *run) step() {
	m := r.any()
	at := distributed.Place{}
	if i := r.Rand.IntN(len(r.machines) + 1); i < len(r.machines) {
		at = distributed.Place{Node: r.machines[i].Name, Name: "room"}
	}
	if r.places > 0 && r.Rand.IntN(10) > 0 {
		at = r.place(r.Rand.IntN(r.places))
	}
	if at.Name == "room" && at.Node == m.Name && r.Rand.IntN(2) == 0 {
		at = distributed.Place{}
	}
	who := ""
	if r.Rand.IntN(2) == 0 {
		who = r.any().Name
	}
	switch k := r.Rand.IntN(100); {
	case !m.Runs():
		if k < 50 {
			r.Start(m.Machine)
		}
	case k < 22:
		r.ids++
		r.open(m, order{Do: "publish", ID: r.ids, At: at, Who: fmt.Sprintf("%s.%d", m.Name, r.ids), Count: r.ids % 3})
	case k < 40:
		r.ids++
		r.open(m, order{Do: "listen", ID: r.ids, At: at, Who: who})
	case k < 47:
		r.ids++
		r.open(m, order{Do: "count", ID: r.ids, At: at, Who: who})
	case k < 51:
		r.ids++
		do := "reach"
		if at == (distributed.Place{}) {
			do = "named"
		}
		r.open(m, order{Do: do, ID: r.ids, At: at})
	case k < 55:
		if es := r.endpoints[m.Name]; len(es) > 0 {
			if e := es[r.Rand.IntN(len(es))]; e.Do == "listen" || e.Do == "count" {
				r.order(m, order{Do: "move", ID: e.ID, Who: who})
			}
		}
	case k < 65:
		if es := r.endpoints[m.Name]; len(es) > 0 {
			i := r.Rand.IntN(len(es))
			r.order(m, order{Do: "close", ID: es[i].ID})
			r.endpoints[m.Name] = slices.Delete(es, i, i+1)
		}
	case k < 85:
		r.ids++
		r.order(m, order{Do: "say", At: at, Who: speaker(m.Name, at), Count: r.ids})
	case k < 89:
		r.Part(r.any().Machine, r.any().Machine)
	case k < 92:
		r.Kill(m.Machine)
	case k < 94:
		r.Stop(m.Machine)
	case k < 97:
		r.Pause(m.Machine)
	case r.places > 0:
		r.call(m, at)
	}
	d := []time.Duration{0, time.Millisecond, 50 * time.Millisecond, time.Second, 3 * time.Second}[r.Rand.IntN(5)]
	simtest.Pass(d)
}

// dumps returns what all actors have, and what they say is wrong.
func (r *run) dumps() (all []dump) {
	for _, m := range r.machines {
		if m.Order(order{Do: "dump"}, time.Minute) {
			all = append(all, <-m.dumps)
		} else {
			all = append(all, dump{Node: m.Name, Wrong: []string{"the actor is gone"}})
		}
	}
	return all
}

// check compares what endpoints see with what is there.
func check(all []dump) (wrong []string) {
	for _, d := range all {
		for _, w := range d.Wrong {
			wrong = append(wrong, d.Node+": "+w)
		}
		for _, e := range d.Endpoints {
			var want []string
			switch e.Order.Do {
			case "publish":
				continue
			case "reach":
				want = []string{e.Order.At.Node}
			case "named":
				for _, other := range all {
					if other.Node != d.Node {
						want = append(want, other.Node)
					}
				}
			default:
				want = there(all, where(d, e), e.Order)
			}
			got := slices.Sorted(slices.Values(e.Peers))
			if slices.Sort(want); !slices.Equal(got, want) {
				wrong = append(wrong, fmt.Sprintf("%s: %s %d at %v sees %q, and %q are there", d.Node, e.Order.Do, e.Order.ID, e.Order.At, got, want))
			}
		}
	}
	return wrong
}

// there returns what an endpoint at a place has to see.
func there(all []dump, at distributed.Place, o order) (want []string) {
	for _, d := range all {
		for _, p := range d.Endpoints {
			if p.Order.Do != "publish" || where(d, p) != at || !strings.HasPrefix(p.Order.Who, o.Who) {
				continue
			}
			if o.Do == "listen" {
				want = append(want, p.Order.Who)
			} else if group := fmt.Sprint("group ", p.Order.Count); !slices.Contains(want, group) {
				want = append(want, group)
			}
		}
	}
	return want
}

// speaker returns who says something at a place. What is said on a link to oneself can come
// after what is said later without it.
func speaker(node string, at distributed.Place) string {
	if at.Node == node {
		return node + ", on a link"
	}
	return node
}

// speak has each machine say something at each place, and ask each other machine, and
// returns who has not heard what.
func (r *run) speak() (wrong []string) {
	said := map[[2]string]int{} // by speaker and place
	for _, m := range r.machines {
		for _, to := range r.machines {
			at := distributed.Place{Node: to.Name, Name: "room"}
			r.ids++
			said[[2]string{m.Name, to.Name}] = r.ids
			r.order(m, order{Do: "say", At: at, Who: speaker(m.Name, at), Count: r.ids})
			r.order(m, order{Do: "ask", At: at, Count: r.ids})
		}
	}
	simtest.Pass(5 * time.Second)
	all := r.dumps()
	for _, d := range all {
		for _, m := range r.machines {
			if got, want := d.Letters[m.Name], said[[2]string{d.Node, m.Name}]; got != want {
				wrong = append(wrong, fmt.Sprintf("%s has answer %d of %s, and has asked %d", d.Node, got, m.Name, want))
			}
			for _, e := range d.Endpoints {
				if e.Order.Do != "listen" || !strings.HasPrefix(m.Name, e.Order.Who) {
					continue
				}
				at := where(d, e)
				if got, want := d.Said[fmt.Sprint(e.Order.ID, " ", speaker(m.Name, at))], said[[2]string{m.Name, at.Node}]; at.Name == "room" && got != want {
					wrong = append(wrong, fmt.Sprintf("%s: endpoint %d has heard %d of %s last, which has said %d", d.Node, e.Order.ID, got, m.Name, want))
				}
			}
		}
	}
	return append(wrong, check(all)...)
}

// where returns the place of an endpoint.
func where(d dump, e had) distributed.Place {
	if e.Order.At == (distributed.Place{}) {
		return distributed.Place{Node: d.Node, Name: "room"}
	}
	return e.Order.At
}

// simulate runs a cluster, and returns what is wrong.
func (r *run) simulate() []string {
	for i := range 2 + r.Rand.IntN(3) {
		r.add(string(rune('a'+i)), r.Rand.IntN(2) == 0)
	}
	for range 60 {
		r.step()
	}
	r.Heal()
	simtest.Pass(30 * time.Second)
	return append(check(r.dumps()), r.speak()...)
}

// TestSeeds: clusters with delay, loss, partitions, kills, clean stops, recovery from
// journals and snapshots, and pauses. At all times, peers come and go in turn, and messages
// of one sender are in order and come once. After the faults have ended, everybody sees who
// is there and counts them, hears what is said, and has answers to letters. U-16.
func TestSeeds(t *testing.T) {
	frames := 0
	simtest.Seeds(t, 30, func(c *simtest.Cluster) (wrong []string) {
		r := &run{Cluster: c, endpoints: map[string][]order{}}
		wrong = r.simulate()
		frames += c.Net.Frames()
		return wrong
	})
	t.Logf("%d frames", frames)
}
