package laws

import (
	"slices"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
)

// This file makes random programs, from the bytes that a fuzzer gives, or from
// what rapid draws.

// A lawProgram is a program, as data. Its first process follows the first
// script.
type lawProgram struct {
	scripts []lawScript
	demand  [8]int // by name of endpoint, of lawDemands
	fuel    int    // how many actions there can be in all
	stimuli []int  // of devices, by their number among those that are open
	strict  bool   // every endpoint has a name, and writes down all that it is told
}

// A lawScript is the behaviour of a process: a step that it begins with, and
// others that it takes when something happens.
type lawScript struct {
	steps []lawStep
	roles [8]topic.Role // by name of endpoint
}

// A lawStep is a transition.
type lawStep struct {
	ops   []lawOp
	crash bool
}

// A lawOp is an action.
type lawOp struct {
	kind        lawKind
	level       int  // at which it is to be performed
	overreach   bool // even if there is no such level
	name        int  // of an endpoint, of lawNames; or the fresh name
	role        topic.Role
	style       lawStyle
	on          [5]int // the step that the endpoint takes: message, presence, absence, first, last
	message     topic.Message
	orientation topic.Orientation
	reason      int
	pid         actions.PID // zero for the child spawned last
	script      int
	nest        int // machines in machines around the process to spawn
	then        int // the step to go on with; none if negative
	binds       bool
	grouped     bool
}

type lawKind uint8

const (
	opAdd lawKind = iota
	opReplace
	opDelete
	opSend
	opQuit
	opKill
	opSpawn
	opYield
	opFresh
	opOpen
	opClose
	opGroup // at a meta-level, all that another step says
	opMonitor
	opWatched // a spawn with a monitor
	opUnmonitor
)

// lawKinds says how often which kind of action is wanted: in the first step of
// a process, and later.
var lawKinds = [2][]lawKind{
	{
		opAdd, opSpawn, opAdd, opSpawn, opAdd, opSend, opAdd, opSpawn, opYield, opAdd, opFresh, opOpen,
		opAdd, opSpawn, opAdd, opGroup, opSend, opDelete, opReplace, opKill,
	},
	{
		opSend, opAdd, opDelete, opReplace, opAdd, opSpawn, opYield, opSend, opAdd, opKill, opReplace, opDelete,
		opFresh, opSend, opReplace, opGroup, opOpen, opSpawn, opClose, opAdd, opDelete, opQuit,
	},
}

type lawStyle uint8

const (
	styleState  lawStyle = iota
	stylePlain           // leaves the state alone
	styleMute            // no handler
	styleMisfit          // for another type of state
)

const (
	freshName = -1
	maxNest   = 3 // machines around a process
	maxFuel   = 120
)

// A lawSource decides: it returns a number below n. Zero is the simplest
// choice.
type lawSource func(n int) int

// fromBytes decides by what bytes say, and simply when there are none left.
func fromBytes(data []byte) lawSource {
	return func(n int) int {
		if len(data) == 0 {
			return 0
		}
		b := data[0]
		data = data[1:]
		return int(b) % n
	}
}

// fromRapid decides by what rapid draws.
func fromRapid(t *rapid.T) lawSource {
	return func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "choice") }
}

// rarely reports true once in n times.
func (src lawSource) rarely(n int) bool { return src(n) == n-1 }

// A lawMaker makes a program.
type lawMaker struct {
	lawSource
	topics   []topic.Topic // that the program is about
	messages []topic.Message
	scripts  int
}

