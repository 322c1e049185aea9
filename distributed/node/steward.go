package node

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/supervise"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// The operations of a steward, which are for its machine alone.
var (
	opSpawn    = rpc.Define[spawning, bool]("node.host.spawn") // whether it was not held before
	opRun      = rpc.Define[running, bool]("node.host.run")    // the same
	opWithdraw = rpc.Define[withdrawal, bool]("node.host.withdraw")
	opSend     = rpc.Define[sending, struct{}]("node.host.send")
	opExit     = rpc.Define[held, struct{}]("node.host.exit")
	opWait     = rpc.Define[held, struct{}]("node.host.wait")
	opRelease  = rpc.Define[held, bool]("node.host.release")
)

// A spawning is a node that is to be started, and the number of the call.
type spawning struct {
	Launched Launched
	N        uint64
}

// A running is a program that is to run at a place, and the number of the call.
type running struct {
	N       uint64
	Place   distributed.Place
	Spec    Spec
	Restart Restart
	distributed.Unsendable
}

// A withdrawal says that nobody waits for the answer to a call any more.
type withdrawal struct {
	Held held
	N    uint64
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
	world.Register[spawning]("node.spawning")
	world.Register[running]("node.running")
	world.Register[withdrawal]("node.withdrawal")
	world.Register[sending]("node.sending")
	world.Register[held]("node.held")
}

// A steward is the process that wants nodes and places on behalf of the Go code of a [Host].
type steward struct{ Holdings []holding }

// A holding is something that a steward wants.
type holding struct {
	Held   held
	What   any // a Launched or a Wanted; nil if somebody else wants it, and this one waits for it
	Up     bool
	Kept   bool                          // it has run, so it stays wanted
	Over   bool                          // it has ended, and is not started again
	Reason *world.Error                  // why, then
	Starts []starting                    // who wait until it runs
	Ends   []rpc.Ask[struct{}, struct{}] // who wait for its end
}

// A starting is a call that waits until something runs.
type starting struct {
	Ask   rpc.Ask[struct{}, bool]
	N     uint64
	First bool // nothing was held before the call
}

var stewards = actions.Define("node.steward", steward.open)

