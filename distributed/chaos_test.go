package distributed_test

import (
	"flag"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/internal/simtest"
	"github.com/go-marketplace/marketplace/vm"
)

var minutes = flag.Float64("minutes", 0.5, "how many simulated minutes TestChaos lasts")

// place returns a place of the cluster that is no room.
func (r *run) place(i int) distributed.Place {
	return distributed.Place{Node: string(rune('a' + i%3)), Name: fmt.Sprint("p", i)}
}

// serve returns the places of machine i: machines in it, each with a clerk.
func (r *run) serve(i int, cluster distributed.Config) (as []actions.Action) {
	for ; i < r.places; i += 3 {
		as = append(as, actions.Spawn(vm.Nested(cluster.Serve(r.place(i).Name), clerks.Spawn(clerk{}))))
	}
	return as
}

// call orders a machine to make a call.
func (r *run) call(m *machine, at distributed.Place) {
	r.ids++
	r.order(m, order{Do: "call", At: at, Count: r.ids})
}

// answered returns how many calls were answered, and notes which have no end.
func (r *run) answered(wrong *[]string) (n int) {
	for _, d := range r.dumps() {
		n += d.Answered
		if len(d.Calls) > 0 {
			*wrong = append(*wrong, fmt.Sprintf("%s: the calls %v have no end", d.Node, d.Calls))
		}
	}
	return n
}

// close orders all machines to close all endpoints: also those of which an earlier order to do so
// was not taken, because the machine was paused.
func (r *run) close() {
	for i, d := range r.dumps() {
		for _, e := range d.Endpoints {
			r.order(r.machines[i], order{Do: "close", ID: e.Order.ID})
		}
	}
}

// maxEndpoints is how many endpoints a machine of TestChaos has at most.
const maxEndpoints = 60

// TestChaos: three nodes with 200 places, of which one has a journal and one has none. Nodes are
// killed, stopped, paused, restarted and parted at random, and the network loses and delays frames.
// At all times, peers come and go in turn, messages of one sender are in order and come once, and
// each call ends once. After the faults have ended, every view equals the truth, no call is open,
// and new calls are answered. When nobody takes part any more, no link is left, and no goroutine.
//
//	go test ./distributed -run TestChaos -minutes 10 -seeds 3 -timeout 1h
func TestChaos(t *testing.T) {
	var frames, answered, orders int
	simtest.Seeds(t, 1, func(c *simtest.Cluster) (wrong []string) {
		r := &run{Cluster: c, endpoints: map[string][]order{}, places: 200, heartbeat: time.Second}
		for i, journal := range []bool{true, false, c.Rand.IntN(2) == 0} {
			r.add(string(rune('a'+i)), journal)
		}
		simtest.Pass(time.Second)
		idle := runtime.NumGoroutine()
		began := time.Now()
		for time.Since(began) < time.Duration(*minutes*float64(time.Minute)) {
			r.step()
			for _, m := range r.machines {
				if es := r.endpoints[m.Name]; len(es) > maxEndpoints {
					r.order(m, order{Do: "close", ID: es[0].ID})
					r.endpoints[m.Name] = es[1:]
				}
			}
		}
		r.Heal()
		simtest.Pass(time.Minute)
		wrong = append(check(r.dumps()), r.speak()...)
		before := r.answered(&wrong)
		for i := range r.places {
			r.call(r.machines[(i+1)%3], r.place(i))
		}
		simtest.Pass(10 * time.Second)
		if n := r.answered(&wrong) - before; n != r.places {
			wrong = append(wrong, fmt.Sprintf("%d of %d calls were answered", n, r.places))
		}
		answered += before
		r.close()
		simtest.Pass(2 * time.Minute)
		if n := c.Net.Links(); n > 0 {
			wrong = append(wrong, fmt.Sprintf("%d ends of links are left", n))
		}
		if n := runtime.NumGoroutine(); n > idle+10 {
			wrong = append(wrong, fmt.Sprintf("there are %d goroutines, and were %d at the beginning", n, idle))
		}
		frames += c.Net.Frames()
		orders += r.ids
		return wrong
	})
	t.Logf("%.1f minutes each: %d frames, %d orders, %d calls answered before the faults have ended", *minutes, frames, orders, answered)
}
