package vm

import "github.com/go-marketplace/marketplace/actions"

// This file has the queues of processes: actions come to them, and give their process
// a turn.

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

// prepend puts the leaves of a before the rest of the batch. They take the place of
// items that have been performed, if there are enough of those: moving the rest for
// each continuation in a long batch would take quadratic time.
func (k *kernel) prepend(a actions.Action) {
	switch a.(type) {
	case nil:
		return
	case actions.Tree:
	default: // most often it is just one, which takes the place of the item that is performed
		if k.at > 0 {
			k.at--
			k.batch[k.at] = item{action: a}
			return
		}
	}
	batch := k.m.takeSpare()
	for leaf := range actions.Leaves(a) {
		batch = append(batch, item{action: leaf})
	}
	if n := len(batch); n <= k.at {
		k.at -= n
		copy(k.batch[k.at:], batch)
		clear(batch)
		k.m.putSpare(batch)
		return
	}
	batch = append(batch, k.batch[k.at:]...)
	k.m.putSpare(k.batch)
	k.batch, k.at = batch, 0
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

// noteCandidate makes p a candidate for collection at the end of the round.
func (k *kernel) noteCandidate(p *proc) {
	if c := p.cell; len(c.queue) == 0 && (len(c.endpoints) == 0 || p.locals) {
		k.candidates = append(k.candidates, p)
	}
}

// queued returns how many actions are in the queues of p and of the processes
// inside it.
func (p *proc) queued() int {
	n := len(p.cell.queue)
	if p.inner != nil {
		p.inner.procs.all(func(_ actions.PID, q *proc) bool {
			n += q.queued()
			return true
		})
	}
	return n
}

// emit adds an item to the queue of the process that k is, in the machine around it.
func (k *kernel) emit(it item) { k.out = append(k.out, it) }

// The machine recycles the arrays of queues: a process with an empty queue has none.
const (
	maxSpares    = 1024
	maxSpareItem = 256
)

func (m *Machine) takeSpare() []item {
	if n := len(m.spares); n > 0 {
		s := m.spares[n-1]
		m.spares = m.spares[:n-1]
		return s
	}
	return make([]item, 0, 4)
}

func (m *Machine) putSpare(s []item) {
	if c := cap(s); c > 0 && c <= maxSpareItem && len(m.spares) < maxSpares {
		m.spares = append(m.spares, s[:0])
	}
}
