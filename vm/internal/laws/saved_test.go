package laws

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
)

// This file is an interpreter of random programs whose processes can be written
// down: what they do next is in their states, and so is what they have open.
//
// The state has what a process has wanted. So that this is also what it has,
// actions for one endpoint have to be performed in their order. Those of
// transition functions are: they wait in the queue. Those of the continuations
// of Yield and Fresh go ahead of the queue, so they are about endpoints and
// devices of their own, see savedActor.rank.

// A savedActor is the state of a process of a random program.
type savedActor struct {
	Script  int
	In      vm.Path // the machine in which the process is
	PID     actions.PID
	Child   actions.PID // spawned last
	Fuel    int         // actions that it may still want
	Steps   int
	Ends    []savedEnd
	Devices []savedDevice
	Downs   []savedMonitor

	program *lawProgram
	rank    int // 0 for what waits in the queue, n for what comes from n continuations
}

// A savedEnd is an endpoint that a process wants to have.
type savedEnd struct {
	Level int
	Name  string
	Fresh vm.FreshID
	Op    savedOp
}

type savedDevice struct {
	Name string
	Op   savedOp
}

type savedMonitor struct {
	PID actions.PID
	Op  savedOp
}

// A savedOp is the place of a lawOp in the program.
type savedOp struct{ Script, Step, Op int }

func (o savedOp) of(p *lawProgram) *lawOp { return &p.scripts[o.Script].steps[o.Step].ops[o.Op] }

// watched reports whether p has spawns with a monitor. These begin at other
// times than they are wanted, so p has no other monitors.
func (p *lawProgram) watched() bool {
	return slices.ContainsFunc(p.scripts, func(s lawScript) bool {
		return slices.ContainsFunc(s.steps, func(s lawStep) bool {
			return slices.ContainsFunc(s.ops, func(o lawOp) bool { return o.kind == opWatched })
		})
	})
}

// maxRank is how many continuations may follow from each other.
const maxRank = 2

// id returns the name of e.
func (e savedEnd) id() actions.EndpointID {
	switch {
	case e.Fresh > 0:
		return e.Fresh
	case e.Name != "":
		return e.Name
	default:
		return nil
	}
}

// savedType returns the type of the processes of a program.
func savedType(p *lawProgram) actions.Type {
	return actions.Define("vm.saved", func(a savedActor) actions.Action {
		var all actions.Tree
		for _, e := range a.Ends {
			all = append(all, outward(e.open(p), e.Level))
		}
		for _, d := range a.Devices {
			all = append(all, d.open(p))
		}
		for _, d := range a.Downs {
			all = append(all, d.open(p))
		}
		return all
	}).Type
}

func (p *lawProgram) firstSaved() func(actions.PID) actions.Process {
	return savedActor{program: p, Fuel: p.fuel}.boot
}

func (a savedActor) boot(pid actions.PID) actions.Process {
	a.PID = pid
	return a.step(0, 0)
}

// step takes the step with the given number, if there is one.
func (a savedActor) step(number int, fresh vm.FreshID) actions.Transition[savedActor] {
	if number < 0 {
		return actions.Next(a.still())
	}
	step := a.program.scripts[a.Script].steps[number]
	a.Steps++
	if step.crash {
		panic(errors.New("crashed"))
	}
	a.Ends, a.Devices, a.Downs = slices.Clone(a.Ends), slices.Clone(a.Devices), slices.Clone(a.Downs)
	var tree actions.Tree
	for i := range step.ops {
		if a.Fuel == 0 {
			break
		}
		a.Fuel--
		op := &step.ops[i]
		level := min(op.level, len(a.In))
		if op.overreach {
			level = op.level + len(a.In)
		}
		as := a.want(op, savedOp{a.Script, number, i}, level, fresh)
		if op.grouped {
			as = actions.Tree{nil, as, actions.Tree{}}
		}
		tree = append(tree, as)
	}
	return actions.Next(a.still(), tree)
}

// still returns a as it is between transitions.
func (a savedActor) still() savedActor {
	a.rank, a.program = 0, nil
	return a
}

