package scenario

import (
	"fmt"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// This file interprets scenarios: it makes processes of them, and records what their
// handlers are told.
//
// The processes are as all others are, with one exception: they write to the
// record of the run. So they are not pure, and a handler counts by itself how
// often a rule has fired, because that outlives a transition that fails.

// A Run is the record of one run of a scenario.
type Run struct {
	Started []string            // paths of the processes, in the order in which they started
	Log     []string            // everything that handlers were told, in order
	Events  map[string][]string // what the handlers of a process were told, by its path
	Faults  []string            // what should not happen in any scenario

	stage Stage
	heard map[endpointKey][]string
	paths map[string]string // in the scenario, by the PIDs that lead there
}

// An endpointKey names an endpoint in a run. The id is the text of a term.
type endpointKey struct {
	process string
	id      string
	meta    bool
}

// A Stage says how a scenario is put into practice. The functions of the zero Stage
// nest the machines of the scenario in one virtual machine.
type Stage struct {
	// Start returns the process that stands for an inner machine in the machine around
	// it. The first process of the inner machine is the one that boot returns.
	Start func(inner *Machine, boot func(first actions.PID) actions.Process) actions.Process

	// Perform returns the action by which a process of machine in performs an action
	// in machine at: its own, or one around it. The process has the path by.
	Perform func(by string, in, at *Machine, a actions.Action) actions.Action
}

// nested is the zero Stage.
var nested = Stage{
	Start: func(_ *Machine, boot func(actions.PID) actions.Process) actions.Process { return vm.NestedFunc(boot) },
	Perform: func(_ string, in, at *Machine, a actions.Action) actions.Action {
		for ; in != at; in = in.Outer {
			a = actions.AtMeta(a)
		}
		return a
	},
}

// NewRun returns an empty record.
func NewRun(s Stage) *Run {
	if s.Start == nil {
		s = nested
	}
	return &Run{stage: s, Events: map[string][]string{}, heard: map[endpointKey][]string{}, paths: map[string]string{}}
}

// Boot returns the action that starts the scenario in its outermost machine.
func (r *Run) Boot(s *Scenario, outermost *Machine) actions.SpawnProcess {
	return r.spawn(outermost, "boot", s.Scenario.Boot, nil, "")
}

// Enough is how many times the machine may ask to go on in a scenario.
const Enough = 1000

// Play runs a scenario in one machine, until that is at rest. It returns the record, and
// the paths of the processes that are alive.
func Play(s *Scenario) (run *Run, alive []string) {
	run = NewRun(Stage{})
	outermost := &Machine{}
	m := vm.New(run.Boot(s, outermost))
	m.Apply(vm.Input{Kind: vm.Start})
	for n := 0; m.Busy(); n++ {
		if n == Enough {
			run.fault("the machine does not come to rest")
			break
		}
		m.Apply(vm.Input{Kind: vm.Continue})
	}
	for p := range m.Processes() {
		path, ok := run.PathOf(outermost, p.Path)
		if !ok {
			run.fault("process %v %q is alive, and is none of the scenario", p.Path, p.Name)
		}
		alive = append(alive, path)
	}
	slices.Sort(alive)
	return run, alive
}

// PathOf returns the path in the scenario of the process to which PIDs lead from a machine
// that is in no other.
func (r *Run) PathOf(root *Machine, pids vm.Path) (path string, ok bool) {
	path, ok = r.paths[root.Path+" "+pids.String()]
	return path, ok
}

func (r *Run) fault(format string, args ...any) {
	r.Faults = append(r.Faults, fmt.Sprintf(format, args...))
}

// register notes that a process, or a machine, has been started.
func (r *Run) register(path string, at *Machine, pid actions.PID) {
	key := at.root() + " " + at.inside(pid).String()
	if old, ok := r.paths[key]; ok {
		r.fault("%s and %s have the same PIDs, %s", old, path, key)
	}
	r.paths[key] = path
}

// A Machine is one of the machines of a run.
type Machine struct {
	Path  string   // in the scenario; empty for the outermost
	Outer *Machine // nil for the outermost
	Alone bool     // the machine is put into practice by one that is in no other

	pid actions.PID // in Outer
}

// root returns the path of the machine that is in no other.
func (m *Machine) root() string {
	for m.Outer != nil && !m.Alone {
		m = m.Outer
	}
	return m.Path
}

// inside returns the PIDs that lead to a process of the machine.
func (m *Machine) inside(pid actions.PID) vm.Path {
	if m.Outer == nil || m.Alone {
		return vm.Path{pid}
	}
	return append(m.Outer.inside(m.pid), pid)
}

// Is reports whether the machine is the process with a PID in the machine at.
func (m *Machine) Is(at *Machine, pid actions.PID) bool { return m.Outer == at && m.pid == pid }

// pathOf returns the path of the process of that name in m.
func (m *Machine) pathOf(name string) string {
	if m.Path == "" {
		return name
	}
	return m.Path + "/" + name
}

// A scriptProcess is a process of a scenario.
type scriptProcess struct {
	run  *Run
	path string
	in   *Machine
}

// raised is the value of a panic that stands for an exception of a scenario.
type raised string

// malformed is the value of a panic that reports a mistake in a scenario.
type malformed string

// spawn returns the action that starts a process of the given body in machine
// in. Its PID is captured under the name pid, unless that is empty.
func (r *Run) spawn(in *Machine, name string, b *scriptBody, s scope, pid string) actions.SpawnProcess {
	path := in.pathOf(name)
	return actions.SpawnFunc(func(self actions.PID) actions.Process {
		return r.boot(in, path, self, b, s.with(pid, pidTerm{in.Path, self}))
	}).Named(path)
}

// boot returns the first transition of a process.
func (r *Run) boot(in *Machine, path string, self actions.PID, b *scriptBody, s scope) actions.Process {
	r.register(path, in, self)
	r.Started = append(r.Started, path)
	p := &scriptProcess{r, path, in}
	vars := variables{}
	for name, initial := range b.State {
		vars[name] = fillTerm(initial.value, s, nil)
	}
	return p.proceed(&b.scriptStep, s, vars)
}

// spawnVM returns the action that starts a virtual machine in machine in.
func (r *Run) spawnVM(in *Machine, name string, a *scriptSpawnVM, s scope) actions.SpawnProcess {
	path := in.pathOf(name)
	return actions.SpawnFunc(func(self actions.PID) actions.Process {
		r.register(path, in, self)
		s := s.with(a.PID, pidTerm{in.Path, self})
		inner := &Machine{Path: path, Outer: in, pid: self}
		return r.stage.Start(inner, func(first actions.PID) actions.Process {
			return r.boot(inner, inner.pathOf("boot"), first, a.Boot, s.with(a.BootPID, pidTerm{path, first}))
		})
	}).Named(path)
}

// proceed is the transition that a step makes when the process begins or goes
// on, rather than reacts.
func (p *scriptProcess) proceed(st *scriptStep, s scope, vars variables) actions.Transition[variables] {
	defer p.noteFaults()
	return p.step(st, s, vars)
}

// noteFaults notes a panic that is not an exception of the scenario.
func (p *scriptProcess) noteFaults() {
	v := recover()
	if v == nil {
		return
	}
	if _, ok := v.(raised); !ok {
		p.run.fault("%s: %v", p.path, v)
	}
	panic(v)
}

// step evaluates a step. An exception undoes all of it, so the process panics,
// as any process that fails does.
func (p *scriptProcess) step(st *scriptStep, s scope, vars variables) actions.Transition[variables] {
	for _, u := range st.Update {
		vars = vars.with(u.variable, u.apply(fillTerm(u.operand.value, s, vars), vars))
	}
	if st.Raise != nil {
		panic(raised(*st.Raise))
	}
	t := actions.Next(vars, p.tree(st.Do, p.in, s, vars))
	for _, next := range st.Seq {
		t = t.Then(func(vars variables) actions.Transition[variables] { return p.step(next, s, vars) })
	}
	return t
}

func (u scriptUpdate) apply(operand any, vars variables) any {
	switch u.op {
	case "set":
		return operand
	case "add":
		old, ok := lookUp(vars, u.variable, "variable").(int)
		n, also := operand.(int)
		if ok && also {
			return old + n
		}
	}
	panic(malformed(fmt.Sprintf("update %s of %s by %v", u.op, u.variable, operand)))
}

func (p *scriptProcess) tree(as scriptActions, at *Machine, s scope, vars variables) actions.Tree {
	var tree actions.Tree
	for _, a := range as {
		tree = append(tree, p.action(a, at, s, vars))
	}
	return tree
}

// action returns what a means when process p performs it in machine at, which
// is its own, or one around that.
func (p *scriptProcess) action(a *scriptAction, at *Machine, s scope, vars variables) actions.Action {
	if a.Meta != nil {
		if at.Outer == nil {
			panic(malformed("meta in the outermost machine"))
		}
		return p.tree(*a.Meta, at.Outer, s, vars)
	}
	return p.run.stage.Perform(p.path, p.in, at, p.leaf(a, at, s, vars))
}

// leaf returns what an action means in machine at.
func (p *scriptProcess) leaf(a *scriptAction, at *Machine, s scope, vars variables) actions.Action {
	switch {
	case a.Endpoint != nil:
		return p.endpoint(a.Endpoint, at, s, vars)
	case a.Delete != nil:
		return actions.Delete(nameOf(fillTerm(a.Delete.ID.value, s, vars))).Because(errorOf(fillTerm(a.Delete.Reason.value, s, vars)))
	case a.Send.given:
		return actions.Send(topic.Tuple{fillTerm(a.Send.value, s, vars)})
	case a.Feedback.given:
		return actions.Feedback(topic.Tuple{fillTerm(a.Feedback.value, s, vars)})
	case a.Spawn != nil:
		sp := a.Spawn
		return p.then(p.run.spawn(at, sp.Name.fill(s, vars), sp.Child, s, sp.PID), sp.Then, at, s, sp.PID)
	case a.SpawnVM != nil:
		sp := a.SpawnVM
		return p.then(p.run.spawnVM(at, sp.Name.fill(s, vars), sp, s), sp.Then, at, s, sp.PID)
	case a.Quit != nil:
		return quitAction(a.Quit, at, s, vars)
	case a.Yield != nil:
		return actions.Yield(func(vars variables) actions.Transition[variables] { return p.proceed(a.Yield, s, vars) })
	}
	panic(malformed("action without a meaning"))
}

// then adds to a spawn in machine at the step with which process p goes on.
func (p *scriptProcess) then(a actions.SpawnProcess, st *scriptStep, at *Machine, s scope, pid string) actions.Action {
	if st == nil {
		return a
	}
	return a.Continue(actions.ResumeWith(func(vars variables, child actions.PID) actions.Transition[variables] {
		return p.proceed(st, s.with(pid, pidTerm{at.Path, child}), vars)
	}))
}

func quitAction(q *scriptQuit, at *Machine, s scope, vars variables) actions.Action {
	reason := errorOf(fillTerm(q.Reason.value, s, vars))
	if !q.PID.given {
		return actions.Fail(reason)
	}
	victim, ok := fillTerm(q.PID.value, s, vars).(pidTerm)
	if !ok || victim.machine != at.Path {
		panic(malformed(fmt.Sprintf("quit of what is no process of machine %q", at.Path)))
	}
	return actions.Kill(victim.pid, reason)
}
