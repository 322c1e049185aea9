package laws

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
)

// This file is an interpreter of random programs. Its processes are pure, but
// for the log that they write.

// A lawLog is what has happened in a run.
type lawLog struct {
	program *lawProgram
	entries []lawEntry
}

// A lawEntry is a call of a transition function, or the end of a process.
type lawEntry struct {
	path  string // of the process
	what  string // the kind of event, or of call
	name  string // of the endpoint
	level int    // at which the endpoint is
	role  string // of the peer
	text  string // the message, or the reason
	self  bool
	n     int // how many steps the process has taken so far
}

func (e lawEntry) String() string {
	s := fmt.Sprintf("%-8s %-9s", e.path, e.what)
	if e.name != "" {
		s += fmt.Sprintf(" at %s, level %d", e.name, e.level)
	}
	for _, part := range []string{e.role, e.text} {
		if part != "" {
			s += ": " + part
		}
	}
	if e.self {
		s += " (itself)"
	}
	return fmt.Sprintf("%s [%d]", s, e.n)
}

// A lawActor is the state of a process of a random program.
type lawActor struct {
	log    *lawLog
	script int
	in     vm.Path // the machine in which the process is
	pid    actions.PID
	child  actions.PID // spawned last
	fuel   int         // actions that it may still want
	steps  int
	opened int // endpoints without a name
}

func (a lawActor) path() string { return append(a.in[:len(a.in):len(a.in)], a.pid).String() }

func (a lawActor) note(e lawEntry) {
	e.path, e.n = a.path(), a.steps
	a.log.entries = append(a.log.entries, e)
}

// boot returns the process that begins with the first step of its script.
func (a lawActor) boot(pid actions.PID) actions.Process {
	a.pid = pid
	a.note(lawEntry{what: "boot"})
	return a.step(0, nil)
}

// first returns the function that makes the first process of the program.
func (l *lawLog) first() func(actions.PID) actions.Process {
	return lawActor{log: l, fuel: l.program.fuel}.boot
}

// step takes the step with the given number, if there is one. The fresh name
// is one that the process has just been given, if it has.
func (a lawActor) step(number int, fresh actions.EndpointID) actions.Transition[lawActor] {
	if number < 0 {
		return actions.Next(a)
	}
	step := a.log.program.scripts[a.script].steps[number]
	a.steps++
	if step.crash {
		if a.steps%2 == 0 {
			panic(errors.New("crashed"))
		}
		panic("crash")
	}
	tree := a.wants(step.ops, 0, fresh)
	return actions.Next(a, tree)
}

// wants returns the actions for ops, and updates a. They are wanted in a group
// at the given level.
func (a *lawActor) wants(ops []lawOp, from int, fresh actions.EndpointID) actions.Tree {
	var tree actions.Tree
	for i := range ops {
		if a.fuel == 0 {
			break
		}
		a.fuel--
		op := &ops[i]
		level := a.level(op, from)
		if op.kind == opGroup {
			if from == 0 && level > 0 {
				more := a.log.program.scripts[a.script].steps[op.then].ops
				tree = append(tree, outward(a.wants(more, level, fresh), level))
			}
			continue
		}
		tree = append(tree, outward(a.want(op, level, fresh), level-from))
		if op.grouped {
			tree = actions.Tree{nil, tree, actions.Tree{}}
		}
	}
	return tree
}

// level returns the level at which op is to be performed, in a group at level
// from: one that exists, unless op overreaches.
func (a *lawActor) level(op *lawOp, from int) int {
	if op.overreach {
		return from + op.level
	}
	return min(from+op.level, len(a.in))
}

// outward returns the action as so many levels up.
func outward(as actions.Action, levels int) actions.Action {
	for range levels {
		as = actions.AtMeta(nil, as)
	}
	return as
}

// want returns the action for op, which is to be performed at the given level.
func (a *lawActor) want(op *lawOp, level int, fresh actions.EndpointID) actions.Action {
	switch op.kind {
	case opAdd:
		return a.endpoint(op, level, fresh)
	case opReplace:
		return actions.ReplaceEndpoint{AddEndpoint: a.endpoint(op, level, fresh)}
	case opDelete:
		name := lawName(op, fresh)
		a.note(lawEntry{what: "delete", name: fmt.Sprint(name), level: level})
		return actions.Delete(name).Because(lawReasons[op.reason])
	case opSend:
		return actions.Forward(op.message, op.orientation)
	case opQuit:
		return actions.Fail(lawReasons[op.reason])
	case opKill:
		pid := op.pid
		if pid == 0 {
			pid = a.child
		}
		return actions.When(pid != 0, actions.QuitProcess{PID: pid, Reason: lawReasons[op.reason]})
	case opSpawn:
		return a.spawn(op, level)
	case opYield:
		return actions.Yield(func(a lawActor) actions.Transition[lawActor] {
			a.note(lawEntry{what: "continue"})
			return a.step(op.then, nil)
		})
	case opFresh:
		return actions.Fresh(func(a lawActor, name actions.EndpointID) actions.Transition[lawActor] {
			a.note(lawEntry{what: "name", text: fmt.Sprint(name)})
			return a.step(op.then, name)
		})
	case opMonitor:
		pid := op.pid
		if pid == 0 {
			pid = a.child
		}
		if op.style == styleMute {
			return actions.MonitorProcess{PID: pid, Binds: op.binds}
		}
		return actions.MonitorProcess{PID: pid, Handler: a.monitor(op), Binds: op.binds}
	case opWatched:
		return a.spawn(op, level).(actions.SpawnProcess).Monitored(actions.MonitorProcess{Handler: a.monitor(op), Binds: op.binds})
	case opUnmonitor:
		return actions.Unmonitor(op.pid)
	case opOpen:
		return actions.OpenDevice{Device: lawDevice{fmt.Sprint(op.name)}, Handler: a.device(op)}
	default:
		return actions.Close(lawDevice{fmt.Sprint(op.name)})
	}
}

