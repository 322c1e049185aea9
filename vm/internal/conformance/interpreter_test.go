package conformance

import (
	"fmt"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// This file interprets scenarios: it makes processes of them, runs these on the
// machine, and records what their handlers are told.
//
// The processes are as all others are, with one exception: they write to the
// record of the run. So they are not pure, and a handler counts by itself how
// often a rule has fired, because that outlives a transition that fails.

// A scriptRun is the record of one run of a scenario.
type scriptRun struct {
	started []string            // paths of the processes, in the order in which they started
	log     []string            // everything that handlers were told, in order
	events  map[string][]string // what the handlers of a process were told, by its path
	heard   map[endpointKey][]string
	paths   map[string]string // in the scenario, by the PIDs that lead there
	faults  []string          // what should not happen in any scenario
}

// An endpointKey names an endpoint in a run. The id is the text of a term.
type endpointKey struct {
	process string
	id      string
	meta    bool
}

// enough is how many times the machine may ask to go on in a scenario.
const enough = 1000

// playScenario runs a scenario until the machine is at rest, and returns the record.
func playScenario(s *scenario) (run *scriptRun, alive []string) {
	run = &scriptRun{events: map[string][]string{}, heard: map[endpointKey][]string{}, paths: map[string]string{}}
	ground := &scriptMachine{}
	m := vm.New(run.spawn(ground, "boot", s.Scenario.Boot, nil, ""))
	m.Apply(vm.Input{Kind: vm.Start})
	for n := 0; m.Busy(); n++ {
		if n == enough {
			run.fault("the machine does not come to rest")
			break
		}
		m.Apply(vm.Input{Kind: vm.Continue})
	}
	for p := range m.Processes() {
		path, ok := run.paths[p.Path.String()]
		if !ok {
			run.fault("process %v %q is alive, and is none of the scenario", p.Path, p.Name)
		}
		alive = append(alive, path)
	}
	slices.Sort(alive)
	return run, alive
}

func (r *scriptRun) fault(format string, args ...any) {
	r.faults = append(r.faults, fmt.Sprintf(format, args...))
}

// register notes that a process, or a machine, has been started.
func (r *scriptRun) register(path string, at *scriptMachine, pid actions.PID) {
	pids := at.inside(pid).String()
	if old, ok := r.paths[pids]; ok {
		r.fault("%s and %s have the same PIDs, %s", old, path, pids)
	}
	r.paths[pids] = path
}

// A scriptMachine is one of the virtual machines of a run.
type scriptMachine struct {
	path  string  // in the scenario; empty for the outermost
	pids  vm.Path // that lead to it
	outer *scriptMachine
}

func (m *scriptMachine) inside(pid actions.PID) vm.Path {
	return append(slices.Clone(m.pids), pid)
}

// pathOf returns the path of the process of that name in m.
func (m *scriptMachine) pathOf(name string) string {
	if m.path == "" {
		return name
	}
	return m.path + "/" + name
}

// A scriptProcess is a process of a scenario.
type scriptProcess struct {
	run  *scriptRun
	path string
	in   *scriptMachine
}

// raised is the value of a panic that stands for an exception of a scenario.
type raised string

// malformed is the value of a panic that reports a mistake in a scenario.
type malformed string

// spawn returns the action that starts a process of the given body in machine
// in. Its PID is captured under the name pid, unless that is empty.
func (r *scriptRun) spawn(in *scriptMachine, name string, b *scriptBody, s scope, pid string) actions.SpawnProcess {
	path := in.pathOf(name)
	return actions.SpawnFunc(func(self actions.PID) actions.Process {
		return r.boot(in, path, self, b, s.with(pid, pidTerm{in.path, self}))
	}).Named(path)
}

// boot returns the first transition of a process.
func (r *scriptRun) boot(in *scriptMachine, path string, self actions.PID, b *scriptBody, s scope) actions.Process {
	r.register(path, in, self)
	r.started = append(r.started, path)
	p := &scriptProcess{r, path, in}
	vars := variables{}
	for name, initial := range b.State {
		vars[name] = fillTerm(initial.value, s, nil)
	}
	return p.proceed(&b.scriptStep, s, vars)
}

// spawnVM returns the action that starts a virtual machine in machine in.
func (r *scriptRun) spawnVM(in *scriptMachine, name string, a *scriptSpawnVM, s scope) actions.SpawnProcess {
	path := in.pathOf(name)
	return actions.SpawnFunc(func(self actions.PID) actions.Process {
		r.register(path, in, self)
		s := s.with(a.PID, pidTerm{in.path, self})
		inner := &scriptMachine{path, in.inside(self), in}
		return vm.NestedFunc(func(first actions.PID) actions.Process {
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

func (p *scriptProcess) tree(as scriptActions, at *scriptMachine, s scope, vars variables) actions.Tree {
	var tree actions.Tree
	for _, a := range as {
		tree = append(tree, p.action(a, at, s, vars))
	}
	return tree
}

// action returns what a means when process p performs it in machine at, which
// is its own, or the one around that.
func (p *scriptProcess) action(a *scriptAction, at *scriptMachine, s scope, vars variables) actions.Action {
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
	case a.Meta != nil:
		return p.meta(*a.Meta, at, s, vars)
	}
	panic(malformed("action without a meaning"))
}

func (p *scriptProcess) meta(as scriptActions, at *scriptMachine, s scope, vars variables) actions.Tree {
	if at.outer == nil {
		panic(malformed("meta in the outermost machine"))
	}
	tree := p.tree(as, at.outer, s, vars)
	for i, leaf := range tree {
		tree[i] = actions.AtMeta(leaf)
	}
	return tree
}

// then adds to a spawn in machine at the step with which process p goes on.
func (p *scriptProcess) then(a actions.SpawnProcess, st *scriptStep, at *scriptMachine, s scope, pid string) actions.Action {
	if st == nil {
		return a
	}
	return a.Continue(actions.ResumeWith(func(vars variables, child actions.PID) actions.Transition[variables] {
		return p.proceed(st, s.with(pid, pidTerm{at.path, child}), vars)
	}))
}

func quitAction(q *scriptQuit, at *scriptMachine, s scope, vars variables) actions.Action {
	reason := errorOf(fillTerm(q.Reason.value, s, vars))
	if !q.PID.given {
		return actions.Fail(reason)
	}
	victim, ok := fillTerm(q.PID.value, s, vars).(pidTerm)
	if !ok || victim.machine != at.path {
		panic(malformed(fmt.Sprintf("quit of what is no process of machine %q", at.path)))
	}
	return actions.Kill(victim.pid, reason)
}
