package distributed_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
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
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal/waltest"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

var (
	seeds     = flag.Int("seeds", 30, "how many seeds TestSeeds tries")
	firstSeed = flag.Uint64("first-seed", 1, "the first seed of TestSeeds")
)

// An order says what an actor does.
type order struct {
	Do    string // "publish", "listen", "close", "say", "dump"
	ID    int    // of the endpoint
	At    distributed.Place
	Who   string // of what is published or said; what a listener wants to hear, or "" for all
	Count int
}

// A dump is what an actor has and has heard.
type dump struct {
	Node      string
	Endpoints []had
	Wrong     []string
}

type had struct {
	Order order
	Peers []string // that are present, for a listener
}

func init() {
	world.Register[order]("distributed_test.order")
	world.Register[dump]("distributed_test.dump")
}

// An actor is a process that does what it is told, and keeps what it hears in its state.
type actor struct {
	node      string
	port      port
	endpoints map[int]had
	said      map[string]int // by each that a listener has heard: the last number
	wrong     []string
}

func (a actor) open() actions.Action {
	return endpoint.Device(a.port, endpoint.OnValueState(actor.obey))
}

func (a actor) obey(o order) actions.Transition[actor] {
	a.endpoints = maps.Clone(a.endpoints)
	switch o.Do {
	case "publish":
		a.endpoints[o.ID] = had{Order: o}
		return actions.Next(a, o.At.At(endpoint.Publisher(topic.Where(sayer.Is(o.Who)))).As(o.ID))
	case "listen":
		a.endpoints[o.ID] = had{Order: o}
		p := topic.All[says]()
		if o.Who != "" {
			p = topic.Where(topic.Glob(sayer, o.Who+"*"))
		}
		return actions.Next(a, o.At.At(endpoint.Subscriber(p,
			endpoint.OnPresenceState(func(a actor, s says) actions.Transition[actor] { return a.came(o.ID, s.Who) }),
			endpoint.OnAbsenceState(func(a actor, s says, reason error) actions.Transition[actor] { return a.went(o.ID, s.Who) }),
			endpoint.OnMessageState(func(a actor, s says) actions.Transition[actor] { return a.heard(o.ID, s) }),
		)).As(o.ID))
	case "close":
		delete(a.endpoints, o.ID)
		return actions.Next(a, actions.Delete(o.ID))
	case "say":
		return actions.Next(a, distributed.Send(o.At, says{o.Who, fmt.Sprintf("%09d", o.Count)}))
	default:
		d := dump{Node: a.node, Wrong: a.wrong}
		for _, id := range slices.Sorted(maps.Keys(a.endpoints)) {
			d.Endpoints = append(d.Endpoints, a.endpoints[id])
		}
		return actions.Next(a, actions.Tell(a.port, d))
	}
}

func (a actor) fault(format string, args ...any) actor {
	a.wrong = append(slices.Clip(a.wrong), fmt.Sprintf(format, args...))
	return a
}

func (a actor) came(id int, who string) actions.Transition[actor] {
	e := a.endpoints[id]
	if slices.Contains(e.Peers, who) {
		a = a.fault("endpoint %d: %s has come twice", id, who)
	}
	e.Peers = append(slices.Clip(e.Peers), who)
	a.endpoints = maps.Clone(a.endpoints)
	a.endpoints[id] = e
	return actions.Next(a)
}

func (a actor) went(id int, who string) actions.Transition[actor] {
	e, ok := a.endpoints[id]
	if !ok {
		return actions.Next(a)
	}
	i := slices.Index(e.Peers, who)
	if i < 0 {
		return actions.Next(a.fault("endpoint %d: %s has gone and was not there", id, who))
	}
	e.Peers = slices.Delete(slices.Clone(e.Peers), i, i+1)
	a.endpoints = maps.Clone(a.endpoints)
	a.endpoints[id] = e
	return actions.Next(a)
}

func (a actor) heard(id int, s says) actions.Transition[actor] {
	key := fmt.Sprint(id, " ", s.Who)
	var n int
	fmt.Sscanf(s.What, "%d", &n)
	if n <= a.said[key] {
		a = a.fault("endpoint %d: %s says %d after %d", id, s.Who, n, a.said[key])
	}
	a.said = maps.Clone(a.said)
	a.said[key] = n
	return actions.Next(a)
}