// want returns the action for op.
func (a *savedActor) want(op *lawOp, at savedOp, level int, fresh vm.FreshID) actions.Action {
	switch op.kind {
	case opAdd, opReplace:
		e := savedEnd{Level: level, Name: a.name(op), Op: at}
		if op.name == freshName {
			e.Fresh = fresh
		}
		if e.id() == nil && a.rank > 0 {
			return nil // see above
		}
		if e.id() != nil {
			a.Ends = slices.DeleteFunc(a.Ends, func(o savedEnd) bool { return o.Level == level && o.id() == e.id() })
		}
		a.Ends = append(a.Ends, e)
		if op.kind == opReplace {
			return outward(actions.ReplaceEndpoint{AddEndpoint: e.open(a.program)}, level)
		}
		return outward(e.open(a.program), level)
	case opDelete:
		e := savedEnd{Name: a.name(op)}
		if op.name == freshName {
			e.Fresh = fresh
		}
		return outward(actions.Delete(e.id()).Because(lawReasons[op.reason]), level)
	case opSend:
		return outward(actions.Forward(op.message, op.orientation), level)
	case opQuit:
		return outward(actions.Fail(lawReasons[op.reason]), level)
	case opKill:
		pid := op.pid
		if pid == 0 {
			pid = a.Child
		}
		return outward(actions.When(pid != 0, actions.QuitProcess{PID: pid, Reason: lawReasons[op.reason]}), level)
	case opSpawn:
		return outward(a.spawn(op, level), level)
	case opYield:
		return actions.Yield(a.continued(op.then))
	case opFresh:
		p, rank := a.program, a.rank+1
		return actions.Fresh(func(a savedActor, name actions.EndpointID) actions.Transition[savedActor] {
			return a.going(p, rank).step(op.then, name.(vm.FreshID))
		})
	case opMonitor:
		d := savedMonitor{op.pid, at}
		if d.PID == 0 {
			d.PID = a.Child
		}
		if a.rank > 0 || a.program.watched() || level == 0 && (d.PID == 0 || d.PID == a.PID) {
			return nil // see above
		}
		a.Downs = slices.DeleteFunc(a.Downs, func(o savedMonitor) bool { return o.PID == d.PID })
		a.Downs = append(a.Downs, d)
		return outward(d.open(a.program), level)
	case opWatched:
		if a.rank > 0 {
			return nil // see above
		}
		p := a.program
		return outward(a.spawn(op, level).(actions.SpawnProcess).Monitored(savedMonitor{Op: at}.open(p)).Continue(
			actions.ResumeWith(func(a savedActor, pid actions.PID) actions.Transition[savedActor] {
				a.Downs = append(slices.Clone(a.Downs), savedMonitor{pid, at})
				return a.going(p, 0).step(op.then, 0)
			})), level)
	case opUnmonitor:
		return actions.Unmonitor(op.pid)
	case opOpen:
		d := savedDevice{a.deviceName(op), at}
		a.Devices = slices.DeleteFunc(a.Devices, func(o savedDevice) bool { return o.Name == d.Name })
		a.Devices = append(a.Devices, d)
		open := d.open(a.program)
		open.Paused = op.then%2 == 1
		return open
	case opClose:
		d := lawDevice{a.deviceName(op)}
		switch op.then % 4 {
		case 0:
			return actions.Close(d)
		case 1:
			return actions.Pause(d)
		case 2:
			return actions.Resume(d)
		default:
			return actions.Tell(d, a.Steps)
		}
	default:
		return nil
	}
}

// continued returns the continuation of a Yield that takes a step.
func (a *savedActor) continued(step int) func(savedActor) actions.Transition[savedActor] {
	p, rank := a.program, a.rank+1
	return func(a savedActor) actions.Transition[savedActor] { return a.going(p, rank).step(step, 0) }
}

// going returns a as it is during a transition. Beyond the highest rank the
// process has no fuel, or the program might never end.
func (a savedActor) going(p *lawProgram, rank int) savedActor {
	a.program, a.rank = p, min(rank, maxRank)
	if rank > maxRank {
		a.Fuel = 0
	}
	return a
}

// name returns the name of the endpoint that op is about, if it has one.
func (a *savedActor) name(op *lawOp) string {
	if op.name <= 0 || op.name >= len(lawNames)-1 {
		return ""
	}
	return fmt.Sprintf("%v of %d", lawNames[op.name], a.rank)
}

func (a *savedActor) deviceName(op *lawOp) string { return fmt.Sprintf("%d of %d", op.name, a.rank) }

// spawn returns the action that spawns a process, or a machine.
func (a *savedActor) spawn(op *lawOp, level int) actions.Action {
	child := savedActor{program: a.program, Script: op.script, Fuel: a.Fuel / 2}
	a.Fuel -= child.Fuel
	child.In = a.In[:max(0, len(a.In)-level)]
	nest := min(op.nest, maxNest-len(child.In))
	as := actions.SpawnFunc(child.inside(nest)).Named(fmt.Sprintf("script %d", op.script))
	if op.then >= 0 {
		p := a.program
		as = as.Continue(actions.ResumeWith(func(a savedActor, pid actions.PID) actions.Transition[savedActor] {
			a.Child = pid
			return a.going(p, 0).step(op.then, 0)
		}))
	}
	return as
}

// inside returns the function that makes process a in as many machines in
// machines.
func (a savedActor) inside(nest int) func(actions.PID) actions.Process {
	if nest <= 0 {
		return a.boot
	}
	return func(self actions.PID) actions.Process {
		a := a
		a.In = append(a.In[:len(a.In):len(a.In)], self)
		return vm.NestedFunc(a.inside(nest - 1))
	}
}

// open returns the action that opens e.
func (e savedEnd) open(p *lawProgram) actions.AddEndpoint {
	op := e.Op.of(p)
	as := actions.AddEndpoint{ID: e.id(), Role: op.role}
	demand := lawDemands[p.demand[op.name&7]]
	if op.style == styleMute && demand == nil {
		return as
	}
	as.Handler = &actions.Handler{
		State:  reflect.TypeFor[savedActor](),
		Demand: demand,
		Run: func(state any, ev *actions.Event) (any, actions.Action) {
			return state.(savedActor).going(p, 0).step(op.on[ev.Kind], 0).Erase()
		},
	}
	if op.style == styleMisfit {
		as.Handler.State = reflect.TypeFor[int]()
	}
	return as
}

// open returns the action that opens d.
func (d savedDevice) open(p *lawProgram) actions.OpenDevice {
	op := d.Op.of(p)
	return actions.OpenDevice{Device: lawDevice{d.Name}, Handler: actions.HandlerOf(func(a savedActor, _ *actions.Event) actions.Transition[savedActor] {
		return a.going(p, 0).step(op.then, 0)
	})}
}

// open returns the action that begins d.
func (d savedMonitor) open(p *lawProgram) actions.MonitorProcess {
	op := d.Op.of(p)
	if op.style == styleMute {
		return actions.MonitorProcess{PID: d.PID, Binds: op.binds}
	}
	h := actions.HandlerOf(func(a savedActor, _ *actions.Event) actions.Transition[savedActor] {
		return a.going(p, 0).step(op.then, 0)
	})
	return actions.MonitorProcess{PID: d.PID, Handler: h, Binds: op.binds}
}
