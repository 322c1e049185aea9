package outbox_test

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
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/internal/simtest"
	"github.com/go-marketplace/marketplace/distributed/outbox"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal/waltest"
)

var (
	seeds     = flag.Int("seeds", 40, "how many seeds TestSeeds tries")
	firstSeed = flag.Uint64("first-seed", 1, "the first seed of TestSeeds")
	allSeeds  = flag.Bool("all-seeds", false, "TestSeeds goes on after a seed in which something is wrong")
)

// A machine is a node of the simulated cluster.
type machine struct {
	name    string
	boxes   int // to which it sends; 0 for a receiver
	config  outbox.Config
	node    *simtest.Node
	orders  chan order
	dumps   chan personState
	disk    *waltest.Disk // nil without a journal
	every   int           // inputs between two snapshots, or 0 without them
	life    int           // how often it began anew
	crashes int
	cancel  func()
	done    chan error

	mu    sync.Mutex
	heard []body // in all lives, as far as a machine with a journal has told it
}

// told notes what the person of a machine has heard.
func (m *machine) told(b body) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.heard = append(m.heard, b)
}

func (m *machine) start() {
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel, m.done = cancel, make(chan error, 1)
	g := &ground.Ground{Logger: slog.New(slog.DiscardHandler)}
	if os.Getenv("SIM_LOG") != "" {
		g.Logger = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug})).With("n", m.name)
	}
	cluster, kind := distributed.Config{Network: m.node, Clock: simtest.Clock{Of: m.node}}, m.kind()
	if m.disk != nil {
		c := journal.Config{Durability: journal.Sync, Logger: slog.New(slog.DiscardHandler)}
		if m.every > 0 {
			c.Types, c.SnapshotEvery, c.DropOld = slices.Concat(cluster.Types(), outbox.Types(), []actions.Type{kind.Type}), m.every, true
		}
		j, err := c.OpenStore(m.disk)
		if err != nil {
			panic(err)
		}
		g.Journal = j
	} else {
		m.life++
	}
	boot := []actions.Action{cluster.Driver(), cluster.Serve("hall")}
	if m.boxes == 0 {
		boot = append(boot, m.config.Receiver("orders"))
	}
	for i := range m.boxes {
		boot = append(boot, m.config.Sender(boxOf(i)))
	}
	boot = append(boot, kind.Spawn(person{port{m}, personState{Node: m.name, Life: m.life, Open: m.boxes == 0}}))
	go func() {
		m.done <- g.Run(ctx, boot...)
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

// kill ends a machine as kill -9, or a loss of power, does: what it does after that, nobody
// notices, and what was not synced is perhaps lost.
func (m *machine) kill(n *simtest.Net, r *rand.Rand) {
	n.Kill(m.name, r.IntN(2) == 0)
	if m.disk != nil {
		m.disk = m.disk.Crash(r.IntN)
	}
	n.Pause(m.name, false)
	m.crashes++
	m.stop()
	n.Revive(m.name)
}

// A run is a simulated cluster with a seed.
type run struct {
	rand     *rand.Rand
	net      *simtest.Net
	machines []*machine
	boxes    int
	strict   bool // nobody forgets anybody
	paused   map[string]bool
	log      []string
	stats    stats
}

// stats count what has happened in a run, so that the test is known to test something.
type stats struct{ handed, delivered, forgotten, full, crashes int }

func (r *run) note(format string, args ...any) {
	r.log = append(r.log, fmt.Sprintf("%v %s", time.Since(began).Round(time.Millisecond), fmt.Sprintf(format, args...)))
}

var began = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func pass(d time.Duration) {
	time.Sleep(d) // of the bubble
	synctest.Wait()
}

func (r *run) order(m *machine, o order) {
	select {
	case m.orders <- o:
		r.note("%s: %+v", m.name, o)
	case <-time.After(100 * time.Millisecond):
	}
}

// step does one thing at random.
func (r *run) step() {
	m := r.machines[r.rand.IntN(len(r.machines))]
	switch k := r.rand.IntN(100); {
	case m.cancel == nil:
		if k < 50 {
			r.note("%s starts", m.name)
			m.start()
		}
	case k < 60 && m.boxes > 0:
		for range 1 + r.rand.IntN(5) {
			r.order(m, order{"hand", r.rand.IntN(m.boxes)})
		}
	case k < 60:
		r.order(m, order{[]string{"open", "open", "close"}[r.rand.IntN(3)], 0})
	case k < 72:
		a, b := r.machines[r.rand.IntN(len(r.machines))].name, r.machines[r.rand.IntN(len(r.machines))].name
		if a != b {
			apart := r.rand.IntN(2) == 0
			r.note("%s and %s are apart: %v", a, b, apart)
			r.net.Part(a, b, apart)
		}
	case k < 88:
		r.note("%s is killed", m.name)
		delete(r.paused, m.name)
		m.kill(r.net, r.rand)
	case k < 92:
		if !r.paused[m.name] {
			r.note("%s stops", m.name)
			m.stop()
		}
	default:
		r.paused[m.name] = !r.paused[m.name]
		r.note("%s is paused: %v", m.name, r.paused[m.name])
		r.net.Pause(m.name, r.paused[m.name])
	}
	pass([]time.Duration{0, 0, time.Millisecond, 50 * time.Millisecond, time.Second, 3 * time.Second}[r.rand.IntN(6)])
}

// dump returns what a person has.
func (m *machine) dump() (personState, error) {
	select {
	case m.orders <- order{Do: "dump"}:
		return <-m.dumps, nil
	case <-time.After(time.Minute):
		return personState{}, fmt.Errorf("the person of %s is gone", m.name)
	}
}

// check compares what was handed over with what has arrived.
func (r *run) check() (wrong []string) {
	all := map[string]personState{}
	for _, m := range r.machines {
		d, err := m.dump()
		if err != nil {
			wrong = append(wrong, err.Error())
		}
		all[m.name] = d
		r.stats.crashes += m.crashes
	}
	for _, from := range r.machines {
		for to := range from.boxes {
			receiver := r.machines[slices.IndexFunc(r.machines, func(m *machine) bool { return m.name == boxOf(to).Place.Node })]
			for _, w := range r.compare(from, receiver, to, all[from.name], all[receiver.name]) {
				wrong = append(wrong, fmt.Sprintf("from %s to %s: %s", from.name, receiver.name, w))
			}
		}
	}
	return wrong
}

func (r *run) compare(from, at *machine, to int, has, heard personState) (wrong []string) {
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	got := map[int][]int{} // by life
	if at.disk == nil {
		heard.Heard = at.heard
	}
	for _, b := range heard.Heard {
		if b.Node == from.name && b.To == to {
			got[b.Life] = append(got[b.Life], b.K)
		}
	}
	for life, ks := range got {
		for i, k := range ks {
			if i > 0 && k <= ks[i-1] {
				say("life %d: %d comes after %d: %v", life, k, ks[i-1], ks)
			}
			if r.strict && from.config.Messages == 0 && k != i+1 {
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
			if from.config.Messages == 0 {
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

// simulate runs a cluster with a seed, and returns what is wrong.
func simulate(t *testing.T, seed uint64) (wrong, log []string, s stats) {
	synctest.Test(t, func(t *testing.T) {
		limit := time.AfterFunc(time.Hour, func() { panic(fmt.Sprintf("seed %d: the cluster does not come to an end", seed)) })
		defer limit.Stop()
		r := &run{rand: rand.New(rand.NewPCG(seed, 2)), net: simtest.New(seed), paused: map[string]bool{}, strict: true}
		r.net.Loss = []float64{0, 0, 0.01, 0.1}[r.rand.IntN(4)]
		r.net.Delay = []time.Duration{0, time.Millisecond, 100 * time.Millisecond}[r.rand.IntN(3)]
		journals := r.rand.IntN(2) == 0 // all machines have journals
		r.boxes = 1 + r.rand.IntN(maxBoxes)
		config := outbox.Config{Window: 1 + r.rand.IntN(4)}
		switch r.rand.IntN(6) {
		case 0:
			config.Senders, r.strict = 1, false
		case 1:
			config.Messages = 3
		}
		add := func(name string, boxes int) {
			m := &machine{name: name, boxes: boxes, config: config, node: r.net.Node(name), orders: make(chan order), dumps: make(chan personState, 10)}
			if journals || r.rand.IntN(2) == 0 {
				m.disk = waltest.NewDisk()
				m.every = []int{0, 5, 50}[r.rand.IntN(3)]
			} else if boxes == 0 {
				r.strict = false
			}
			r.machines = append(r.machines, m)
			m.start()
		}
		for i := range r.boxes {
			add(boxOf(i).Place.Node, 0)
		}
		for i := range 1 + r.rand.IntN(3) {
			add(fmt.Sprint("s", i), r.boxes)
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
			if m.boxes == 0 {
				r.order(m, order{Do: "open"})
			}
		}
		pass(time.Minute)
		wrong = r.check()
		for _, m := range r.machines {
			m.stop()
		}
		log, s = r.log, r.stats
	})
	return wrong, log, s
}

// TestSeeds: clusters with delay, loss, partitions, pauses, and machines that are killed, lose
// what they have not synced, and recover from journals and snapshots, or begin anew without
// one. Each message arrives exactly once and in order, and each call ends once, with what is
// true. Only receivers that forget make a call end without certainty.
func TestSeeds(t *testing.T) {
	var sum stats
	for i := range *seeds {
		seed := *firstSeed + uint64(i)
		wrong, log, s := simulate(t, seed)
		switch {
		case *allSeeds:
			fmt.Printf("seed %d: %d\n", seed, len(wrong))
		case len(wrong) > 0:
			t.Fatalf("seed %d:\n%s\n\n%s", seed, strings.Join(wrong, "\n"), strings.Join(log, "\n"))
		}
		sum.handed += s.handed
		sum.delivered += s.delivered
		sum.forgotten += s.forgotten
		sum.full += s.full
		sum.crashes += s.crashes
	}
	t.Logf("%d seeds: %+v", *seeds, sum)
}
