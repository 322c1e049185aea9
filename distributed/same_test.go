package distributed

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/world"
)

// Links between machines under test: the bodies of frames go from one to the other at once.

// A rig is a machine that is a place, and others that take part in it.
type rig struct {
	t       vmtest.TB
	config  vmtest.Config
	home    *vmtest.Machine
	clients []*rigClient
	epoch   uint64
	refs    uint64
}

type rigClient struct {
	*vmtest.Machine
	name    string
	config  Config
	conn    world.Ref
	session uint64
	joined  *vmtest.Device // of the session
}

const rigEpoch = 7

var rigPlace = Place{Node: "home", Name: "room"}

var rigNetwork = Memory()

func rigConfig(node string) Config {
	return Config{Network: rigNetwork.Node(node)}.settled("Driver")
}

// newRig starts the home. With checked, all transition functions are checked to be pure,
// and the machines are saved and restored after each input.
func newRig(t vmtest.TB, checked bool) *rig {
	r := &rig{t: t, config: vmtest.Config{Runs: 1, Budget: 1 << 24}, epoch: rigEpoch}
	c := rigConfig("home")
	vc := r.config
	if checked {
		vc = vmtest.Config{Types: c.Types()}
	}
	r.home = vc.Run(t, c.Serve("room"))
	r.lobby().Value(lobbyOpen{"home", rigEpoch})
	if checked {
		r.config = vmtest.Config{}
	}
	return r
}

func (r *rig) lobby() *vmtest.Device {
	for _, d := range r.home.Devices() {
		if _, ok := d.Device().(lobby); ok {
			return d
		}
	}
	panic("no lobby")
}

// client starts a machine that takes part.
func (r *rig) client(name string, boot ...actions.Action) *rigClient {
	c := &rigClient{name: name, config: rigConfig(name)}
	vc := r.config
	if vc.Runs != 1 {
		vc.Types = c.config.Types()
	}
	c.Machine = vc.Run(r.t, append(boot, c.config.Driver())...)
	r.clients = append(r.clients, c)
	return c
}

func (c *rigClient) link() *vmtest.Device {
	for _, d := range c.Devices() {
		if _, ok := d.Device().(linkDevice); ok {
			return d
		}
	}
	return nil
}

// join begins a session, if the client wants a link.
func (r *rig) join(c *rigClient) {
	d := c.link()
	if d == nil || c.conn != (world.Ref{}) {
		return
	}
	if c.session == 0 {
		d.Value(linkOpen{uint64(len(r.clients))})
	}
	c.session++
	r.refs++
	c.conn = world.Ref{Device: c.name, Number: r.refs}
	r.lobby().Value(lobbyArrived{client{c.name, 1}, c.conn})
	r.home.Device(acceptedLink{c.conn}).Value(acceptedOpen{})
	c.joined = d
	d.Value(linkJoined{c.session, r.epoch})
}

// lose ends the session of a client, on both sides.
func (r *rig) lose(c *rigClient, reason error) {
	if c.conn == (world.Ref{}) {
		return
	}
	r.home.Device(acceptedLink{c.conn}).End(reason)
	if d := c.link(); d != nil {
		d.Value(linkLost{world.Reduce(reason)})
	}
	c.conn = world.Ref{}
}

// whole returns what a command sends.
func (s linkSend) whole() []byte { return append([]byte(s.Head), s.Body...) }

// pump carries what the machines say to each other, until they have nothing more to say.
func (r *rig) pump() {
	for moved := true; moved; {
		moved = false
		for _, c := range r.clients {
			r.join(c)
			if c.conn == (world.Ref{}) {
				continue
			}
			for _, cmd := range vmtest.Commands[any](c.joined) {
				if s, ok := cmd.(linkSend); ok && s.Session == c.session {
					r.home.Device(acceptedLink{c.conn}).Value(acceptedData{s.whole()})
					moved = true
				}
			}
			if !c.joined.IsOpen() {
				r.home.Device(acceptedLink{c.conn}).End(ErrLeft)
				c.conn, c.session, moved = world.Ref{}, 0, true
			}
		}
		for _, c := range r.clients {
			if c.conn == (world.Ref{}) {
				continue
			}
			for _, cmd := range vmtest.Commands[any](r.home.Device(acceptedLink{c.conn})) {
				switch cmd := cmd.(type) {
				case acceptedSend:
					if d := c.link(); d != nil {
						d.Value(linkData{c.session, cmd.Body})
						moved = true
					}
				case acceptedWarn:
					r.t.Errorf("%s: %v", cmd.What, cmd.Reason)
				}
			}
		}
	}
}

