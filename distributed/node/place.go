package node

import (
	"cmp"
	"errors"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// A place is the first process in the machine of a place. It is present to those who want the
// place, starts the program, and ends the machine with it.
type place struct {
	Wanted Wanted
	Parts  []actions.PID // the program, and what makes the machine a place
	Ready  bool          // others can reach it
}

// machine returns the machine of a place.
func (c *Config) machine(w Wanted) actions.SpawnProcess {
	return actions.Spawn(vm.NestedFunc(func(actions.PID) actions.Process {
		p := place{Wanted: w}
		return actions.Next(p, p.open(), timer.DriverOn(c.clock()), c.Driver(), c.begin(w))
	})).Named(w.Place)
}

// begin returns the action that starts the program of a place, and makes the machine the
// place.
func (c *Config) begin(w Wanted) actions.Action {
	program, err := w.spec().start()
	if err != nil {
		return actions.Yield(func(p place) actions.Transition[place] { return actions.Next(p, p.fail(err)) })
	}
	return actions.Group(part(program), part(c.Serve(w.Place)))
}

// part starts a process with which the place ends.
func part(s actions.SpawnProcess) actions.Action {
	return s.Monitored(monitor(0)).Continue(actions.ResumeWith(func(p place, pid actions.PID) actions.Transition[place] {
		p.Parts = append(p.Parts[:len(p.Parts):len(p.Parts)], pid)
		return actions.Next(p)
	}))
}

func monitor(pid actions.PID) actions.MonitorProcess {
	return endpoint.MonitorState(pid, func(p place, _ actions.PID, reason error) actions.Transition[place] {
		return actions.Next(p, actions.When(!errors.Is(reason, world.ErrStopped), p.fail(reason))) // otherwise the machine stops
	})
}

// open returns what a place has open.
func (p place) open() actions.Action {
	all := actions.Tree{
		endpoint.Subscriber(distributed.Whereabouts(), endpoint.OnPresenceState(place.served)),
		actions.When(p.Ready, p.runs()),
	}
	for _, pid := range p.Parts {
		all = append(all, monitor(pid))
	}
	return all
}

// runs returns the action that tells those who want the place that it runs.
func (p place) runs() actions.Action {
	return actions.AtMeta(endpoint.Subscriber(p.Wanted.topic()).As("runs"))
}

// served handles that the machine is the place, so that others can reach it.
func (p place) served(distributed.Here) actions.Transition[place] {
	if p.Ready {
		return actions.Next(p)
	}
	p.Ready = true
	return actions.Next(p, p.runs())
}

// fail ends the machine. Those who want the place hear the reason, also if it never ran.
func (p place) fail(reason error) actions.Action {
	return actions.AtMeta(actions.When(!p.Ready, p.Wanted.failed(cmp.Or(reason, ErrEnded))), actions.Fail(reason))
}
