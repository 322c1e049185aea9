package vm

import (
	"cmp"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
)

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

// byOrder is the order in which endpoints are told: by PID, and then by creation.
func byOrder(a, b entry) int {
	if a.p != b.p {
		return cmp.Compare(a.p.cell.pid, b.p.cell.pid)
	}
	return cmp.Compare(a.e.seq, b.e.seq)
}

func newKernel(m *Machine, host *proc) *kernel {
	k := &kernel{m: m, host: host, place: placeOf(host), space: &space{owner: m.owner}}
	if host != nil {
		k.depth = host.k.depth + 1
	}
	return k
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

// enqueue adds an item to the queue of p.
func (k *kernel) enqueue(p *proc, it item) {
	c := p.own()
	if len(c.queue) >= k.m.limits.Queue {
		k.overflow(p)
		return
	}
	if c.queue == nil {
		c.queue = k.m.takeSpare()
	}
	c.queue = append(c.queue, it)
	k.m.backlog++
	k.schedule(p)
}

// overflow drops the queue of p, which is full, and ends p in its next turn.
func (k *kernel) overflow(p *proc) {
	c := p.own()
	if q, ok := c.queue[0].action.(actions.QuitProcess); ok && q.Reason == ErrOverflow && len(c.queue) == 1 {
		return // it is about to end
	}
	k.m.stats.Overflows++
	k.m.stats.Dropped += uint64(len(c.queue))
	k.m.backlog += 1 - len(c.queue)
	c.queue = append(k.m.takeSpare(), item{action: actions.QuitProcess{Reason: ErrOverflow}})
	k.schedule(p)
}

// take adds the leaves of a to the queue of p.
func (k *kernel) take(p *proc, a actions.Action) {
	switch a := a.(type) {
	case nil:
	case actions.Tree:
		for leaf := range actions.Leaves(a) {
			k.enqueue(p, item{action: leaf})
		}
	default:
		k.enqueue(p, item{action: a})
	}
}

// schedule gives p a turn: in this round if the turn of p is still to come there,
// and otherwise in the next round.
func (k *kernel) schedule(p *proc) {
	if p.scheduled || p.dead {
		return
	}
	p.scheduled = true
	k.runnable++
	if k.inRound && k.acting != nil && p.cell.pid > k.acting.cell.pid && p.cell.pid <= k.horizon {
		k.ready.push(p)
	} else {
		k.next.add(p)
	}
}

// path returns the path of p.
func (p *proc) path() Path {
	var path Path
	if p.k.host != nil {
		path = p.k.host.path()
	}
	return append(path[:len(path):len(path)], p.cell.pid)
}

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

func byPID(a, b *proc) int { return cmp.Compare(a.cell.pid, b.cell.pid) }
