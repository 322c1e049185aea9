package node

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A keeper is the process that runs places on a node, for as long as somebody wants them.
//
// What is wanted at a place is a line of wishes. The first one runs, in the care of a
// supervisor; the others were refused, and get their turn when nobody wants the first any
// more.
type keeper struct {
	config *Config
	Wishes []wish
}

// A wish is something that is wanted at a place.
type wish struct {
	Wanted     Wanted
	Count      int          // how many want it
	Starting   bool         // its supervisor is about to run
	Supervisor actions.PID  // zero if it does not run
	Refused    *world.Error // why it does not run, if it was refused or given up
}

// open returns what a keeper has open.
func (k keeper) open() actions.Action {
	all := actions.Tree{
		endpoint.ObservePublishers(topic.All[Wanted](),
			endpoint.OnPresenceState(keeper.wanted), endpoint.OnAbsenceState(keeper.unwanted)),
		endpoint.Subscriber(topic.All[exit](), endpoint.OnMessage(func(exit) actions.Action { return endpoint.Exit(nil) })),
		endpoint.Subscriber(topic.Where(topic.Glob(timer.Label, outliveLabel+"*")), endpoint.OnMessageState(keeper.outlived)),
	}
	for _, w := range k.Wishes {
		if w.Supervisor != 0 {
			all = append(all, k.monitor(w.Supervisor))
		}
	}
	return all
}

// outliveLabel is how the labels of the timers of a keeper begin.
const outliveLabel = "node/keeper/"

// find returns the index of a wish.
func (k keeper) find(w Wanted) int {
	return slices.IndexFunc(k.Wishes, func(x wish) bool { return x.Wanted == w })
}

// wanted handles that somebody wants something.
func (k keeper) wanted(w Wanted) actions.Transition[keeper] {
	if !utf8.ValidString(w.Place + w.Program + w.Args) { // no state can have it
		return actions.Next(k, w.failed(fmt.Errorf("node: the place %.32q is wanted with a text that is not UTF-8", w.Place)))
	}
	if i := k.find(w); i >= 0 {
		k.Wishes = slices.Clone(k.Wishes)
		k.Wishes[i].Count++
		x := k.Wishes[i]
		return actions.Next(k,
			actions.When(x.Count == 1, timer.Stop(outliveLabel+w.Place)), // it came back in time
			actions.When(x.Refused != nil, w.failed(x.Refused)))
	}
	taken := slices.ContainsFunc(k.Wishes, func(x wish) bool { return x.Wanted.Place == w.Place })
	k.Wishes = append(slices.Clip(k.Wishes), wish{Wanted: w, Count: 1})
	if taken {
		return k.refuse(w, fmt.Errorf("%w: place %q", ErrConflict, w.Place))
	}
	return k.start(w)
}

// start starts the place of a wish, or refuses it.
func (k keeper) start(w Wanted) actions.Transition[keeper] {
	err := w.check()
	if err == nil {
		err = k.config.allows(w.spec())
	}
	if err != nil {
		return k.refuse(w, err)
	}
	i := k.find(w)
	k.Wishes = slices.Clone(k.Wishes)
	k.Wishes[i].Starting, k.Wishes[i].Refused = true, nil
	return actions.Next(k, k.config.places.Spawn(w).Monitored(k.monitor(0)).Continue(actions.ResumeWith(
		func(k keeper, pid actions.PID) actions.Transition[keeper] {
			i := k.find(w) // it is still there: see end
			k.Wishes = slices.Clone(k.Wishes)
			k.Wishes[i].Starting, k.Wishes[i].Supervisor = false, pid
			if k.Wishes[i].Count == 0 {
				return k.end(i)
			}
			return actions.Next(k)
		})))
}

// refuse tells those who want something that it does not run, and why.
func (k keeper) refuse(w Wanted, reason error) actions.Transition[keeper] {
	k.Wishes = slices.Clone(k.Wishes)
	k.Wishes[k.find(w)].Refused, _ = world.Reduce(reason).(*world.Error)
	return actions.Next(k, w.failed(reason))
}

// unwanted handles that somebody does not want something any more. If the last one was lost,
// it may come back.
func (k keeper) unwanted(w Wanted, reason error) actions.Transition[keeper] {
	i := k.find(w)
	if i < 0 {
		return actions.Next(k)
	}
	k.Wishes = slices.Clone(k.Wishes)
	k.Wishes[i].Count--
	switch x := k.Wishes[i]; {
	case x.Count > 0:
		return actions.Next(k)
	case x.Supervisor != 0 && errors.Is(reason, distributed.ErrLost) && k.config.outlive() > 0:
		return actions.Next(k, timer.After(outliveLabel+w.Place, k.config.outlive()))
	}
	return k.end(i)
}

// outlived handles that those who want a place have not come back.
func (k keeper) outlived(e timer.Expired) actions.Transition[keeper] {
	place := strings.TrimPrefix(e.Label, outliveLabel)
	i := slices.IndexFunc(k.Wishes, func(x wish) bool { return x.Count == 0 && x.Wanted.Place == place })
	if i < 0 {
		return actions.Next(k)
	}
	return k.end(i)
}

// end ends a place that nobody wants, and starts what else is wanted there. A place that is
// about to run ends when it does.
func (k keeper) end(i int) actions.Transition[keeper] {
	gone := k.Wishes[i]
	if gone.Starting {
		return actions.Next(k)
	}
	k.Wishes = slices.Delete(slices.Clone(k.Wishes), i, i+1)
	t := actions.Next(k)
	if gone.Supervisor != 0 {
		t = t.And(actions.Unmonitor(gone.Supervisor), actions.Kill(gone.Supervisor, nil))
	}
	next := slices.IndexFunc(k.Wishes, func(x wish) bool { return x.Wanted.Place == gone.Wanted.Place })
	if next >= i { // the first one has ended
		w := k.Wishes[next].Wanted
		t = t.Then(func(k keeper) actions.Transition[keeper] { return k.start(w) })
	}
	return t
}

func (k keeper) monitor(pid actions.PID) actions.MonitorProcess {
	return endpoint.MonitorState(pid, keeper.ended).Binding()
}

// ended handles the end of a supervisor: the place has ended for good.
func (k keeper) ended(pid actions.PID, reason error) actions.Transition[keeper] {
	i := slices.IndexFunc(k.Wishes, func(x wish) bool { return x.Supervisor == pid })
	if i < 0 {
		return actions.Next(k)
	}
	k.Wishes = slices.Clone(k.Wishes)
	k.Wishes[i].Supervisor = 0
	w := k.Wishes[i].Wanted
	if reason == nil || errors.Is(reason, world.ErrStopped) { // those who want it have heard that
		k.Wishes[i].Refused, _ = world.Reduce(fmt.Errorf("%w: the place %q, which is not started again", ErrEnded, w.Place)).(*world.Error)
		return actions.Next(k)
	}
	return k.refuse(w, fmt.Errorf("%w: the place %q: %w", ErrGivenUp, w.Place, reason))
}