// A thing is what the programs of TestSameCode are about.
type thing struct {
	A int8
	B string
	C bool
}

var (
	thingA = topic.FieldOf(func(t *thing) *int8 { return &t.A })
	thingB = topic.FieldOf(func(t *thing) *string { return &t.B })
	thingC = topic.FieldOf(func(t *thing) *bool { return &t.C })
)

func init() { world.Register[thing]("distributed.thing") }

// hands are how a process acts on a stage.
type hands struct {
	at   func(actions.AddEndpoint) actions.Action
	send func(topic.Message, topic.Orientation) actions.Action
}

// A deed is a step of a program.
type deed struct {
	who  int
	does func(h hands) actions.Action
	quit error
	// The endpoints that it closes. In one machine, and at a place, an endpoint that is closed
	// is told that its peers have gone; at an outer level it is not.
	closes []int
}

// A program is what processes do, one after the other.
func program(r *rand.Rand, steps, processes int) (all []deed) {
	type open struct {
		id   int
		role topic.Role
	}
	opened := make([][]open, processes)
	for i := range steps {
		who := r.IntN(processes)
		mine := opened[who]
		switch k := r.IntN(20); {
		case k < 9:
			role := randomRole(r)
			if slices.ContainsFunc(mine, func(o open) bool { return o.role.Equal(role) }) {
				continue // equal roles of a machine are one at a place
			}
			opened[who] = append(mine, open{i, role})
			demand := randomDemand(r)
			if demand != nil && role.Topic.MessageType() == nil {
				demand.By = topic.Selection{} // which has fields of one type
			}
			all = append(all, deed{who: who, does: func(h hands) actions.Action {
				return h.at(actions.AddEndpoint{ID: i, Role: role, Handler: &actions.Handler{Demand: demand, Run: func(s any, ev *actions.Event) (any, actions.Action) {
					record(i, ev)
					return s, nil
				}}})
			}})
		case k < 12 && len(mine) > 0:
			j := r.IntN(len(mine))
			id := mine[j].id
			opened[who] = slices.Delete(slices.Clone(mine), j, j+1)
			var reason error
			if r.IntN(2) == 0 {
				reason = fmt.Errorf("reason %d", i)
			}
			all = append(all, deed{who: who, closes: []int{id}, does: func(h hands) actions.Action {
				return h.at(actions.AddEndpoint{ID: deletion{id, reason}})
			}})
		case k < 19:
			m := topic.MessageOf(thing{int8(r.IntN(2)), []string{"ab", "b", "ba"}[r.IntN(3)], r.IntN(2) == 0})
			side := topic.Orientation(r.IntN(2))
			all = append(all, deed{who: who, does: func(h hands) actions.Action {
				return h.send(m, side)
			}})
		case r.IntN(3) == 0:
			d := deed{who: who, quit: fmt.Errorf("process %d ends at %d", who, i)}
			for _, o := range mine {
				d.closes = append(d.closes, o.id)
			}
			opened[who] = nil
			all = append(all, d)
		}
	}
	return all
}

// A deletion is the name of an endpoint that is to be closed.
type deletion struct {
	id     int
	reason error
}

func randomRole(r *rand.Rand) topic.Role {
	var terms []topic.Term[thing]
	if r.IntN(2) == 0 {
		terms = append(terms, thingA.Is(int8(r.IntN(2))))
	}
	switch r.IntN(4) {
	case 0:
		terms = append(terms, thingB.Is([]string{"ab", "b", "ba"}[r.IntN(3)]))
	case 1:
		terms = append(terms, topic.Glob(thingB, []string{"a*", "*b", "?"}[r.IntN(3)]))
	}
	if r.IntN(3) == 0 {
		terms = append(terms, thingC.Is(r.IntN(2) == 0))
	}
	t := topic.Where(terms...).Topic()
	if r.IntN(10) == 0 {
		t = topic.Any.Topic()
	}
	return topic.Role{Orientation: topic.Orientation(r.IntN(2)), Interest: topic.Interest(r.IntN(3)), Topic: t}
}