// program makes a program.
func (src lawSource) program() *lawProgram {
	p := &lawProgram{fuel: 8 + src(maxFuel-8)}
	m := lawMaker{lawSource: src, scripts: 1 + src(5)}
	for range 1 + src(4) {
		m.topics = append(m.topics, lawTopics[src(len(lawTopics))])
	}
	for range 1 + src(4) {
		m.messages = append(m.messages, lawMessages[src(len(lawMessages))])
	}
	for i := range p.demand {
		p.demand[i] = src(len(lawDemands))
	}
	for i := range src(4) {
		p.stimuli = append(p.stimuli, i+src(3))
	}
	for range m.scripts {
		p.scripts = append(p.scripts, m.script())
	}
	kinds := [][]lawKind{{opMonitor, opMonitor, opUnmonitor}, {opMonitor, opWatched, opWatched}}[src(2)]
	for range src(12) {
		m.monitor(&p.scripts[src(len(p.scripts))], kinds[src(3)])
	}
	return p
}

func (m lawMaker) script() (s lawScript) {
	for i := range s.roles {
		s.roles[i] = m.role()
	}
	s.steps = make([]lawStep, 1+m.lawSource(4))
	for i := range s.steps {
		n := m.lawSource(6)
		if i == 0 {
			n += 2
		}
		step := &s.steps[i]
		step.crash = m.rarely(20)
		for range n {
			step.ops = append(step.ops, m.op(&s, min(i, 1)))
		}
	}
	return s
}

func (m lawMaker) role() topic.Role {
	src := m.lawSource
	return topic.Role{
		Orientation: topic.Orientation(src(2)),
		Interest:    topic.Interest(max(0, src(6)-3)),
		Topic:       m.topics[src(len(m.topics))],
	}
}

// op makes an action for a step of s: for the first one, or a later one.
func (m lawMaker) op(s *lawScript, later int) lawOp {
	src := m.lawSource
	op := lawOp{kind: lawKinds[later][src(len(lawKinds[later]))], then: -1, grouped: src.rarely(8)}
	op.level = max(0, src(6)-2)
	op.overreach = op.level > 0 && src.rarely(40)
	steps := len(s.steps)
	switch op.kind {
	case opAdd, opReplace:
		op.name = m.name()
		op.role = s.roles[op.name&7]
		switch {
		case src.rarely(80):
			op.role.Topic = topic.Topic{}
		case op.kind == opReplace || op.name <= 0 || src.rarely(16):
			op.role = m.role()
		}
		op.style = lawStyle(max(0, src(32)-28))
		for i := range op.on {
			op.on[i] = src(steps+1) - 1
		}
	case opDelete:
		op.name = m.name()
		op.reason = src(len(lawReasons))
	case opSend:
		op.message = m.messages[src(len(m.messages))]
		op.orientation = topic.Orientation(src(2))
	case opQuit:
		op.reason = src(len(lawReasons))
	case opKill:
		op.pid = actions.PID(src(8))
		op.reason = src(len(lawReasons))
	case opSpawn:
		op.script = src(m.scripts)
		op.nest = max(0, src(6)-3)
		op.then = src(steps+1) - 1
	case opYield, opFresh, opGroup:
		op.then = src(steps)
	case opOpen, opClose:
		op.name = src(3)
		op.then = src(steps+1) - 1
	}
	return op
}

// monitor adds an action about a monitor to a step of s: mostly to one that a process
// takes with the PID of its child.
func (m lawMaker) monitor(s *lawScript, kind lawKind) {
	src := m.lawSource
	op := lawOp{kind: kind, then: src(len(s.steps)+1) - 1, pid: actions.PID(max(0, src(12)-4))}
	op.binds = src(2) == 0
	op.script = src(m.scripts)
	op.level = max(0, src(20)-18)
	op.style = lawStyle(max(0, src(32)-28))
	step := &s.steps[src(len(s.steps))]
	step.ops = slices.Insert(step.ops, src(len(step.ops)+1), op)
}

func (m lawMaker) name() int {
	switch n := m.lawSource(40); {
	case n < 34:
		return 1 + n%(len(lawNames)-2)
	case n < 37:
		return 0
	case n < 39:
		return freshName
	default:
		return len(lawNames) - 1 // no name at all
	}
}