// lawName returns the name that op is about.
func lawName(op *lawOp, fresh actions.EndpointID) actions.EndpointID {
	if op.name == freshName {
		return fresh
	}
	return lawNames[op.name]
}

// spawn returns the action that spawns a process, or a machine, at the given
// level.
func (a *lawActor) spawn(op *lawOp, level int) actions.Action {
	child := lawActor{log: a.log, script: op.script, fuel: a.fuel / 2}
	a.fuel -= child.fuel
	// A process that overreaches spawns nothing.
	child.in = a.in[:max(0, len(a.in)-level)]
	nest := min(op.nest, maxNest-len(child.in))
	as := actions.SpawnFunc(child.inside(nest)).Named(fmt.Sprintf("script %d", op.script))
	if op.then >= 0 {
		as = as.Continue(actions.ResumeWith(func(a lawActor, pid actions.PID) actions.Transition[lawActor] {
			a.note(lawEntry{what: "spawned", text: pid.String()})
			a.child = pid
			return a.step(op.then, nil)
		}))
	}
	return as
}

// inside returns the function that makes process a in as many machines in
// machines.
func (a lawActor) inside(nest int) func(actions.PID) actions.Process {
	if nest <= 0 {
		return a.boot
	}
	return func(self actions.PID) actions.Process {
		a := a
		a.in = append(a.in[:len(a.in):len(a.in)], self)
		return virtual(a.inside(nest - 1))
	}
}

// endpoint returns the action that opens an endpoint at the given level.
func (a *lawActor) endpoint(op *lawOp, level int, fresh actions.EndpointID) actions.AddEndpoint {
	e := actions.AddEndpoint{ID: lawName(op, fresh), Role: op.role}
	demand := a.log.program.demandOf(e.ID)
	on := op.on
	if op.style == styleMute && demand == nil {
		if !a.log.program.strict {
			return e
		}
		on = [5]int{-1, -1, -1, -1, -1}
	}
	name := fmt.Sprint(e.ID)
	if e.ID == nil {
		a.opened++
		name = fmt.Sprintf("#%d", a.opened)
		if a.log.program.strict {
			e.ID = name
		}
	}
	e.Handler = &actions.Handler{
		State:  reflect.TypeFor[lawActor](),
		Demand: demand,
		Run: func(state any, ev *actions.Event) (any, actions.Action) {
			a := state.(lawActor)
			if ev.Kind >= actions.First && !demand.Filter.Passes(ev.Peer, ev.Self) {
				return a, nil // the endpoint does not count this peer
			}
			a.heard(name, level, ev)
			if op.style == stylePlain {
				return a, a.lastWish(on[ev.Kind])
			}
			return a.step(on[ev.Kind], nil).Erase()
		},
	}
	switch op.style {
	case stylePlain:
		e.Handler.State = nil
	case styleMisfit:
		e.Handler.State = reflect.TypeFor[int]()
	}
	return e
}

func (a lawActor) heard(name string, level int, ev *actions.Event) {
	e := lawEntry{what: ev.Kind.String(), name: name, level: level, self: ev.Self, text: lawReason(ev.Reason)}
	switch ev.Kind {
	case actions.Delivery:
		e.role, e.text = ev.Peer.Orientation.String(), ev.Message.String()
	case actions.First, actions.Last:
		// The peer of the event stands for all that count alike.
		e.role, e.text, e.self = ev.Peer.Orientation.String(), ev.Peer.Topic.String(), false
	default:
		e.role = ev.Peer.String()
	}
	a.note(e)
}

// lastWish returns the actions of a handler that leaves the state alone. It
// cannot count what the process has wanted so far, so it only ends things.
func (a lawActor) lastWish(number int) actions.Action {
	if number < 0 {
		return nil
	}
	var tree actions.Tree
	for _, op := range a.log.program.scripts[a.script].steps[number].ops {
		switch op.kind {
		case opDelete, opQuit, opKill:
			level := a.level(&op, 0)
			tree = append(tree, outward(a.want(&op, level, nil), level))
		}
	}
	return tree
}

// device returns the handler of a device.
func (a *lawActor) device(op *lawOp) *actions.Handler {
	return actions.HandlerOf(func(a lawActor, ev *actions.Event) actions.Transition[lawActor] {
		a.note(lawEntry{what: ev.Kind.String(), name: op.deviceName(), text: fmt.Sprint(ev.Value)})
		return a.step(op.then, nil)
	})
}

// monitor returns the handler of a monitor.
func (a *lawActor) monitor(op *lawOp) *actions.Handler {
	h := actions.HandlerOf(func(a lawActor, ev *actions.Event) actions.Transition[lawActor] {
		a.note(lawEntry{what: ev.Kind.String(), name: fmt.Sprint(ev.Value), text: lawReason(ev.Reason)})
		return a.step(op.then, nil)
	})
	if op.style == styleMisfit {
		h.State = reflect.TypeFor[int]()
	}
	return h
}

func (op *lawOp) deviceName() string { return fmt.Sprintf("device %d", op.name) }
