package simtest

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/journal/wal/waltest"
)

var (
	seeds     = flag.Int("seeds", 0, "how many seeds TestSeeds tries; 0 for its default")
	firstSeed = flag.Uint64("first-seed", 1, "the first seed of TestSeeds")
	allSeeds  = flag.Bool("all-seeds", false, "TestSeeds goes on after a seed in which something is wrong")
)

// A Cluster is a simulated cluster: a network, and machines to which things happen at random.
type Cluster struct {
	Net  *Net
	Rand *rand.Rand // what the test draws; it follows from the seed

	machines []*Machine
	log      []string // what has happened
}

// Seeds calls simulate with a new cluster for each seed of the flags: by default, for count
// seeds. The network has random delay and loss. Afterwards, Seeds stops all machines. It fails
// the test with the first seed for which simulate returns what is wrong, and prints what has
// happened. With the environment variable SIM_LOG, the machines log to standard error.
func Seeds(t *testing.T, count int, simulate func(c *Cluster) (wrong []string)) {
	if *seeds > 0 {
		count = *seeds
	}
	for i := range count {
		seed := *firstSeed + uint64(i)
		var c *Cluster
		var wrong []string
		synctest.Test(t, func(*testing.T) {
			limit := time.AfterFunc(time.Hour, func() { panic(fmt.Sprintf("seed %d: the cluster does not come to an end", seed)) })
			defer limit.Stop()
			c = &Cluster{Net: newNet(seed), Rand: rand.New(rand.NewPCG(seed, 2))}
			c.Net.loss = []float64{0, 0, 0.01, 0.1}[c.Rand.IntN(4)]
			c.Net.delay = []time.Duration{0, time.Millisecond, 100 * time.Millisecond}[c.Rand.IntN(3)]
			wrong = simulate(c)
			for _, m := range c.machines {
				if m.Runs() {
					m.stop()
				}
			}
		})
		switch {
		case *allSeeds:
			fmt.Printf("seed %d: %d\n", seed, len(wrong))
		case len(wrong) > 0:
			t.Fatalf("seed %d:\n%s\n\n%s", seed, strings.Join(wrong, "\n"), strings.Join(c.log, "\n"))
		}
	}
	t.Logf("%d seeds", count)
}

// Machine returns a new machine at the node with that name. If it has a journal, the
// distance of its snapshots is random.
func (c *Cluster) Machine(name string, journal bool) *Machine {
	m := &Machine{Name: name, node: c.Net.node(name), orders: make(chan any)}
	c.machines = append(c.machines, m)
	if journal {
		m.Disk = waltest.NewDisk()
		m.every = []int{0, 5, 50}[c.Rand.IntN(3)]
	}
	return m
}

// Notef adds a line to what Seeds prints of a seed in which something is wrong.
func (c *Cluster) Notef(format string, args ...any) {
	began := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // of the bubble
	c.log = append(c.log, fmt.Sprintf("%v %s", time.Since(began).Round(time.Millisecond), fmt.Sprintf(format, args...)))
}

// Start starts a machine.
func (c *Cluster) Start(m *Machine) {
	c.Notef("%s starts", m.Name)
	m.start()
}

// Stop stops a machine cleanly, unless it is paused.
func (c *Cluster) Stop(m *Machine) {
	if !c.Net.paused(m.node) {
		c.Notef("%s stops", m.Name)
		m.stop()
	}
}

// Kill ends a machine as kill -9, or a loss of power, does: nobody notices what it does after
// that, and what it has not synced is perhaps lost. The others notice the end of its links,
// or do not.
func (c *Cluster) Kill(m *Machine) {
	silent := c.Rand.IntN(2) == 0
	c.Notef("%s is killed, silently: %v", m.Name, silent)
	c.Net.kill(m.node, silent)
	if m.Disk != nil {
		m.Disk = m.Disk.Crash(c.Rand.IntN)
	}
	c.Net.pause(m.node, false)
	m.stop()
	c.Net.revive(m.node)
}

// Pause pauses a machine, or lets it go on if it is paused.
func (c *Cluster) Pause(m *Machine) {
	paused := !c.Net.paused(m.node)
	c.Notef("%s is paused: %v", m.Name, paused)
	c.Net.pause(m.node, paused)
}

// Part parts two nodes, or ends that.
func (c *Cluster) Part(a, b *Machine) {
	if a != b {
		apart := c.Rand.IntN(2) == 0
		c.Notef("%s and %s are apart: %v", a.Name, b.Name, apart)
		c.Net.part(a.Name, b.Name, apart)
	}
}

// Heal ends all faults, and starts the machines that do not run.
func (c *Cluster) Heal() {
	c.Notef("the faults end")
	c.Net.heal()
	for _, m := range c.machines {
		c.Net.pause(m.node, false)
		if !m.Runs() {
			m.start()
		}
	}
}

// Order gives an order to a machine, unless it does not take it at once.
func (c *Cluster) Order(m *Machine, order any) {
	if m.Order(order, 100*time.Millisecond) {
		c.Notef("%s: %+v", m.Name, order)
	}
}
