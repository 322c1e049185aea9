package vm

import (
	"cmp"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
)

// This file declares a machine at work: what it finds things by, whose turn it is, and
// the steps that may be under way. The functions of each step are in a file of its own.

// A kernel is one virtual machine at work. Its space is its data. The rest is what
// it finds things by, and its place in its work.
//
// It keeps its place in fields, not on the stack: whatever a transition
// function does to the goroutine that it runs on, work can go on from there.
// So each step that may call a transition function notes that it has been taken
// before it is taken.
type kernel struct {
	m     *Machine
	host  *proc // in the machine around this one; nil at the ground
	depth uint32
	place uint64 // identifies the machine in the digest
	space *space

	procs    radix[*proc]
	index    [2]*topic.Index[entry]    // by orientation
	devices  int                       // open in this machine, at any depth
	watching map[actions.PID]*watchers // who monitors a process, by PID

	// Whose turn it is.
	ready     turns // in this round
	next      turns // in the next round
	runnable  int   // how many live processes are in ready and next
	horizon   actions.PID
	inRound   bool
	roundDue  bool // work begins a round
	acting    *proc
	batch     []item
	at        int
	continued int // the fresh names and local values that continued the acting process in its turn

	// The step that is under way: see work.
	sending  sending
	notice   notice
	leaving  leaving
	downs    []down   // to be told
	orphans  []orphan // to end, the last one first
	spawning spawning
	call     pendingCall
	local    localUpdate
	resuming pendingResume
	inside   *kernel // a nested machine that has work to do first

	out        []item  // for the machine around this one
	candidates []*proc // for collection: perhaps nothing can happen to them any more
	found      []entry // scratch
	related    []entry // scratch
}

// A proc is a process at work.
type proc struct {
	k         *kernel
	cell      *cell
	inner     *kernel // if it is a virtual machine
	byID      map[actions.EndpointID]*endpoint
	sends     *continuation // names p as the sender of its last message at a meta-level
	scheduled bool          // in ready or next
	dead      bool
	crashed   bool // a transition function has panicked
	locals    bool // it has local values, or has had some
}

// An entry of the index is an endpoint.
type entry struct {
	p *proc
	e *endpoint
}

// A holder says which process holds an open device.
type holder struct {
	p *proc
	h *hold
}

// watchers are the processes that monitor one, by PID, and perhaps some that do not
// any more: to take each out at once would take quadratic time for many.
type watchers struct {
	procs []*proc
	stale int // how many of them do not monitor it any more
}

// byOrder is the order in which endpoints are told: by PID, and then by creation.
func byOrder(a, b entry) int {
	if a.p != b.p {
		return cmp.Compare(a.p.cell.pid, b.p.cell.pid)
	}
	return cmp.Compare(a.e.seq, b.e.seq)
}

func byPID(a, b *proc) int { return cmp.Compare(a.cell.pid, b.cell.pid) }

func newKernel(m *Machine, host *proc) *kernel {
	k := &kernel{m: m, host: host, place: placeOf(host), space: &space{owner: m.owner}}
	if host != nil {
		k.depth = host.k.depth + 1
	}
	return k
}

// placeOf returns a number for the machine whose process in the machine around it is
// host.
func placeOf(host *proc) uint64 {
	if host == nil {
		return 0
	}
	return uint64(Digest(host.k.place).Mix(uint64(host.cell.pid)))
}

// own returns the cell of p for writing.
func (p *proc) own() *cell {
	if p.cell.owner != p.k.m.owner {
		p.cell = p.cell.copy(p.k.m.owner)
		p.k.ownSpace().cells.set(p.k.m.owner, p.cell.pid, p.cell)
	}
	return p.cell
}

// ownSpace returns the space of k for writing.
func (k *kernel) ownSpace() *space {
	if k.space.owner != k.m.owner {
		s := *k.space
		s.owner = k.m.owner
		k.space = &s
		if k.host != nil {
			k.host.own().ensureExtras().inner = k.space
		}
	}
	return k.space
}

