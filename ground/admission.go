package ground

import (
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// This file decides the order in which inputs enter the machine. They enter in the
// order in which they came, as long as fewer than maxBacklog actions are in the queues
// of the machine. From then on, values of devices wait outside, where they cost
// nothing: in the buffers of sockets, so that their peers wait. For example, these
// inputs come while a machine has much to do:
//
//	1  a line of 60 kB          waits: it is long
//	2  a line of 10 bytes       waits: it is short
//	3  the end of the device    waits behind 2, because both are of the same device
//	   of 2
//	4  the time, from a clock   enters at once: it is urgent
//	5  that a command is done   enters at once: it is no value
//	6  an alarm without delay   waits: it rings when the machine is at rest
//
// When the machine has less to do, 2, 3 and 1 enter. When it is at rest, 6 enters. The
// rules:
//
//   - One value of a device at a time: the next one is received when the last one
//     has been admitted.
//   - Short values go first, 32 for each long one, because the work that a value
//     causes grows with its length: a listener, and a person who types a line, do
//     not wait for peers that send as much as they can.
//   - A machine that always has much to do admits a value from time to time, as long
//     as its backlog does not grow.
//   - A value that waits for the machine to be at rest (world.RestWaiter) enters at
//     the latest when the machine has gone on restPatience times.
//
// The journal has the inputs in the order in which they enter, so a replay does not
// need these rules. See decision 20.

// With maxBacklog or more actions in its queues, the machine is full: values are not
// admitted.
const maxBacklog = 4096

// An admission is the values that wait to be admitted.
type admission struct {
	short, long turn
	rest        turn // of values that enter when the machine is at rest: see world.RestWaiter
	resting     int  // how often the machine has gone on since the first of these came
	shorts      int  // admitted since the last long one
	goneOn      int  // how often the machine has gone on since a value was admitted
	least       int  // the smallest backlog with which it has gone on since it was full; 0 if it is not
}

const (
	patience     = 16   // how often a full machine goes on before a value is overdue
	lastPatience = 1024 // the same if the backlog has grown
	restPatience = 256  // how often it goes on before a value that waits for rest enters
)

// goesOn notes that the machine goes on with its work: it is not at rest, and has a
// backlog.
func (a *admission) goesOn(backlog int) {
	a.goneOn++
	a.resting++
	switch {
	case backlog < maxBacklog:
		a.least = 0
	case a.least == 0 || backlog < a.least:
		a.least = backlog
	}
}

// overdue reports whether a value is admitted although the machine is full: it has
// been full for a long time, and its backlog has not grown.
func (a *admission) overdue(backlog int) bool {
	if a.goneOn >= lastPatience {
		a.least = backlog
	}
	return a.goneOn >= patience && backlog <= a.least+a.least/8
}

const (
	shortValue = 512 // bytes, the largest value that is short
	maxShorts  = 32  // admitted one after another while a long one waits
)

// A turn is a queue of inputs that wait to enter.
type turn struct {
	inputs []queued
	head   int
}

func (t *turn) empty() bool { return t.head == len(t.inputs) }

// push appends an input. It reuses the memory that pop has left, so that a turn
// that is never empty does not grow.
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

// none reports whether no value waits until the machine has less work.
func (a *admission) none() bool { return a.short.empty() && a.long.empty() }

// take puts q into a turn, unless q enters at once. The argument full says that no
// value may be admitted, and busy that the machine is not at rest.
func (a *admission) take(q queued, full, busy bool) (taken bool) {
	switch {
	case q.Kind == vm.Value && q.from.rests && !q.first:
		if !busy {
			return false
		}
		if a.rest.empty() {
			a.resting = 0
		}
		a.rest.delay(q)
		return true
	case q.Kind == vm.Value && (full || !a.none()) && !urgent(q.Input):
		t := &a.short
		if s, ok := q.Value.(world.Sizer); ok && s.Size() > shortValue {
			t = &a.long
		}
		t.delay(q)
		return true
	case q.Kind == vm.End && q.from != nil && q.from.intake.turn != nil:
		q.from.intake.turn.push(q)
		return true
	}
	return false
}

// next removes and returns the next input that is not in rest.
func (a *admission) next() queued {
	a.goneOn = 0
	t := &a.short
	if t.empty() || a.shorts >= maxShorts && !a.long.empty() {
		t = &a.long
	}
	if a.shorts++; t == &a.long {
		a.shorts = 0
	}
	return t.release()
}

// rested reports whether a value in rest may enter: the machine is at rest, which
// busy denies, or the value has waited for a long time.
func (a *admission) rested(busy bool) bool {
	return !a.rest.empty() && (!busy || a.resting >= restPatience)
}

// delay appends a value, and keeps its device from receiving another.
func (t *turn) delay(q queued) {
	q.from.intake.turn = t
	q.from.intake.slot.hold()
	t.push(q)
}

// release removes and returns the first input.
func (t *turn) release() queued {
	q := t.pop()
	if q.Kind == vm.Value {
		q.from.intake.turn = nil
	}
	return q
}

// urgent reports whether a value enters the machine at once.
func urgent(in vm.Input) bool {
	_, ok := in.Value.(world.Urgent)
	return ok
}
