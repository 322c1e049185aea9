package ground

import (
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// A runner admits values from devices only while little waits in the machine.
// Everything else enters at once: ends, reports, stops, and what clocks say. So a
// machine that is flooded works through what it has before it takes more, and
// what is not taken waits where it costs nothing: in sockets, whose peers wait.
//
// Devices take turns: no value of a device is received before its last one has
// been admitted. Short values go first, because the work that a value causes
// grows with its length: a listener, and a person who types a line, do not wait
// for those who send as much as they can.
//
// A machine may also have much to do that never ends. Then a value is admitted
// now and then all the same, as long as the backlog does not grow from that. And
// what an alarm without delay says enters when the machine is at rest, because
// that is what the holder of such an alarm waits for: see [world.Resting].

// maxBacklog is how many actions may wait in the machine when a value is
// admitted.
const maxBacklog = 4096

// An admission is the values that wait to be admitted.
type admission struct {
	short, long turn
	rest        turn // of what enters when the machine is at rest: see world.Resting
	resting     int  // how often the machine has gone on since the first of these waits
	shorts      int  // admitted since the last long one
	waited      int  // how often the machine has gone on since a value was admitted
	least       int  // the smallest backlog with which it has, since it was full; 0 if it is not
}

const (
	patience     = 16   // how often a full machine goes on before a value is overdue
	lastPatience = 1024 // and if the backlog has grown
	restPatience = 256  // how often it goes on before what waits for it to rest enters
)

// goesOn notes that the machine goes on with its work, and how much that is.
func (a *admission) goesOn(backlog int) {
	a.waited++
	a.resting++
	switch {
	case backlog < maxBacklog:
		a.least = 0
	case a.least == 0 || backlog < a.least:
		a.least = backlog
	}
}

// overdue reports whether a value is to be admitted although the machine is full:
// it has been so for long, and admitting values has not made that worse.
func (a *admission) overdue(backlog int) bool {
	if a.waited >= lastPatience {
		a.least = backlog
	}
	return a.waited >= patience && backlog <= a.least+a.least/8
}

const (
	shortValue = 512 // bytes, the largest value that is short
	maxShorts  = 32  // admitted one after another while a long one waits
)

// A turn is a queue of inputs, in their order.
type turn struct {
	inputs []queued
	head   int
}

func (t *turn) empty() bool { return t.head == len(t.inputs) }

// push makes use again of what pop has left, so that a turn that is never empty
// does not grow.
func (t *turn) push(q queued) {
	if len(t.inputs) == cap(t.inputs) && t.head > len(t.inputs)/2 {
		n := copy(t.inputs, t.inputs[t.head:])
		clear(t.inputs[n:])
		t.inputs, t.head = t.inputs[:n], 0
	}
	t.inputs = append(t.inputs, q)
}

func (t *turn) pop() queued {
	q := t.inputs[t.head]
	t.inputs[t.head] = queued{}
	if t.head++; t.empty() {
		t.inputs, t.head = t.inputs[:0], 0
	}
	return q
}

func (a *admission) empty() bool { return a.none() && a.rest.empty() }

// none reports whether no value waits for there to be less work.
func (a *admission) none() bool { return a.short.empty() && a.long.empty() }

// take puts q into its turn, unless it enters at once. The end of a device
// enters after its last value. Full says that no value may be admitted, and busy
// that the machine is not at rest.
func (a *admission) take(q queued, full, busy bool) (taken bool) {
	switch {
	case q.Kind == vm.Value && q.from.rests && !q.first:
		if !busy {
			return false
		}
		if a.rest.empty() {
			a.resting = 0
		}
		a.rest.wait(q)
		return true
	case q.Kind == vm.Value && (full || !a.none()) && !urgent(q.Input):
		t := &a.short
		if s, ok := q.Value.(world.Sizer); ok && s.Size() > shortValue {
			t = &a.long
		}
		t.wait(q)
		return true
	case q.Kind == vm.End && q.from != nil && q.from.turn != nil:
		q.from.turn.push(q)
		return true
	}
	return false
}

// next returns the input whose turn it is.
func (a *admission) next() queued {
	a.waited = 0
	t := &a.short
	if t.empty() || a.shorts >= maxShorts && !a.long.empty() {
		t = &a.long
	}
	if a.shorts++; t == &a.long {
		a.shorts = 0
	}
	return t.leave()
}

// rested reports whether something waits for the machine to be at rest, and has
// done so for long enough. Busy says that it is not at rest.
func (a *admission) rested(busy bool) bool {
	return !a.rest.empty() && (!busy || a.resting >= restPatience)
}

// wait has a value wait.
func (t *turn) wait(q queued) {
	q.from.turn = t
	q.from.held.Store(true)
	t.push(q)
}

// leave returns the input that has waited for longest.
func (t *turn) leave() queued {
	q := t.pop()
	if q.Kind == vm.Value {
		q.from.turn = nil
	}
	return q
}

// urgent reports whether a value enters the machine at once.
func urgent(in vm.Input) bool {
	_, ok := in.Value.(world.Urgent)
	return ok
}
