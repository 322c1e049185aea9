package distributed_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/internal/simtest"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal/waltest"
)

var (
	seeds     = flag.Int("seeds", 30, "how many seeds TestSeeds tries")
	firstSeed = flag.Uint64("first-seed", 1, "the first seed of TestSeeds")
	allSeeds  = flag.Bool("all-seeds", false, "TestSeeds goes on after a seed in which something is wrong")
)

// A machine is a node of the simulated cluster.
type machine struct {
	name   string
	node   *simtest.Node
	orders chan order
	dumps  chan dump
	disk   *waltest.Disk // nil without a journal
	every  int           // inputs between two snapshots, or 0 without them
	cancel func()
	done   chan error
}

func (m *machine) start() {
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel, m.done = cancel, make(chan error, 1)
	g := &ground.Ground{Logger: slog.New(slog.DiscardHandler)}
	if os.Getenv("SIM_LOG") != "" {
		g.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("n", m.name)
	}
	cfg, kind := distributed.Config{Network: m.node, Clock: simtest.Clock{Of: m.node}}, m.kind()
	if m.disk != nil {
		jc := journal.Config{Durability: journal.Sync, Logger: slog.New(slog.DiscardHandler)}
		if m.every > 0 {
			jc.Types, jc.SnapshotEvery, jc.DropOld = append(cfg.Types(), kind.Type), m.every, true
		}
		j, err := jc.OpenStore(m.disk)
		if err != nil {
			panic(err)
		}
		g.Journal = j
	}
	a := actor{node: m.name, port: port{m}, endpoints: map[int]had{}, said: map[string]int{}, letters: map[string]int{}}
	go func() {
		m.done <- g.Run(ctx, cfg.Driver(), cfg.Serve("room"), kind.Spawn(a))
		if g.Journal != nil {
			g.Journal.(io.Closer).Close()
		}
	}()
	synctest.Wait()
}

// stop stops a machine cleanly.
func (m *machine) stop() {
	m.cancel()
	<-m.done
	m.cancel = nil
}

// kill ends a machine as kill -9 does: what it does after that, nobody notices.
func (m *machine) kill(n *simtest.Net, r *rand.Rand, silent bool) {
	n.Kill(m.name, silent)
	disk := m.disk
	if disk != nil {
		m.disk = disk.Crash(r.IntN)
	}
	n.Pause(m.name, false)
	m.cancel()
	<-m.done
	m.cancel = nil
	n.Revive(m.name)
}

// A run is a simulated cluster with a seed.
type run struct {
	rand      *rand.Rand
	net       *simtest.Net
	machines  []*machine
	ids       int
	endpoints map[string][]order // by node: by which they were opened
	paused    map[string]bool
	log       []string
}

func (r *run) note(format string, args ...any) {
	r.log = append(r.log, fmt.Sprintf("%v %s", time.Since(began).Round(time.Millisecond), fmt.Sprintf(format, args...)))
}

var began = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func (r *run) order(m *machine, o order) {
	select {
	case m.orders <- o:
		r.note("%s: %+v", m.name, o)
	case <-time.After(100 * time.Millisecond):
	}
}

// open orders a machine to open an endpoint.
func (r *run) open(m *machine, o order) {
	r.order(m, o)
	r.endpoints[m.name] = append(r.endpoints[m.name], o)
}

// step does one thing at random.
func (r *run) step() {
	m := r.machines[r.rand.IntN(len(r.machines))]
	at := distributed.Place{}
	if i := r.rand.IntN(len(r.machines) + 1); i < len(r.machines) {
		at = distributed.Place{Node: r.machines[i].name, Name: "room"}
	}
	if at.Node == m.name && r.rand.IntN(2) == 0 {
		at = distributed.Place{}
	}
	who := ""
	if r.rand.IntN(2) == 0 {
		who = r.machines[r.rand.IntN(len(r.machines))].name
	}
	switch k := r.rand.IntN(100); {
	case m.cancel == nil:
		if k < 50 {
			r.note("%s starts", m.name)
			m.start()
		}
	case k < 22:
		r.ids++
		r.open(m, order{Do: "publish", ID: r.ids, At: at, Who: fmt.Sprintf("%s.%d", m.name, r.ids), Count: r.ids % 3})
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
		if es := r.endpoints[m.name]; len(es) > 0 {
			if e := es[r.rand.IntN(len(es))]; e.Do == "listen" || e.Do == "count" {
				r.order(m, order{Do: "move", ID: e.ID, Who: who})
			}
		}
	case k < 65:
		if es := r.endpoints[m.name]; len(es) > 0 {
			i := r.rand.IntN(len(es))
			r.order(m, order{Do: "close", ID: es[i].ID})
			r.endpoints[m.name] = slices.Delete(es, i, i+1)
		}
	case k < 85:
		r.ids++
		r.order(m, order{Do: "say", At: at, Who: speaker(m.name, at), Count: r.ids})
	case k < 89:
		a, b := r.machines[r.rand.IntN(len(r.machines))].name, r.machines[r.rand.IntN(len(r.machines))].name
		if a != b {
			p := r.rand.IntN(2) == 0
			r.note("%s and %s are apart: %v", a, b, p)
			r.net.Part(a, b, p)
		}
	case k < 92:
		silent := r.rand.IntN(2) == 0
		r.note("%s is killed, silently: %v", m.name, silent)
		delete(r.paused, m.name)
		m.kill(r.net, r.rand, silent)
		if m.disk == nil {
			r.endpoints[m.name] = nil
		}
	case k < 94:
		if !r.paused[m.name] {
			r.note("%s stops", m.name)
			m.stop()
			if m.disk == nil {
				r.endpoints[m.name] = nil
			}
		}
	case k < 97:
		r.paused[m.name] = !r.paused[m.name]
		r.note("%s is paused: %v", m.name, r.paused[m.name])
		r.net.Pause(m.name, r.paused[m.name])
	}
	d := []time.Duration{0, time.Millisecond, 50 * time.Millisecond, time.Second, 3 * time.Second}[r.rand.IntN(5)]
	pass(d)
}

