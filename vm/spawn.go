package vm

import (
	"fmt"
	"reflect"

	"github.com/go-marketplace/marketplace/actions"
)

// This file spawns processes, in the steps of a spawnStage, each of which may call a
// transition function.

// spawnProcess begins to spawn a process for p or, if resume is not nil, for a
// process further inside.
func (k *kernel) spawnProcess(p *proc, a actions.SpawnProcess, resume *continuation) {
	if a.Then != nil && !k.fits(p, a.Then.State, "continuation of a spawn") {
		return
	}
	if a.Monitor != nil {
		m := *a.Monitor
		if !k.checkMonitor(p, &m) {
			return
		}
		a.Monitor = &m
	}
	if a.Boot == nil {
		k.fail(p, fmt.Errorf("%w: SpawnProcess without Boot: make one with actions.Spawn", ErrAction))
		return
	}
	k.spawning = spawning{stage: booting, child: k.newProc(a.Name), action: a, resume: resume}
}

// spawnFirst begins to spawn the first process of k.
func (k *kernel) spawnFirst(boot func(actions.PID) actions.Process, name string) {
	k.spawning = spawning{stage: booting, child: k.newProc(name), action: actions.SpawnProcess{Boot: boot}}
}

// spawn takes the next step in spawning a process.
func (k *kernel) spawn() {
	s := &k.spawning
	stage := s.stage
	switch stage {
	case booting:
		s.stage = informing
		k.boot(s.child, s.action.Boot)
	case informing:
		s.stage = entering
		k.inform(s)
	case entering:
		child, m := s.child, s.action.Monitor
		k.spawning = spawning{}
		k.enter(child)
		if m != nil {
			m.PID = child.cell.pid
			k.monitor(k.acting, *m)
		}
	}
}

// boot makes the first transition of p.
func (k *kernel) boot(p *proc, boot func(actions.PID) actions.Process) {
	c := p.cell
	typ := c.stateType
	a := k.m.transit(p, callBoot, nil, function{then: func(any, actions.PID) (any, actions.Action) {
		first := boot(c.pid)
		if first == nil {
			panic("the function that makes the process has returned nil: return actions.Next or actions.Stateless")
		}
		typ = first.StateType()
		return first.Erase()
	}}, true)
	c.stateType = typ
	if n, ok := c.state.(nested); ok {
		p.inner = newKernel(k.m, p)
		c.ensureExtras().inner = p.inner.space
		p.inner.spawnFirst(n.boot, "boot")
		k.inside = p.inner
	}
	k.take(p, a)
}

// newProc returns a process with the next PID, which is not in the machine yet.
func (k *kernel) newProc(name string) *proc {
	s := k.ownSpace()
	s.last++
	return &proc{k: k, cell: &cell{
		owner:     k.m.owner,
		pid:       s.last,
		name:      name,
		state:     struct{}{},
		stateType: reflect.TypeFor[struct{}](),
	}}
}

// inform tells the parent the PID of the child.
func (k *kernel) inform(s *spawning) {
	pid := s.child.cell.pid
	switch {
	case s.resume != nil:
		host := k.acting
		host.inner.continueSpawn(*s.resume, pid)
		k.inside = host.inner
	case s.action.Then != nil:
		k.continueWith(k.acting, s.action.Then, pid)
	}
}

// enter puts a new process into the machine.
func (k *kernel) enter(p *proc) {
	k.m.stats.Spawned++
	k.ownSpace().cells.set(k.m.owner, p.cell.pid, p.cell)
	k.procs.set(k.m.owner, p.cell.pid, p)
	k.m.record(&Record{Kind: Spawned, at: p})
	k.noteCandidate(p)
	if !k.inRound {
		k.roundDue = k.roundDue || len(p.cell.queue) == 0 // so that the process is collected if nothing can happen to it
	}
}
