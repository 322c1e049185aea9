package node

import (
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A child is the process that holds a node that was started.
type child struct {
	config   *Config
	Launched Launched
	Up       bool   // the node can be reached
	Address  string // where it listens; empty if the network has no addresses
}

// A Member is present while a node that was started from here can be reached. The other nodes
// are told its address. There is none of a node that is solo: see [Options].
type Member struct {
	Node    string
	Address string // empty if the network has no addresses
	distributed.Unsendable
}

var (
	memberNode    = topic.FieldOf(func(m *Member) *string { return &m.Node })
	memberAddress = topic.FieldOf(func(m *Member) *string { return &m.Address })
)

func init() { world.Register[Member]("node.Member") }

// A writtenChild is the written form of a child. The names of its fields never change.
type writtenChild struct {
	Launched Launched
	Up       bool
	Address  string
}

func (c *Config) childProcesses() actions.Definition[child] {
	return actions.CodedAs(actions.Define("node.child", child.open),
		func(k child) writtenChild { return writtenChild{k.Launched, k.Up, k.Address} },
		func(w writtenChild) (child, error) { return child{c, w.Launched, w.Up, w.Address}, nil })
}

// child returns the action that starts a node.
func (c *Config) child(l Launched) actions.SpawnProcess {
	return c.childProcesses().Spawn(child{config: c, Launched: l}).Named("node " + l.Node)
}

func (k child) device() childDevice { return childDevice{k.config, k.Launched} }

// open returns what a child has open.
func (k child) open() actions.Action {
	return actions.Group(
		endpoint.Device(k.device(),
			endpoint.OnValueState(child.opened),
			endpoint.OnValueState(child.ready),
			endpoint.OnValue(func(o Output) actions.Action { return actions.Send(o) }),
			endpoint.OnEndedState(child.ended)),
		actions.When(!k.Launched.solo(), endpoint.ObservePublishers(topic.All[Member](),
			endpoint.OnPresenceState(func(k child, m Member) actions.Transition[child] {
				return actions.Next(k, actions.When(m.Node != k.Launched.Node, actions.Tell(k.device(), childMeet{m.Node, m.Address})))
			}),
			endpoint.OnAbsenceState(func(k child, m Member, _ error) actions.Transition[child] {
				return actions.Next(k, actions.When(m.Node != k.Launched.Node, actions.Tell(k.device(), childMeet{m.Node, ""})))
			}))),
		endpoint.Subscriber(distributed.Whereabouts(), endpoint.OnPresence(func(h distributed.Here) actions.Action {
			own := k.config.Network.Node() // it listens, perhaps only now
			return actions.When(h.Place.Node == own, actions.Tell(k.device(), childMeet{Node: own}))
		})),
		actions.When(k.Up, k.up()),
	)
}

// up returns the endpoints that say that the node can be reached.
func (k child) up() actions.Action {
	return actions.Group(
		endpoint.Subscriber(k.Launched.topic()).As("up"),
		actions.When(!k.Launched.solo(), endpoint.Publisher(topic.Where(memberNode.Is(k.Launched.Node), memberAddress.Is(k.Address))).As("member")),
	)
}

// opened handles that the node is started. If the machine has been restarted, this is
// another life of it.
func (k child) opened(childOpen) actions.Transition[child] {
	before := k.Up
	k.Up, k.Address = false, ""
	reason := fmt.Errorf("%w: the machine that had started node %q was restarted", ErrDown, k.Launched.Node)
	return actions.Next(k, actions.When(before, actions.Delete("up").Because(reason), actions.Delete("member").Because(reason)))
}

// ready handles that the node can be reached.
func (k child) ready(r childReady) actions.Transition[child] {
	if k.Up {
		return actions.Next(k)
	}
	k.Up, k.Address = true, r.Address
	return actions.Next(k, k.up())
}

// ended handles the end of the process of the node. Those who want it hear the reason, also if
// it was never reached.
func (k child) ended(reason error) actions.Transition[child] {
	if reason == nil {
		return actions.Next(k, actions.Quit())
	}
	return actions.Next(k, actions.When(!k.Up, k.Launched.failed(reason)), actions.Fail(reason))
}