// dumps returns what all actors have, and what they say is wrong.
func (r *run) dumps() (all []dump) {
	for _, m := range r.machines {
		select {
		case m.orders <- order{Do: "dump"}:
			all = append(all, <-m.dumps)
		case <-time.After(time.Minute):
			all = append(all, dump{Node: m.name, Wrong: []string{"the actor is gone"}})
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

// there returns what an endpoint at a node has to see.
func there(all []dump, node string, o order) (want []string) {
	for _, d := range all {
		for _, p := range d.Endpoints {
			if p.Order.Do != "publish" || where(d, p) != node || !strings.HasPrefix(p.Order.Who, o.Who) {
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
			at := distributed.Place{Node: to.name, Name: "room"}
			r.ids++
			said[[2]string{m.name, to.name}] = r.ids
			r.order(m, order{Do: "say", At: at, Who: speaker(m.name, at), Count: r.ids})
			r.order(m, order{Do: "ask", At: at, Count: r.ids})
		}
	}
	pass(5 * time.Second)
	all := r.dumps()
	for _, d := range all {
		for _, m := range r.machines {
			if got, want := d.Letters[m.name], said[[2]string{d.Node, m.name}]; got != want {
				wrong = append(wrong, fmt.Sprintf("%s has answer %d of %s, and has asked %d", d.Node, got, m.name, want))
			}
			for _, e := range d.Endpoints {
				if e.Order.Do != "listen" || !strings.HasPrefix(m.name, e.Order.Who) {
					continue
				}
				if got, want := d.Said[fmt.Sprint(e.Order.ID, " ", speaker(m.name, distributed.Place{Node: where(d, e)}))], said[[2]string{m.name, where(d, e)}]; got != want {
					wrong = append(wrong, fmt.Sprintf("%s: endpoint %d has heard %d of %s last, which has said %d", d.Node, e.Order.ID, got, m.name, want))
				}
			}
		}
	}
	return append(wrong, check(all)...)
}

func where(d dump, e had) string {
	if e.Order.At.Node == "" {
		return d.Node
	}
	return e.Order.At.Node
}

// simulate runs a cluster with a seed, and returns what is wrong.
func simulate(t *testing.T, seed uint64) (wrong, log []string, frames int) {
	synctest.Test(t, func(t *testing.T) {
		limit := time.AfterFunc(time.Hour, func() { panic(fmt.Sprintf("seed %d: the cluster does not come to an end", seed)) })
		defer limit.Stop()
		r := &run{rand: rand.New(rand.NewPCG(seed, 2)), net: simtest.New(seed), endpoints: map[string][]order{}, paused: map[string]bool{}}
		r.net.Loss = []float64{0, 0, 0.01, 0.1}[r.rand.IntN(4)]
		r.net.Delay = []time.Duration{0, time.Millisecond, 100 * time.Millisecond}[r.rand.IntN(3)]
		for i := range 2 + r.rand.IntN(3) {
			name := string(rune('a' + i))
			m := &machine{name: name, node: r.net.Node(name), orders: make(chan order), dumps: make(chan dump, 10)}
			if r.rand.IntN(2) == 0 {
				m.disk = waltest.NewDisk()
				m.every = []int{0, 5, 50}[r.rand.IntN(3)]
			}
			r.machines = append(r.machines, m)
			m.start()
		}
		for range 60 {
			r.step()
		}
		r.note("the faults end")
		r.net.Heal()
		for _, m := range r.machines {
			r.net.Pause(m.name, false)
			if m.cancel == nil {
				m.start()
			}
		}
		pass(30 * time.Second)
		wrong = append(check(r.dumps()), r.speak()...)
		for _, m := range r.machines {
			m.stop()
		}
		log, frames = r.log, r.net.Frames()
	})
	return wrong, log, frames
}

// TestSeeds: clusters with delay, loss, partitions, kills, clean stops, recovery from
// journals and snapshots, and pauses. At all times, peers come and go in turn, and messages
// of one sender are in order and come once. After the faults have ended, everybody sees who
// is there and counts them, hears what is said, and has answers to letters. U-16.
func TestSeeds(t *testing.T) {
	frames := 0
	for i := range *seeds {
		seed := *firstSeed + uint64(i)
		wrong, log, n := simulate(t, seed)
		frames += n
		switch {
		case *allSeeds:
			fmt.Printf("seed %d: %d\n", seed, len(wrong))
		case len(wrong) > 0:
			t.Fatalf("seed %d:\n%s\n\n%s", seed, strings.Join(wrong, "\n"), strings.Join(log, "\n"))
		}
	}
	t.Logf("%d seeds, %d frames", *seeds, frames)
}