func randomDemand(r *rand.Rand) *actions.Demand {
	var d actions.Demand
	switch r.IntN(4) {
	case 0:
		return nil
	case 1:
		d.By = topic.Select[thing](thingA)
	case 2:
		d.By = topic.Select[thing](thingB, thingC)
	}
	if r.IntN(3) == 0 {
		d.Filter.Interest = actions.Only(topic.Interest(r.IntN(3)))
	}
	return &d
}

// A stage is where a program runs: one machine, nested machines, or several machines.
type stage struct {
	at      func(who int, e actions.AddEndpoint) actions.Action
	send    func(who int, m topic.Message, side topic.Orientation) actions.Action
	perform func(who int, a actions.Action)
	respawn func(who int)
	settle  func()
}

// hear runs a program, and returns what its processes hear in each step, in an order of its
// own.
func (s stage) hear(all []deed) (steps []string, events int) {
	for _, d := range all {
		var lines []string
		recorded = &lines
		if d.quit != nil {
			d.does = func(hands) actions.Action {
				return actions.Fail(d.quit)
			}
		}
		a := d.does(hands{
			func(e actions.AddEndpoint) actions.Action { return s.at(d.who, e) },
			func(m topic.Message, side topic.Orientation) actions.Action { return s.send(d.who, m, side) },
		})
		s.perform(d.who, a)
		s.settle()
		if d.quit != nil {
			s.respawn(d.who)
			s.settle()
		}
		lines = slices.DeleteFunc(lines, func(l string) bool {
			if strings.Contains(l, "distributed.Here") {
				return true // topic.Any has this, too
			}
			return slices.ContainsFunc(d.closes, func(id int) bool { return strings.HasPrefix(l, fmt.Sprint(id, ":")) })
		})
		slices.Sort(lines)
		events += len(lines)
		steps = append(steps, strings.Join(lines, "\n"))
	}
	return steps, events
}

// recorded has what the program that runs has heard in this step.
var recorded *[]string

func record(id int, ev *actions.Event) {
	line := fmt.Sprintf("%d: %v", id, ev.Kind)
	switch ev.Kind {
	case actions.Delivery:
		line += fmt.Sprintf(" from %v: %v", ev.Peer.Orientation, ev.Message)
	case actions.First, actions.Last:
		line += fmt.Sprintf(" %v", ev.Peer.Topic) // of several that came together, any can be the first
	default:
		line += fmt.Sprintf(" %v", ev.Peer)
	}
	if ev.Reason != nil {
		line += ": " + ev.Reason.Error()
	}
	*recorded = append(*recorded, line)
}

func endpointHere(e actions.AddEndpoint) actions.Action {
	if d, ok := e.ID.(deletion); ok {
		return actions.Delete(d.id).Because(d.reason)
	}
	return e
}

// oneMachine returns a stage in which all processes are in one machine.
func oneMachine(t vmtest.TB, processes int) stage {
	var boot actions.Tree
	for i := range processes {
		boot = append(boot, vmtest.Here(fmt.Sprint(i, ".0")))
	}
	m := vmtest.Config{Runs: 1}.Run(t, boot)
	lives := make([]int, processes)
	name := func(who int) string { return fmt.Sprint(who, ".", lives[who]) }
	return stage{
		at:      func(_ int, e actions.AddEndpoint) actions.Action { return endpointHere(e) },
		send:    func(_ int, m topic.Message, side topic.Orientation) actions.Action { return actions.Forward(m, side) },
		perform: func(who int, a actions.Action) { m.At(name(who)).Perform(a) },
		respawn: func(who int) {
			lives[who]++
			m.Perform(vmtest.Here(name(who)))
		},
		settle: func() {},
	}
}

