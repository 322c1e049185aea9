package node

import (
	"fmt"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// The operations of a steward, which are for its machine alone.
var (
	opSpawn   = rpc.Define[Launched, struct{}]("node.host.spawn")
	opRun     = rpc.Define[running, struct{}]("node.host.run")
	opSend    = rpc.Define[sending, struct{}]("node.host.send")
	opExit    = rpc.Define[held, struct{}]("node.host.exit")
	opWait    = rpc.Define[held, struct{}]("node.host.wait")
	opRelease = rpc.Define[held, bool]("node.host.release")
)

// A running is a program that is to run at a place.
type running struct {
	Place   distributed.Place
	Spec    Spec
	Restart Restart
	distributed.Unsendable
}

// A sending is a message for a place.
type sending struct {
	Place   distributed.Place
	Message any // of a registered type
	distributed.Unsendable
}

// A held is a node, or a place.
type held struct {
	Place distributed.Place // the zero Place if it is a node
	Node  string
	distributed.Unsendable
}

func init() {
	world.Register[running]("node.running")
	world.Register[sending]("node.sending")
	world.Register[held]("node.held")
}

// A steward is the process that wants nodes and places on behalf of the Go code of a [Host].
type steward struct{ Holdings []holding }

// A holding is something that a steward wants.
type holding struct {
	Held   held
	What   any // a Launched or a running; nil if somebody else wants it, and this one waits for it
	Up     bool
	Starts []rpc.Ask[struct{}, struct{}] // who wait until it runs
	Ends   []rpc.Ask[struct{}, struct{}] // who wait for its end
}

var stewards = actions.Define("node.steward", steward.open)

// open returns what a steward has open.
func (s steward) open() actions.Action {
	all := actions.Tree{rpc.Methods(
		rpc.HandleLater(opSpawn, func(s steward, a rpc.Ask[Launched, struct{}]) actions.Transition[steward] {
			return s.want(held{Node: a.Args.Node}, a.Args, a.Args.check(), bare(a))
		}),
		rpc.HandleLater(opRun, func(s steward, a rpc.Ask[running, struct{}]) actions.Transition[steward] {
			r := a.Args
			return s.want(held{Place: r.Place}, r, Wanted{r.Place.Name, r.Spec.Program, r.Spec.Args, r.Restart, nil}.check(), bare(a))
		}),
		rpc.HandleLater(opSend, func(s steward, a rpc.Ask[sending, struct{}]) actions.Transition[steward] {
			return actions.Next(s, a.Args.Place.Forward(topic.MessageOf(a.Args.Message), topic.Publisher), a.Reply(struct{}{}))
		}),
		rpc.HandleLater(opExit, steward.exit),
		rpc.HandleLater(opWait, steward.wait),
		rpc.HandleLater(opRelease, steward.release),
	)}
	for _, h := range s.Holdings {
		all = append(all, h.endpoint())
	}
	return all
}

// bare returns an Ask without its arguments.
func bare[A any](a rpc.Ask[A, struct{}]) rpc.Ask[struct{}, struct{}] {
	return rpc.Ask[struct{}, struct{}]{Op: a.Op, From: a.From, N: a.N, Level: a.Level}
}

// endpoint returns the endpoint that wants what h wants, or hears of it.
func (h holding) endpoint() actions.AddEndpoint {
	var e actions.AddEndpoint
	switch w := h.What.(type) {
	case Launched:
		e = endpoint.Publisher(w.topic(),
			endpoint.OnPresenceState(func(s steward, _ Launched) actions.Transition[steward] { return s.came(h.Held) }),
			endpoint.OnAbsenceState(func(s steward, _ Launched, reason error) actions.Transition[steward] { return s.went(h.Held, reason) }),
			endpoint.OnMessageState(func(s steward, l Launched) actions.Transition[steward] { return s.failed(h.Held, l.Reason) }))
	case running:
		e = Run(w.Place, w.Spec, w.Restart,
			endpoint.OnPresenceState(func(s steward, _ Wanted) actions.Transition[steward] { return s.came(h.Held) }),
			endpoint.OnAbsenceState(func(s steward, _ Wanted, reason error) actions.Transition[steward] { return s.went(h.Held, reason) }),
			endpoint.OnMessageState(func(s steward, w Wanted) actions.Transition[steward] { return s.failed(h.Held, w.Reason) }))
	default:
		e = endpoint.Subscriber(distributed.Reach(h.Held.Place),
			endpoint.OnPresenceState(func(s steward, _ distributed.Up) actions.Transition[steward] { return s.came(h.Held) }),
			endpoint.OnAbsenceState(func(s steward, _ distributed.Up, reason error) actions.Transition[steward] {
				return s.went(h.Held, reason)
			}))
	}
	return e.As(h.Held)
}

func (s steward) find(w held) int {
	return slices.IndexFunc(s.Holdings, func(h holding) bool { return h.Held == w })
}

// change changes holding i.
func (s steward) change(i int, f func(*holding)) steward {
	s.Holdings = slices.Clone(s.Holdings)
	f(&s.Holdings[i])
	return s
}

// want handles that something is wanted, and answers when it runs, or has failed.
func (s steward) want(w held, what any, err error, a rpc.Ask[struct{}, struct{}]) actions.Transition[steward] {
	if err != nil {
		return actions.Next(s, a.Fail(err))
	}
	i := s.find(w)
	switch {
	case i < 0:
		h := holding{Held: w, What: what, Starts: []rpc.Ask[struct{}, struct{}]{a}}
		s.Holdings = append(slices.Clip(s.Holdings), h)
		return actions.Next(s, h.endpoint())
	case s.Holdings[i].What == nil: // somebody waits for its end
		s = s.change(i, func(h *holding) {
			h.What, h.Up = what, false
			h.Starts = append(slices.Clip(h.Starts), a)
		})
		return actions.Next(s, actions.Delete(w), s.Holdings[i].endpoint())
	case s.Holdings[i].What != what:
		return actions.Next(s, a.Fail(fmt.Errorf("%w: %v", ErrConflict, w)))
	case s.Holdings[i].Up:
		return actions.Next(s, a.Reply(struct{}{}))
	}
	return actions.Next(s.change(i, func(h *holding) { h.Starts = append(slices.Clip(h.Starts), a) }))
}

// String describes what is held, for errors.
func (w held) String() string {
	if w.Node != "" {
		return fmt.Sprintf("node %q", w.Node)
	}
	return fmt.Sprintf("place %q on node %q", w.Place.Name, w.Place.Node)
}

// came handles that something runs.
func (s steward) came(w held) actions.Transition[steward] {
	i := s.find(w)
	if i < 0 {
		return actions.Next(s)
	}
	var as actions.Tree
	for _, a := range s.Holdings[i].Starts {
		as = append(as, a.Reply(struct{}{}))
	}
	return actions.Next(s.change(i, func(h *holding) { h.Up, h.Starts = true, nil }), as)
}

// went handles the end of something. It stays wanted, as its Restart says.
func (s steward) went(w held, reason error) actions.Transition[steward] {
	i := s.find(w)
	if i < 0 {
		return actions.Next(s)
	}
	h := s.Holdings[i]
	var as actions.Tree
	for _, a := range h.Ends {
		if reason == nil {
			as = append(as, a.Reply(struct{}{}))
		} else {
			as = append(as, a.Fail(reason))
		}
	}
	if h.What == nil {
		return actions.Next(s.without(i), actions.Delete(w), as)
	}
	return actions.Next(s.change(i, func(h *holding) { h.Up, h.Ends = false, nil }), as)
}

// failed handles that something could not be started. If that was its first start, it is not
// wanted any more.
func (s steward) failed(w held, reason *world.Error) actions.Transition[steward] {
	i := s.find(w)
	if i < 0 || len(s.Holdings[i].Starts) == 0 || reason == nil {
		return actions.Next(s)
	}
	var as actions.Tree
	for _, a := range slices.Concat(s.Holdings[i].Starts, s.Holdings[i].Ends) {
		as = append(as, a.Fail(reason))
	}
	return actions.Next(s.without(i), actions.Delete(w), as)
}

func (s steward) without(i int) steward {
	s.Holdings = slices.Delete(slices.Clone(s.Holdings), i, i+1)
	return s
}

// wait answers at the end of something.
func (s steward) wait(a rpc.Ask[held, struct{}]) actions.Transition[steward] {
	i := s.find(a.Args)
	if i >= 0 {
		return actions.Next(s.change(i, func(h *holding) { h.Ends = append(slices.Clip(h.Ends), bare(a)) }))
	}
	if a.Args.Node != "" {
		return actions.Next(s, a.Fail(fmt.Errorf("node: %v was not started here", a.Args)))
	}
	h := holding{Held: a.Args, Ends: []rpc.Ask[struct{}, struct{}]{bare(a)}}
	s.Holdings = append(slices.Clip(s.Holdings), h)
	return actions.Next(s, h.endpoint())
}

// exit ends a node: one that is held here is not wanted any more, another one is told to end.
func (s steward) exit(a rpc.Ask[held, struct{}]) actions.Transition[steward] {
	next, was, as := s.give(a.Args)
	if !was {
		as = Exit(a.Args.Node)
	}
	return actions.Next(next, as, a.Reply(struct{}{}))
}

// release ends that something is wanted, and says whether it was.
func (s steward) release(a rpc.Ask[held, bool]) actions.Transition[steward] {
	next, was, as := s.give(a.Args)
	return actions.Next(next, as, a.Reply(was))
}

// give ends that something is wanted, and reports whether it was. Who waits for its start or
// its end hears that.
func (s steward) give(w held) (next steward, was bool, as actions.Action) {
	i := s.find(w)
	if i < 0 || s.Holdings[i].What == nil {
		return s, false, nil
	}
	all := actions.Tree{actions.Delete(w)}
	for _, b := range slices.Concat(s.Holdings[i].Starts, s.Holdings[i].Ends) {
		all = append(all, b.Fail(ErrUnwanted))
	}
	return s.without(i), true, all
}
