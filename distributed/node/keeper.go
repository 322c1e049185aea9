package node

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/supervise"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A want is something that runs for as long as somebody wants it: a program at a place
// ([Wanted]), or a node ([Launched]).
type want interface {
	comparable

	// what names the thing of which there is only one, as in: place "bank".
	what() string

	// texts returns all texts in the want.
	texts() string

	// failed returns the action that tells those who want it that it was not started.
	failed(reason error) actions.Action
}

// A trade is what a keeper does for those who want a W.
type trade[W want] struct {
	name        string        // of the type of its process, which is in saved machines
	check       func(W) error // says why something is refused
	supervisors *supervise.Template[W]
	outlive     func() time.Duration // how long something goes on when the links to all who want it are lost
	also        actions.Action       // more endpoints of the process
}

// A keeper is the process that runs what is wanted, for as long as somebody wants it.
//
// What is wanted of one thing is a line of wishes. The first one runs, in the care of a
// supervisor; the others were refused, and get their turn when nobody wants the first any
// more.
type keeper[W want] struct {
	trade  *trade[W]
	Wishes []wish[W]
}

// A wish is something that somebody wants.
type wish[W want] struct {
	Want       W
	Count      int          // how many want it
	Starting   bool         // its supervisor is about to run
	Supervisor actions.PID  // zero if it does not run
	Refused    *world.Error // why it does not run, if it was refused or given up
}

// define returns the type of the processes of a trade.
func (t *trade[W]) define() actions.Definition[keeper[W]] {
	return actions.CodedAs(actions.Define(t.name, keeper[W].open),
		func(k keeper[W]) []wish[W] { return k.Wishes },
		func(ws []wish[W]) (keeper[W], error) { return keeper[W]{t, ws}, nil })
}

// open returns what a keeper has open.
func (k keeper[W]) open() actions.Action {
	all := actions.Tree{
		endpoint.ObservePublishers(topic.All[W](),
			endpoint.OnPresenceState(keeper[W].wanted), endpoint.OnAbsenceState(keeper[W].unwanted)),
		endpoint.Subscriber(topic.Where(topic.Glob(timer.Label, k.label("*"))), endpoint.OnMessageState(keeper[W].outlived)),
		k.trade.also,
	}
	for _, w := range k.Wishes {
		if w.Supervisor != 0 {
			all = append(all, k.monitor(w.Supervisor))
		}
	}
	return all
}

// label returns the label of the timer of something that goes on without those who want it.
func (k keeper[W]) label(what string) string { return k.trade.name + "/" + what }

// find returns the index of a wish.
func (k keeper[W]) find(w W) int {
	return slices.IndexFunc(k.Wishes, func(x wish[W]) bool { return x.Want == w })
}

// first returns the index of the first wish for a thing.
func (k keeper[W]) first(what string) int {
	return slices.IndexFunc(k.Wishes, func(x wish[W]) bool { return x.Want.what() == what })
}

// change changes wish i.
func (k keeper[W]) change(i int, f func(*wish[W])) keeper[W] {
	k.Wishes = slices.Clone(k.Wishes)
	f(&k.Wishes[i])
	return k
}

// wanted handles that somebody wants something.
func (k keeper[W]) wanted(w W) actions.Transition[keeper[W]] {
	if !utf8.ValidString(w.texts()) { // no state can have it
		return actions.Next(k, w.failed(fmt.Errorf("node: %.64s is wanted with a text that is not UTF-8", w.what())))
	}
	if i := k.find(w); i >= 0 {
		k = k.change(i, func(x *wish[W]) { x.Count++ })
		refused := k.Wishes[i].Refused
		return actions.Next(k, actions.When(refused != nil, w.failed(refused)))
	}
	taken := k.first(w.what()) >= 0
	k.Wishes = append(slices.Clip(k.Wishes), wish[W]{Want: w, Count: 1})
	if taken {
		return k.refuse(w, fmt.Errorf("%w: %s", ErrConflict, w.what()))
	}
	return k.start(w)
}