// open returns what a steward has open.
func (s steward) open() actions.Action {
	all := actions.Tree{rpc.Methods(
		rpc.HandleLater(opSpawn, func(s steward, a rpc.Ask[spawning, bool]) actions.Transition[steward] {
			l := a.Args.Launched
			return s.want(held{Node: l.Node}, l, l.check(), starting{Ask: bare(a), N: a.Args.N})
		}),
		rpc.HandleLater(opRun, func(s steward, a rpc.Ask[running, bool]) actions.Transition[steward] {
			r := a.Args
			w := Wanted{r.Place.Name, r.Spec.Program, r.Spec.Args, r.Restart, nil}
			return s.want(held{Place: r.Place}, w, w.check(), starting{Ask: bare(a), N: r.N})
		}),
		rpc.HandleLater(opWithdraw, steward.withdraw),
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
func bare[A, R any](a rpc.Ask[A, R]) rpc.Ask[struct{}, R] {
	return rpc.Ask[struct{}, R]{Op: a.Op, From: a.From, N: a.N, Level: a.Level}
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
	case Wanted:
		e = Run(h.Held.Place, w.spec(), w.Restart,
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
func (s steward) want(w held, what any, err error, a starting) actions.Transition[steward] {
	if err != nil {
		return actions.Next(s, a.Ask.Fail(err))
	}
	i := s.find(w)
	if i < 0 {
		a.First = true
		h := holding{Held: w, What: what, Starts: []starting{a}}
		s.Holdings = append(slices.Clip(s.Holdings), h)
		return actions.Next(s, h.endpoint())
	}
	switch h := s.Holdings[i]; {
	case h.What == nil, h.Over: // somebody waits for the end of one that is wanted elsewhere, or it begins anew
		a.First = h.What == nil
		s = s.change(i, func(h *holding) {
			h.What, h.Up, h.Over, h.Reason = what, false, false, nil
			h.Starts = append(slices.Clip(h.Starts), a)
		})
		return actions.Next(s, actions.Delete(w), s.Holdings[i].endpoint())
	case h.What != what:
		return actions.Next(s, a.Ask.Fail(fmt.Errorf("%w: %v", ErrConflict, w)))
	case h.Up:
		return actions.Next(s, a.Ask.Reply(false))
	}
	return actions.Next(s.change(i, func(h *holding) { h.Starts = append(slices.Clip(h.Starts), a) }))
}

// withdraw handles that the caller of a call waits no longer. If nobody else wants what it
// wanted, that is not wanted any more. The answer is true if the call had succeeded before.
func (s steward) withdraw(a rpc.Ask[withdrawal, bool]) actions.Transition[steward] {
	i := s.find(a.Args.Held)
	if i < 0 {
		return actions.Next(s, a.Reply(false))
	}
	h := s.Holdings[i]
	j := slices.IndexFunc(h.Starts, func(b starting) bool { return b.N == a.Args.N })
	if j < 0 {
		return actions.Next(s, a.Reply(h.Kept))
	}
	answers := actions.Group(h.Starts[j].Ask.Fail(ErrUnwanted), a.Reply(false))
	s = s.change(i, func(h *holding) { h.Starts = slices.Delete(slices.Clone(h.Starts), j, j+1) })
	if h.Kept || len(s.Holdings[i].Starts) > 0 {
		return actions.Next(s, answers)
	}
	next, _, as := s.give(a.Args.Held)
	return actions.Next(next, as, answers)
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
		as = append(as, a.Ask.Reply(a.First))
	}
	return actions.Next(s.change(i, func(h *holding) { h.Up, h.Kept, h.Over, h.Starts = true, true, false, nil }), as)
}

// went handles the end of something. It stays wanted, as its Restart says.
func (s steward) went(w held, reason error) actions.Transition[steward] {
	i := s.find(w)
	if i < 0 {
		return actions.Next(s)
	}
	if s.Holdings[i].What == nil {
		return actions.Next(s.without(i), actions.Delete(w), s.Holdings[i].ended(reason))
	}
	as := s.Holdings[i].ended(reason)
	return actions.Next(s.change(i, func(h *holding) {
		h.Up, h.Ends = false, nil
		if h.isLast(reason) {
			h.Over = true
			h.Reason, _ = world.Reduce(reason).(*world.Error)
		}
	}), as)
}

// isLast reports whether something is not started again after it has ended for a reason.
func (h holding) isLast(reason error) bool {
	when := supervise.Permanent
	switch w := h.What.(type) {
	case Launched:
		when = w.Restart.When
	case Wanted:
		if when = w.Restart.When; errors.Is(reason, distributed.ErrLost) || errors.Is(reason, distributed.ErrLeft) {
			return false // that is the end of the link, or of the node
		}
	}
	return when == supervise.Temporary || when == supervise.Transient && reason == nil
}

// ended answers those who wait for the end of something.
func (h holding) ended(reason error) (as actions.Tree) {
	for _, a := range h.Ends {
		if reason == nil {
			as = append(as, a.Reply(struct{}{}))
		} else {
			as = append(as, a.Fail(reason))
		}
	}
	return as
}

// failed handles that something could not be started. If it has never run, it is not wanted
// any more.
func (s steward) failed(w held, reason *world.Error) actions.Transition[steward] {
	i := s.find(w)
	if i < 0 || reason == nil {
		return actions.Next(s)
	}
	h := s.Holdings[i]
	var as actions.Tree
	for _, a := range h.Starts {
		as = append(as, a.Ask.Fail(reason))
	}
	why := error(reason)
	if errors.Is(reason, ErrEnded) {
		why = nil
	}
	switch {
	case !h.Kept:
		return actions.Next(s.without(i), actions.Delete(w), as, h.ended(reason))
	case errors.Is(reason, ErrGivenUp), h.isLast(why):
		as = append(as, h.ended(reason))
		s = s.change(i, func(h *holding) { h.Over, h.Reason, h.Ends = true, reason, nil })
	}
	return actions.Next(s.change(i, func(h *holding) { h.Starts = nil }), as)
}

func (s steward) without(i int) steward {
	s.Holdings = slices.Delete(slices.Clone(s.Holdings), i, i+1)
	return s
}

// wait answers at the end of something.
func (s steward) wait(a rpc.Ask[held, struct{}]) actions.Transition[steward] {
	i := s.find(a.Args)
	switch {
	case i >= 0 && s.Holdings[i].Over && s.Holdings[i].Reason == nil:
		return actions.Next(s, a.Reply(struct{}{}))
	case i >= 0 && s.Holdings[i].Over:
		return actions.Next(s, a.Fail(s.Holdings[i].Reason))
	case i >= 0:
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
	for _, b := range s.Holdings[i].Starts {
		all = append(all, b.Ask.Fail(ErrUnwanted))
	}
	return s.without(i), true, append(all, s.Holdings[i].ended(ErrUnwanted))
}
