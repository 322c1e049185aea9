package distributed_test

import (
	"fmt"
	"maps"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// This file has the processes of simulated clusters.

// An order says what an actor does.
type order struct {
	Do    string // "publish", "listen", "count", "reach", "named", "move", "close", "say", "ask", "call", "dump"
	ID    int    // of the endpoint
	At    distributed.Place
	Who   string // of what is published or said; what a listener wants to hear, or "" for all
	Count int    // the number of what is said; the group of what is published
}

// A dump is what an actor has and has heard.
type dump struct {
	Node      string
	Endpoints []had
	Said      map[string]int
	Letters   map[string]int
	Calls     []int // that have not ended
	Answered  int   // calls with a result
	Wrong     []string
}

type had struct {
	Order order
	Peers []string // that are present; the groups of them, for "count"
	Moved bool     // once at least
}

func init() {
	world.Register[order]("distributed_test.order")
	world.Register[dump]("distributed_test.dump")
}

// An actor is a process that does what it is told, and keeps what it hears in its state.
type actor struct {
	node      string
	port      world.Device // by which it gets orders
	endpoints map[int]had
	said      map[string]int // by each that a listener has heard: the last number
	letters   map[string]int // by the node whose mailbox has answered: the last number
	calls     []int
	answered  int
	wrong     []string
}

// kind is the process type of the actor of a machine.
func (m *machine) kind() actions.Definition[actor] {
	return actions.CodedAs(actions.Define("distributed_test.actor", actor.open), actor.dump, func(d dump) (actor, error) {
		a := actor{node: d.Node, port: m.Port(), endpoints: map[int]had{}, said: d.Said, letters: d.Letters, calls: d.Calls, answered: d.Answered, wrong: d.Wrong}
		for _, e := range d.Endpoints {
			a.endpoints[e.Order.ID] = e
		}
		return a, nil
	})
}

func (a actor) open() actions.Action {
	as := actions.Tree{
		endpoint.Device(a.port, endpoint.OnValueState(actor.obey)),
		distributed.Mailbox("box", endpoint.OnMessageState(actor.letter)),
		endpoint.Subscriber(topic.All[called](), endpoint.OnMessageState(actor.called)),
	}
	for _, id := range slices.Sorted(maps.Keys(a.endpoints)) {
		as = append(as, a.endpoints[id].Order.endpoint())
	}
	return as
}

func (a actor) dump() dump {
	d := dump{Node: a.node, Said: a.said, Letters: a.letters, Calls: a.calls, Answered: a.answered, Wrong: a.wrong}
	for _, id := range slices.Sorted(maps.Keys(a.endpoints)) {
		d.Endpoints = append(d.Endpoints, a.endpoints[id])
	}
	return d
}

func (a actor) obey(o order) actions.Transition[actor] {
	a.endpoints = maps.Clone(a.endpoints)
	switch o.Do {
	case "close":
		delete(a.endpoints, o.ID)
		return actions.Next(a, actions.Delete(o.ID))
	case "move":
		e, ok := a.endpoints[o.ID]
		if !ok {
			return actions.Next(a) // the order to open it was lost with a machine
		}
		e.Order.Who, e.Moved = o.Who, true
		a.endpoints[o.ID] = e
		return actions.Next(a, actions.Replace(e.Order.endpoint()))
	case "say":
		return actions.Next(a, distributed.Send(o.At, says{o.Who, fmt.Sprintf("%09d", o.Count)}))
	case "ask":
		return actions.Next(a, distributed.Handle{Place: o.At, Name: "box"}.Send(distributed.Handle{Name: "box"}, o.Count))
	case "call":
		a.calls = append(slices.Clip(a.calls), o.Count)
		return actions.Next(a, caller{o.At, o.Count}.call())
	case "dump":
		return actions.Next(a, actions.Tell(a.port, a.dump()))
	}
	a.endpoints[o.ID] = had{Order: o}
	return actions.Next(a, o.endpoint())
}

// endpoint returns the endpoint that an order is about.
func (o order) endpoint() actions.AddEndpoint {
	heard := topic.All[says]()
	if o.Who != "" {
		heard = topic.Where(topic.Glob(sayer, o.Who+"*"))
	}
	ups := []endpoint.Handler[distributed.Up]{
		endpoint.OnPresenceState(func(a actor, u distributed.Up) actions.Transition[actor] { return a.came(o.ID, u.Place.Node) }),
		endpoint.OnAbsenceState(func(a actor, u distributed.Up, _ error) actions.Transition[actor] { return a.went(o.ID, u.Place.Node) }),
	}
	var e actions.AddEndpoint
	switch o.Do {
	case "publish":
		e = o.At.At(endpoint.Publisher(topic.Where(sayer.Is(o.Who), said.Is(fmt.Sprint("group ", o.Count)))))
	case "listen":
		e = o.At.At(endpoint.Subscriber(heard,
			endpoint.OnPresenceState(func(a actor, s says) actions.Transition[actor] { return a.came(o.ID, s.Who) }),
			endpoint.OnAbsenceState(func(a actor, s says, _ error) actions.Transition[actor] { return a.went(o.ID, s.Who) }),
			endpoint.OnMessageState(func(a actor, s says) actions.Transition[actor] { return a.heard(o.ID, s) }),
		))
	case "count":
		e = o.At.At(endpoint.Subscriber(heard,
			endpoint.OnFirstState(func(a actor, s says) actions.Transition[actor] { return a.came(o.ID, s.What) }, said),
			endpoint.OnLastState(func(a actor, s says) actions.Transition[actor] { return a.went(o.ID, s.What) }, said),
		))
	case "reach":
		e = endpoint.Subscriber(distributed.Reach(o.At), ups...)
	case "named":
		e = endpoint.Subscriber(distributed.Named("room"), ups...)
	default:
		panic(o.Do)
	}
	return e.As(o.ID)
}

func (a actor) fault(format string, args ...any) actor {
	a.wrong = append(slices.Clip(a.wrong), fmt.Sprintf(format, args...))
	return a
}

func (a actor) came(id int, who string) actions.Transition[actor] {
	e := a.endpoints[id]
	if slices.Contains(e.Peers, who) && !e.Moved { // what is there in the new role may come before it goes in the old one
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

// An answer is what a letter is answered with.
type answer struct {
	Node  string
	Count int
}

func init() { world.Register[answer]("distributed_test.answer") }

// letter handles a letter: a question, or an answer.
func (a actor) letter(l distributed.Letter) actions.Transition[actor] {
	switch body := l.Body.(type) {
	case int:
		return actions.Next(a, l.From.Send(distributed.Handle{}, answer{a.node, body}))
	case answer:
		a.letters = maps.Clone(a.letters)
		a.letters[body.Node] = body.Count
	}
	return actions.Next(a)
}

// tally is an operation that triples a number, and notes it.
var tally = rpc.Define[int, int]("distributed_test.tally")

// A clerk is a server of tally, which gets each number once.
type clerk struct{ Seen []int }

var clerks = actions.Define("distributed_test.clerk", func(clerk) actions.Action {
	return rpc.Methods(rpc.Handle(tally, func(c clerk, n int) (clerk, int, error) {
		if slices.Contains(c.Seen, n) {
			return c, -1, nil
		}
		return clerk{append(slices.Clip(c.Seen), n)}, 3 * n, nil
	}))
})

// A caller is a process that makes one call, and says how that has ended.
type caller struct {
	At distributed.Place
	N  int
}

// A called is the end of a call.
type called struct {
	N, Result int
	Failed    bool
}

func init() { world.Register[called]("distributed_test.called") }

var callers = actions.Define("distributed_test.caller", func(caller) actions.Action { return nil })

// call makes the call of c.
func (c caller) call() actions.SpawnProcess {
	return callers.Spawn(c, rpc.CallThen(tally, c.N, tallied, c.N, rpc.At(c.At)))
}

var tallied = rpc.DefineThen("distributed_test.tallied", func(c caller, n, result int, err error) actions.Transition[caller] {
	return actions.Next(c, actions.Send(called{n, result, err != nil}), actions.Quit())
})

// called handles the end of a call.
func (a actor) called(c called) actions.Transition[actor] {
	i := slices.Index(a.calls, c.N)
	switch {
	case i < 0:
		return actions.Next(a.fault("call %d has ended twice", c.N))
	case !c.Failed && c.Result != 3*c.N:
		a = a.fault("call %d has the result %d", c.N, c.Result)
	case !c.Failed:
		a.answered++
	}
	a.calls = slices.Delete(slices.Clone(a.calls), i, i+1)
	return actions.Next(a)
}