// path returns the path of p.
func (p *proc) path() Path {
	var path Path
	if p.k.host != nil {
		path = p.k.host.path()
	}
	return append(path[:len(path):len(path)], p.cell.pid)
}

func (p *proc) appendPath(path Path) Path {
	if p.k.host != nil {
		path = p.k.host.appendPath(path)
	}
	return append(path, p.cell.pid)
}

// label describes p for people.
func (p *proc) label() string { return Label(p.path(), p.cell.name) }

// turns is a queue of processes, the lowest PID first. Most pushes come in that
// order.
type turns struct {
	procs []*proc
	head  int
}

func (t *turns) empty() bool { return t.head == len(t.procs) }

// add appends p. The order is restored by order.
func (t *turns) add(p *proc) { t.procs = append(t.procs, p) }

// push inserts p at its place.
func (t *turns) push(p *proc) {
	n := len(t.procs)
	if n == t.head || t.procs[n-1].cell.pid < p.cell.pid {
		t.add(p)
		return
	}
	at, _ := slices.BinarySearchFunc(t.procs[t.head:], p, byPID)
	t.procs = slices.Insert(t.procs, t.head+at, p)
}

func (t *turns) pop() *proc {
	p := t.procs[t.head]
	t.procs[t.head] = nil
	t.head++
	return p
}

// order sorts the processes by PID.
func (t *turns) order() {
	if !slices.IsSortedFunc(t.procs[t.head:], byPID) {
		slices.SortFunc(t.procs[t.head:], byPID)
	}
}

func (t *turns) reset() { t.procs, t.head = t.procs[:0], 0 }

// sending is a message on its way: to the endpoints of the sender first, and then
// to all others in their order.
type sending struct {
	on      bool
	p       *proc         // the sender
	inside  *continuation // the sender further inside p, or nil
	ev      actions.Event
	targets []entry
	spans   [3]span // of targets, in the order of delivery
	span    int
}

type span struct{ from, to int }

// A notice is the news that an endpoint, the subject, has come, gone or moved. It
// goes to the others, one after another, in stages: see notify.go.
type notice struct {
	subject entry     // with the role that it has now, or had last
	was     *endpoint // with its old role; nil if it has not moved
	kind    actions.EventKind
	reason  error
	others  []entry
	at      int
	stage   uint8 // of the news between the subject and others[at]
	ev      actions.Event
}

func (n *notice) on() bool { return n.at < len(n.others) }

// leaving is a process that has ended, whose endpoints are removed one after another.
type leaving struct {
	p      *proc
	ends   []*endpoint
	reason error
}

func (l *leaving) on() bool { return l.p != nil }

// An orphan is a process that is to end, because one that bound it has ended.
type orphan struct {
	pid    actions.PID
	reason error
}

// A down is the news for process p that process pid has gone. Until p is told, it has
// its monitor.
type down struct {
	p      *proc
	pid    actions.PID
	reason error
}

// spawning is a process on its way into the machine.
type spawning struct {
	stage  spawnStage
	child  *proc
	action actions.SpawnProcess
	resume *continuation
}

type spawnStage uint8

const (
	notSpawning spawnStage = iota
	booting                // make the first transition of the child
	informing              // tell the parent the PID of the child
	entering               // put the child into the machine
)

// A pendingCall is a handler that is to be called with an event, and then perhaps
// with First, because of what the event does to the demand.
type pendingCall struct {
	p       *proc
	e       *endpoint // nil for a device
	handler *actions.Handler
	ev      *actions.Event
	called  bool
	first   actions.Event // comes after ev
}

func (c *pendingCall) on() bool { return c.p != nil }

// set asks for a call. It leaves alone what is of no use any more: to clear it
// would cost more than all the rest.
func (c *pendingCall) set(p *proc, e *endpoint, handler *actions.Handler, ev *actions.Event) {
	c.p, c.e, c.handler, c.ev, c.called = p, e, handler, ev, false
}

// A pendingResume is a process that is to go on, because a process is there that it
// has spawned at a meta-level.
type pendingResume struct {
	p     *proc
	then  *actions.Resumption
	child actions.PID
}