// A port is the device by which an actor gets orders.
type port struct{ m *machine }

func (p port) DeviceName() string { return "port " + p.m.name }

func (p port) Open(context.Context, world.Env) (world.Handle, error) {
	return &openPort{port: p, closed: make(chan struct{})}, nil
}

type openPort struct {
	port
	told   bool
	once   sync.Once
	closed chan struct{}
}

func (p *openPort) Recv() (any, error) {
	if !p.told {
		p.told = true
		return "open", nil
	}
	select {
	case o := <-p.m.orders:
		return o, nil
	case <-p.closed:
		return nil, io.EOF
	}
}

func (p *openPort) Try(cs []any) (int, error) {
	for _, c := range cs {
		p.m.dumps <- c.(dump)
	}
	return len(cs), nil
}

func (p *openPort) Do(c any) error { _, err := p.Try([]any{c}); return err }
func (p *openPort) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }

// A machine is a node of the simulated cluster.
type machine struct {
	name   string
	node   *simNode
	orders chan order
	dumps  chan dump
	disk   *waltest.Disk // nil without a journal
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
	if m.disk != nil {
		j, err := journal.Config{Durability: journal.Sync, Logger: slog.New(slog.DiscardHandler)}.OpenStore(m.disk)
		if err != nil {
			panic(err)
		}
		g.Journal = j
	}
	cfg := distributed.Config{Network: m.node, Clock: simClock{m.node}}
	a := actor{node: m.name, port: port{m}, endpoints: map[int]had{}, said: map[string]int{}}
	go func() {
		m.done <- g.Run(ctx, cfg.Driver(), cfg.Serve("room"), actions.Spawn(actions.Next(a, a.open())))
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
func (m *machine) kill(n *simNet, r *rand.Rand, silent bool) {
	n.kill(m.name, silent)
	disk := m.disk
	if disk != nil {
		m.disk = disk.Crash(func(k int) int { return r.IntN(k + 1) })
	}
	n.pause(m.name, false)
	m.cancel()
	<-m.done
	m.cancel = nil
	n.revive(m.name)
}

// A run is a simulated cluster with a seed.
type run struct {
	rand     *rand.Rand
	net      *simNet
	machines []*machine
	ids      int
	open     map[string][]int // by node
	paused   map[string]bool
	log      []string
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

// step does one thing at random.
func (r *run) step() {
	m := r.machines[r.rand.IntN(len(r.machines))]
	at := distributed.Place{}
	if i := r.rand.IntN(len(r.machines) + 1); i < len(r.machines) {
		at = distributed.Place{Node: r.machines[i].name, Name: "room"}
	}
	if at.Node == m.name {
		at = distributed.Place{} // loopback links are not simulated
	}
	switch k := r.rand.IntN(100); {
	case m.cancel == nil:
		if k < 50 {
			r.note("%s starts", m.name)
			m.start()
		}
	case k < 25:
		r.ids++
		r.order(m, order{Do: "publish", ID: r.ids, At: at, Who: fmt.Sprintf("%s.%d", m.name, r.ids)})
		r.open[m.name] = append(r.open[m.name], r.ids)
	case k < 50:
		r.ids++
		who := ""
		if r.rand.IntN(2) == 0 {
			who = r.machines[r.rand.IntN(len(r.machines))].name
		}
		r.order(m, order{Do: "listen", ID: r.ids, At: at, Who: who})
		r.open[m.name] = append(r.open[m.name], r.ids)
	case k < 65:
		if ids := r.open[m.name]; len(ids) > 0 {
			i := r.rand.IntN(len(ids))
			r.order(m, order{Do: "close", ID: ids[i]})
			r.open[m.name] = slices.Delete(ids, i, i+1)
		}
	case k < 85:
		r.ids++
		r.order(m, order{Do: "say", At: at, Who: m.name, Count: r.ids})
	case k < 89:
		a, b := r.machines[r.rand.IntN(len(r.machines))].name, r.machines[r.rand.IntN(len(r.machines))].name
		if a != b {
			p := r.rand.IntN(2) == 0
			r.note("%s and %s are apart: %v", a, b, p)
			r.net.part(a, b, p)
		}
	case k < 92:
		silent := r.rand.IntN(2) == 0
		r.note("%s is killed, silently: %v", m.name, silent)
		delete(r.paused, m.name)
		m.kill(r.net, r.rand, silent)
		if m.disk == nil {
			r.open[m.name] = nil
		}
	case k < 94:
		if !r.paused[m.name] {
			r.note("%s stops", m.name)
			m.stop()
			if m.disk == nil {
				r.open[m.name] = nil
			}
		}
	case k < 97:
		r.paused[m.name] = !r.paused[m.name]
		r.note("%s is paused: %v", m.name, r.paused[m.name])
		r.net.pause(m.name, r.paused[m.name])
	}
	d := []time.Duration{0, time.Millisecond, 50 * time.Millisecond, time.Second, 3 * time.Second}[r.rand.IntN(5)]
	time.Sleep(d)
}

// dumps returns what all actors have, and what they say is wrong.
func (r *run) dumps() (all []dump) {
	for _, m := range r.machines {
		m.orders <- order{Do: "dump"}
		all = append(all, <-m.dumps)
	}
	return all
}

// check compares what listeners see with what is there.
func check(all []dump) (wrong []string) {
	for _, d := range all {
		for _, w := range d.Wrong {
			wrong = append(wrong, d.Node+": "+w)
		}
		for _, e := range d.Endpoints {
			if e.Order.Do != "listen" {
				continue
			}
			var want []string
			for _, other := range all {
				for _, p := range other.Endpoints {
					if p.Order.Do == "publish" && where(other, p) == where(d, e) && strings.HasPrefix(p.Order.Who, e.Order.Who) {
						want = append(want, p.Order.Who)
					}
				}
			}
			got := slices.Sorted(slices.Values(e.Peers))
			slices.Sort(want)
			if !slices.Equal(got, want) {
				wrong = append(wrong, fmt.Sprintf("%s: endpoint %d at %v sees %q, and %q are there", d.Node, e.Order.ID, e.Order.At, got, want))
			}
		}
	}
	return wrong
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
		r := &run{rand: rand.New(rand.NewPCG(seed, 2)), net: newSimNet(seed), open: map[string][]int{}, paused: map[string]bool{}}
		r.net.loss = []float64{0, 0, 0.01, 0.1}[r.rand.IntN(4)]
		r.net.delay = []time.Duration{0, time.Millisecond, 100 * time.Millisecond}[r.rand.IntN(3)]
		for i := range 2 + r.rand.IntN(3) {
			name := string(rune('a' + i))
			m := &machine{name: name, node: r.net.node(name), orders: make(chan order), dumps: make(chan dump, 10)}
			if r.rand.IntN(2) == 0 {
				m.disk = waltest.NewDisk()
			}
			r.machines = append(r.machines, m)
			m.start()
		}
		for range 60 {
			r.step()
		}
		r.note("the faults end")
		r.net.mu.Lock()
		r.net.loss = 0
		clear(r.net.apart)
		r.net.mu.Unlock()
		for _, m := range r.machines {
			r.net.pause(m.name, false)
			if m.cancel == nil {
				m.start()
			}
		}
		time.Sleep(30 * time.Second)
		wrong = check(r.dumps())
		for _, m := range r.machines {
			m.stop()
		}
		log, frames = r.log, r.net.frames
	})
	return wrong, log, frames
}

// TestSeeds: clusters with delay, loss, partitions, kills, clean stops, recovery from
// journals and pauses. At all times, peers come and go in turn, and messages of one sender
// are in order and come once. After the faults have ended, everybody sees who is there.
// U-16.
func TestSeeds(t *testing.T) {
	frames := 0
	for i := range *seeds {
		seed := *firstSeed + uint64(i)
		wrong, log, n := simulate(t, seed)
		frames += n
		if len(wrong) > 0 {
			t.Fatalf("seed %d:\n%s\n\n%s", seed, strings.Join(wrong, "\n"), strings.Join(log, "\n"))
		}
	}
	t.Logf("%d seeds, %d frames", *seeds, frames)
}
