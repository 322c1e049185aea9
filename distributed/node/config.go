package node

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/supervise"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A Config says what a node is. Make one with [New].
type Config struct {
	distributed.Config

	// Outlive is how long a place goes on when the links to all who want it are lost: they
	// may come back. Zero stands for the lease; a negative time ends it at once.
	Outlive time.Duration

	// Journal, if not nil, opens the journal of the machine of a [Host]. Start calls it with the
	// types of the processes of the host, to which the program adds those of its own:
	//
	//	c.Journal = func(types []actions.Type) (ground.Journal, error) {
	//		return journal.Config{Types: append(types, mine...), SnapshotEvery: 10_000}.Open(dir)
	//	}
	//
	// When the machine has ended, a journal that is an [io.Closer] is closed. Nodes that are
	// started have none.
	Journal func(types []actions.Type) (ground.Journal, error)

	programs []*definition
	places   *trade[Wanted]
	nodes    *trade[Launched]
	solos    sync.Map // of the names of nodes that are solo, for devices
}

// A post is what a process of a node is for. If one fails, a supervisor starts it again, and
// it finds out what is wanted: what it has started ends with it.
type post string

const (
	keeps    post = "keeper"
	launches post = "launcher"
)

// New returns the Config of a node on a network, which runs programs when others want it to.
// The fields of the Config can be changed before it is first used.
func New(network distributed.Network, programs ...Program) *Config {
	c := &Config{Config: distributed.Config{Network: network}}
	for _, p := range programs {
		c.programs = append(c.programs, p.program())
	}
	c.places = &trade[Wanted]{
		name:    "node.keeper",
		check:   c.allows,
		outlive: c.outlive,
		also:    endpoint.Subscriber(topic.All[exit](), endpoint.OnMessage(func(exit) actions.Action { return endpoint.Exit(nil) })),
		supervisors: supervise.DefineTemplate("node.places", func(w Wanted) (supervise.Spec, []supervise.Child) {
			return w.Restart.spec(), []supervise.Child{{Name: "place", Start: c.machine(w), Restart: w.Restart.When}}
		}),
	}
	c.nodes = &trade[Launched]{
		name:    "node.launcher",
		check:   Launched.check,
		outlive: c.outlive,
		supervisors: supervise.DefineTemplate("node.children", func(l Launched) (supervise.Spec, []supervise.Child) {
			return l.Restart.spec(), []supervise.Child{{Name: "node", Start: c.child(l), Restart: l.Restart.When}}
		}),
	}
	return c
}

func (c *Config) clock() world.Clock { return cmp.Or(c.Clock, world.SystemClock()) }

func (c *Config) outlive() time.Duration {
	return cmp.Or(c.Outlive, c.Lease, 5*c.Heartbeat, time.Second)
}

// allows returns an error unless the node can do what w wants.
func (c *Config) allows(w Wanted) error {
	if err := w.check(); err != nil {
		return err
	}
	for _, p := range c.programs {
		if p.name == w.Program {
			_, err := p.read(w.Args)
			return err
		}
	}
	var has []string
	for _, p := range c.programs {
		has = append(has, p.name)
	}
	slices.Sort(has)
	return fmt.Errorf("%w: %q; node %q has %q", ErrNoProgram, w.Program, c.Network.Node(), has)
}

// Keep returns the action that spawns the keeper: the process that runs places on this node
// for those who want them, see [Run]. It makes the machine the place with the name "", which
// stands for the node. The keeper needs a driver of timers in its machine. The process is a
// supervisor: a keeper that fails is started again, and all places with it.
//
// All nodes of the realm can have the node run its programs, and end it, unless
// [distributed.Config].Admission forbids that.
func (c *Config) Keep() actions.SpawnProcess {
	return c.posts().Spawn(keeps).Named("keep")
}

// posts returns the supervisors of those who do what a node is for.
func (c *Config) posts() *supervise.Template[post] {
	return supervise.DefineTemplate("node.post", func(p post) (supervise.Spec, []supervise.Child) {
		if p == launches {
			return supervise.Spec{}, []supervise.Child{{Name: string(p), Start: c.nodes.define().Spawn(keeper[Launched]{trade: c.nodes}).Named("launcher")}}
		}
		return supervise.Spec{}, []supervise.Child{
			{Name: string(p), Start: c.places.define().Spawn(keeper[Wanted]{trade: c.places}).Named("keeper")},
			{Name: "place", Start: c.Serve("")},
		}
	})
}

// Types returns the types of the processes of a node, with those of its programs, for
// machines that are saved.
func (c *Config) Types() []actions.Type {
	all := slices.Concat(c.Config.Types(), timer.TypesOn(c.clock()), []actions.Type{
		c.posts().Type, c.places.define().Type, c.places.supervisors.Type, c.nodes.define().Type, c.nodes.supervisors.Type,
		actions.Define("node.place", place.open).Type, c.childProcesses().Type,
	})
	for _, p := range c.programs {
		all = append(all, p.types...)
	}
	return all
}