// start starts what a wish is about, or refuses it.
func (k keeper[W]) start(w W) actions.Transition[keeper[W]] {
	if err := k.trade.check(w); err != nil {
		return k.refuse(w, err)
	}
	k = k.change(k.find(w), func(x *wish[W]) { x.Starting, x.Refused = true, nil })
	return actions.Next(k, k.trade.supervisors.Spawn(w).Monitored(k.monitor(0)).Continue(actions.ResumeWith(
		func(k keeper[W], pid actions.PID) actions.Transition[keeper[W]] {
			i := k.find(w) // it is still there: see end
			k = k.change(i, func(x *wish[W]) { x.Starting, x.Supervisor = false, pid })
			if k.Wishes[i].Count == 0 {
				return k.end(i)
			}
			return actions.Next(k)
		})))
}

// refuse tells those who want something that it does not run, and why.
func (k keeper[W]) refuse(w W, reason error) actions.Transition[keeper[W]] {
	return actions.Next(k.without(w, reason), w.failed(reason))
}

// without notes why something does not run.
func (k keeper[W]) without(w W, reason error) keeper[W] {
	return k.change(k.find(w), func(x *wish[W]) { x.Refused, _ = world.Reduce(reason).(*world.Error) })
}

// unwanted handles that somebody does not want something any more. If the last one was lost,
// it may come back.
func (k keeper[W]) unwanted(w W, reason error) actions.Transition[keeper[W]] {
	i := k.find(w)
	if i < 0 {
		return actions.Next(k)
	}
	k = k.change(i, func(x *wish[W]) { x.Count-- })
	switch x := k.Wishes[i]; {
	case x.Count > 0:
		return actions.Next(k)
	case x.Supervisor != 0 && errors.Is(reason, distributed.ErrLost) && k.trade.outlive() > 0:
		return actions.Next(k, timer.After(k.label(w.what()), k.trade.outlive()))
	}
	return k.end(i)
}

// outlived handles that the time is over in which those who wanted something could come back.
func (k keeper[W]) outlived(e timer.Expired) actions.Transition[keeper[W]] {
	what := strings.TrimPrefix(e.Label, k.label(""))
	i := slices.IndexFunc(k.Wishes, func(x wish[W]) bool { return x.Count == 0 && x.Want.what() == what })
	if i < 0 {
		return actions.Next(k)
	}
	return k.end(i)
}

// end ends what nobody wants, and starts what else is wanted in its place. What is about to
// run ends when it does.
func (k keeper[W]) end(i int) actions.Transition[keeper[W]] {
	gone := k.Wishes[i]
	if gone.Starting {
		return actions.Next(k)
	}
	k.Wishes = slices.Delete(slices.Clone(k.Wishes), i, i+1)
	t := actions.Next(k)
	if gone.Supervisor != 0 {
		t = t.And(actions.Unmonitor(gone.Supervisor), actions.Kill(gone.Supervisor, nil))
	}
	if next := k.first(gone.Want.what()); next >= i { // the first one has ended
		w := k.Wishes[next].Want
		t = t.Then(func(k keeper[W]) actions.Transition[keeper[W]] { return k.start(w) })
	}
	return t
}

func (k keeper[W]) monitor(pid actions.PID) actions.MonitorProcess {
	return endpoint.MonitorState(pid, keeper[W].ended).Binding()
}

// ended handles the end of a supervisor: what it has cared for is not started again.
func (k keeper[W]) ended(pid actions.PID, reason error) actions.Transition[keeper[W]] {
	i := slices.IndexFunc(k.Wishes, func(x wish[W]) bool { return x.Supervisor == pid })
	if i < 0 {
		return actions.Next(k)
	}
	k = k.change(i, func(x *wish[W]) { x.Supervisor = 0 })
	w := k.Wishes[i].Want
	if reason == nil || errors.Is(reason, world.ErrStopped) { // those who want it have heard that
		return actions.Next(k.without(w, fmt.Errorf("%w: %s, which is not started again", ErrEnded, w.what())))
	}
	return k.refuse(w, fmt.Errorf("%w: %s: %w", ErrGivenUp, w.what(), reason))
}