// nestedMachines returns a stage in which each process is in a machine of its own, inside.
func nestedMachines(t vmtest.TB, processes int) stage {
	lives := make([]int, processes)
	name := func(who int) string { return fmt.Sprint(who, ".", lives[who]) }
	inside := func(who int) actions.Action { return actions.Spawn(vm.Nested(vmtest.Here(name(who)))) }
	var boot actions.Tree
	for i := range processes {
		boot = append(boot, inside(i))
	}
	m := vmtest.Config{Runs: 1}.Run(t, boot)
	return stage{
		at: func(_ int, e actions.AddEndpoint) actions.Action { return actions.AtMeta(endpointHere(e)) },
		send: func(_ int, m topic.Message, side topic.Orientation) actions.Action {
			return actions.AtMeta(actions.Forward(m, side))
		},
		perform: func(who int, a actions.Action) { m.At(name(who)).Perform(a) },
		respawn: func(who int) {
			lives[who]++
			m.Perform(inside(who))
		},
		settle: func() {},
	}
}

// severalMachines returns a stage in which process 0 is at home, and each other in a machine
// of its own elsewhere.
func severalMachines(t vmtest.TB, processes int) stage {
	s, _ := severalMachinesOf(t, processes, false)
	return s
}

// severalMachinesOf is severalMachines, on a rig whose machines may be checked.
func severalMachinesOf(t vmtest.TB, processes int, checked bool) (stage, *rig) {
	r := newRig(t, checked)
	lives := make([]int, processes)
	name := func(who int) string { return fmt.Sprint(who, ".", lives[who]) }
	machine := func(who int) *vmtest.Machine {
		if who == 0 {
			return r.home
		}
		return r.clients[who-1].Machine
	}
	place := func(who int) Place {
		if who == 0 {
			return Place{}
		}
		return rigPlace
	}
	r.home.Perform(vmtest.Here(name(0)))
	for i := 1; i < processes; i++ {
		r.client(fmt.Sprint("client", i), vmtest.Here(name(i)))
	}
	return stage{
		at: func(who int, e actions.AddEndpoint) actions.Action {
			if _, ok := e.ID.(deletion); ok {
				return endpointHere(e)
			}
			return place(who).At(e)
		},
		send: func(who int, m topic.Message, side topic.Orientation) actions.Action {
			return place(who).Forward(m, side)
		},
		perform: func(who int, a actions.Action) { machine(who).At(name(who)).Perform(a) },
		respawn: func(who int) {
			lives[who]++
			machine(who).Perform(vmtest.Here(name(who)))
		},
		settle: r.pump,
	}, r
}

var programs = flag.Int("programs", 30, "how many programs TestSameCode runs")

// TestSameCode: random programs on one machine, in nested machines, and on four machines
// hear the same. DP-37, DP-38.
func TestSameCode(t *testing.T) {
	const processes, steps = 4, 80
	total := 0
	for seed := range *programs {
		all := program(rand.New(rand.NewPCG(uint64(seed), 3)), steps, processes)
		var want []string
		for i, s := range []stage{oneMachine(t, processes), nestedMachines(t, processes), severalMachines(t, processes)} {
			got, n := s.hear(all)
			if i == 0 {
				want = got
				continue
			}
			total += n
			for j := range want {
				if got[j] != want[j] {
					t.Fatalf("program %d, step %d of %d, stage %d:\n got\n%s\nwant\n%s", seed, j, len(want), i, got[j], want[j])
				}
			}
		}
	}
	t.Logf("%d programs, %d events", *programs, total)
}

// TestPureAndSaved: the driver, the server and the mirror are pure, and can be saved and
// restored after every input: also when links are lost, and there again.
func TestPureAndSaved(t *testing.T) {
	for seed := range uint64(3) {
		random := rand.New(rand.NewPCG(seed, 4))
		s, r := severalMachinesOf(t, 3, true)
		for _, d := range program(random, 60, 3) {
			recorded = new([]string)
			if d.quit == nil {
				s.perform(d.who, d.does(hands{
					func(e actions.AddEndpoint) actions.Action { return s.at(d.who, e) },
					func(m topic.Message, side topic.Orientation) actions.Action { return s.send(d.who, m, side) },
				}))
			}
			if random.IntN(8) == 0 {
				r.lose(r.clients[random.IntN(len(r.clients))], ErrCut)
			}
			if random.IntN(3) > 0 {
				s.settle()
			}
			checkSaved(t, r.home, rigConfig("home"))
			for _, c := range r.clients {
				checkSaved(t, c.Machine, c.config)
			}
		}
		s.settle()
	}
}
