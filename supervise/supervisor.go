package supervise

import (
	"errors"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A supervisor is the state of a supervisor.
//
// What happens only changes the state. What is to be done about it is decided by
// settle, in the turn of the supervisor, so that nothing happens between the decision
// and what is done:
//
//	Step 1: A supervisor that gives up ends all children, and fails.
//	Step 2: Children that are to end with another one end, the last one first.
//	Step 3: The first child that is down, and waits for nothing, is started. When it
//	        runs, settle goes on with the next.
//	Step 4: If no child runs or is down, the supervisor quits.
type supervisor[A any] struct {
	Arg A // says what its children are: see [kind]
	state
}

// A state is what a supervisor knows about its children.
type state struct {
	Self     actions.PID
	Children []child   // in the order of those of the definition
	Restarts []restart // those that count, and those that wait, in their order
	Number   uint64    // of the last restart
	Drivers  int       // of timers that are present
	Settles  bool      // settle is about to be called
}

// A child is what a supervisor knows of a child.
type child struct {
	Name     string
	Status   status
	PID      actions.PID // while it runs
	WaitsFor uint64      // the number of a restart; zero if the child waits for none
}

type status uint8

const (
	down    status = iota // to be started
	running               // started
	doomed                // runs, and is to end before it is started again
	over                  // has ended for good
)

// A restart is the end of a child that is to be started again.
type restart struct {
	Number uint64
	Child  int
	Reason *world.Error // nil if there was none
	Done   bool         // the child was started again
}

// endpoints returns what a supervisor has open: see [actions.Type].
func (d *kind[A]) endpoints(s supervisor[A]) actions.Action {
	all := actions.Tree{d.timers(s), endpoint.Publisher(topic.All[timer.Set]()).As(setsTimers{})}
	for i, c := range s.Children {
		if c.PID != 0 {
			all = append(all, d.monitor(c.PID), d.running(s, i, c.PID))
		}
	}
	return all
}

func (d *kind[A]) monitor(pid actions.PID) actions.MonitorProcess {
	return endpoint.MonitorState(pid, d.ended).Binding()
}

// later has settle called in the turn of the supervisor.
func (d *kind[A]) later(s supervisor[A]) (supervisor[A], actions.Action) {
	if s.Settles {
		return s, nil
	}
	s.Settles = true
	return s, actions.Yield(d.settle)
}

// ended notes that a child has ended.
func (d *kind[A]) ended(s supervisor[A], pid actions.PID, reason error) actions.Transition[supervisor[A]] {
	i := slices.IndexFunc(s.Children, func(c child) bool { return c.PID == pid })
	if i < 0 {
		return actions.Next(s)
	}
	s.Children = slices.Clone(s.Children)
	c, of := &s.Children[i], d.plan(s.Arg).children[i]
	gone := actions.Delete(of.Name).Because(reason)
	c.PID = 0
	var wait actions.Action
	switch {
	case c.Status == doomed:
		c.Status = of.afterwards()
	case of.Restart == Temporary, of.Restart == Transient && reason == nil, errors.Is(reason, world.ErrStopped):
		c.Status = over
	default:
		s, wait = d.restart(s, i, reason)
	}
	s, settle := d.later(s)
	return actions.Next(s, gone, wait, settle)
}

// afterwards returns the status of a child when it has ended with another one.
func (c Child) afterwards() status {
	if c.Restart == Temporary {
		return over
	}
	return down
}

// restart notes that child i, which has ended, is to be started again, and those that
// go with it. It returns the timer to set, if they wait.
func (d *kind[A]) restart(s supervisor[A], i int, reason error) (supervisor[A], actions.Action) {
	s.Number++
	why, _ := world.Reduce(reason).(*world.Error)
	s.Restarts = append(slices.Clip(s.Restarts), restart{Number: s.Number, Child: i, Reason: why})
	from, to := i, i+1
	spec := d.plan(s.Arg).spec
	switch spec.Strategy {
	case RestForOne:
		to = len(s.Children)
	case OneForAll:
		from, to = 0, len(s.Children)
	}
	delay := spec.Backoff.before(len(s.Restarts))
	waits, wait := uint64(0), actions.Action(nil)
	if delay > 0 && s.Drivers > 0 {
		waits, wait = s.Number, timer.After(s.label(waiting, s.Number), delay)
	}
	s.Children[i].Status = down
	for j := from; j < to; j++ {
		c := &s.Children[j]
		if c.Status == over {
			continue
		}
		if c.PID != 0 {
			c.Status = doomed
		}
		c.WaitsFor = waits
	}
	return s, wait
}

// settle does what is to be done: see [supervisor].
func (d *kind[A]) settle(s supervisor[A]) actions.Transition[supervisor[A]] {
	s.Settles = false
	if spec := d.plan(s.Arg).spec; len(s.Restarts) > max(spec.Intensity, 0) {
		reason := d.failure(s)
		s, ends := d.endChildren(s, reason, func(child) bool { return true })
		var last actions.Action
		if spec.OnGiveUp != nil {
			last = spec.OnGiveUp(reason)
		}
		return actions.Next(s, ends, last, actions.Fail(reason))
	}
	s, ends := d.endChildren(s, ErrRestart, func(c child) bool { return c.Status == doomed })
	next := slices.IndexFunc(s.Children, func(c child) bool { return c.Status == down && c.WaitsFor == 0 })
	if next >= 0 {
		return actions.Next(s, ends, d.start(s, next))
	}
	if !slices.ContainsFunc(s.Children, func(c child) bool { return c.Status != over }) {
		return actions.Next(s, ends, actions.Quit())
	}
	return actions.Next(s, ends)
}

// endChildren ends those children that run and that which reports true for, the last
// one first.
func (d *kind[A]) endChildren(s supervisor[A], reason error, which func(child) bool) (supervisor[A], actions.Action) {
	s.Children = slices.Clone(s.Children)
	var ends actions.Tree
	children := d.plan(s.Arg).children
	for i := len(s.Children) - 1; i >= 0; i-- {
		if c := &s.Children[i]; c.PID != 0 && which(*c) {
			ends = append(ends, actions.Unmonitor(c.PID), actions.Kill(c.PID, reason), actions.Delete(c.Name).Because(reason))
			c.PID, c.Status = 0, children[i].afterwards()
		}
	}
	return s, ends
}

// start starts child i.
func (d *kind[A]) start(s supervisor[A], i int) actions.Action {
	p := d.plan(s.Arg)
	return p.children[i].Start.Monitored(d.monitor(0)).Continue(actions.ResumeWith(func(s supervisor[A], pid actions.PID) actions.Transition[supervisor[A]] {
		s.Children = slices.Clone(s.Children)
		s.Children[i] = child{Name: p.children[i].Name, Status: running, PID: pid}
		s.Restarts = slices.Clone(s.Restarts)
		var set actions.Tree
		for j := range s.Restarts {
			if r := &s.Restarts[j]; r.Child == i && !r.Done {
				r.Done = true
				set = append(set, timer.After(s.label(counting, r.Number), p.spec.Period))
			}
		}
		s, settle := d.later(s)
		return actions.Next(s, d.running(s, i, pid), set, settle)
	}))
}

// failure returns the reason with which s gives up.
func (d *kind[A]) failure(s supervisor[A]) *Error {
	p := d.plan(s.Arg)
	e := &Error{Supervisor: d.Name, Period: p.spec.Period}
	for _, r := range s.Restarts {
		f := Failure{Child: p.children[r.Child].Name}
		if r.Reason != nil {
			f.Reason = r.Reason
		}
		e.Failures = append(e.Failures, f)
	}
	return e
}
