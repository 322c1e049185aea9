package main

import (
	"fmt"
	"maps"
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// A Claim asks the porter for a name by its presence, and holds the name for as
// long as it is present. The porter answers with feedback.
type Claim struct {
	Name    string
	By      actions.PID // the session
	Nth     int         // tells the claims of a session apart
	Granted bool        // the answer
}

// The fields of a [Claim] that say what is claimed.
var (
	Name = topic.FieldOf(func(c *Claim) *string { return &c.Name })
	By   = topic.FieldOf(func(c *Claim) *actions.PID { return &c.By })
	Nth  = topic.FieldOf(func(c *Claim) *int { return &c.Nth })
)

// room is a nested machine that people join by connecting. Its first process is
// the porter.
func room(at tcp.Addr) actions.Action {
	return actions.Spawn(vm.NestedFunc(func(actions.PID) actions.Process {
		return porters.Process(porter{At: at, Names: map[string]Claim{}})
	})).Named("room")
}

var porters = actions.Define("chat.porter", porter.open)

// A porter lets people in, and gives out names.
type porter struct {
	At    tcp.Addr
	Names map[string]Claim // those that are held, by what they are like
}

func (p porter) open() actions.Action {
	return actions.Group(
		actions.AtMeta(endpoint.ObservePublishers(tcp.Arriving(p.At), endpoint.OnPresence(join))),
		endpoint.Subscriber(topic.All[Claim](),
			endpoint.OnPresenceState(porter.claimed),
			endpoint.OnAbsenceState(porter.dropped),
		),
	)
}

// join starts a session for somebody who has just connected.
func join(d tcp.Data) actions.Action {
	return actions.SpawnFunc(func(self actions.PID) actions.Process {
		s := session{ID: self, Who: Person{Name: fmt.Sprintf("user%v", self)}, Connection: Connection(d.Connection())}
		return actions.Next(s, s.enter())
	}).Named("session")
}

// claimed grants a name that nobody else holds. The table is copied, which costs
// less than the news of a name that goes to everybody.
func (p porter) claimed(c Claim) actions.Transition[porter] {
	if held, taken := p.Names[alike(c.Name)]; taken && held.By != c.By {
		return actions.Next(p, actions.Feedback(c))
	}
	p.Names = maps.Clone(p.Names)
	p.Names[alike(c.Name)] = c
	c.Granted = true
	return actions.Next(p, actions.Feedback(c))
}

// dropped frees the name of a claim that is gone: the session has another name,
// or has ended.
func (p porter) dropped(c Claim, _ error) actions.Transition[porter] {
	if p.Names[alike(c.Name)] != c {
		return actions.Next(p) // it was refused, or a later claim holds the name
	}
	p.Names = maps.Clone(p.Names)
	delete(p.Names, alike(c.Name))
	return actions.Next(p)
}

// alike returns the same text for names that differ in the case of letters only.
func alike(name string) string { return strings.ToLower(strings.ToUpper(name)) }
