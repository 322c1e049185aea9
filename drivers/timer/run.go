package timer

import (
	"cmp"
	"slices"
	"time"
)

// A change is what has become of the timer with a label: it was set, or taken
// back.
type change struct {
	name
	at    instant
	seq   uint64 // in the order in which timers were set
	every time.Duration
	gone  bool // there is no timer any more
}

// compare orders timers by when they expire; equal times by when they were set.
func (c *change) compare(d *change) int {
	if c.at != d.at {
		return c.at.compare(d.at)
	}
	return cmp.Compare(c.seq, d.seq)
}

// A run is timers in the order in which they expire. Those before next have
// expired. Nothing in a run is ever written to.
type run struct {
	timers []change
	next   int

	// What the run says of these labels holds, and not what older runs say:
	// there is one timer for a label at most, or none. The oldest run, for which
	// it makes no difference, has no labels.
	labels names
}

// size is how much there is in r, timers or labels.
func (r *run) size() int { return max(len(r.timers), len(r.labels.list)) }

func (r *run) over() bool { return r.next == len(r.timers) }

// first is the timer that expires first.
func (r *run) first() *change { return &r.timers[r.next] }

// runOf returns what holds after the n changes in a log, of which some are
// timers that were set.
func runOf(log *entry, n, set int) run {
	r := run{timers: make([]change, 0, set), labels: newNames(n)}
	for ; log != nil; log = log.before {
		for i := range log.changes {
			c := &log.changes[len(log.changes)-1-i]
			if r.labels.add(c.name) && !c.gone {
				r.timers = append(r.timers, *c)
			}
		}
	}
	slices.SortFunc(r.timers, func(a, b change) int { return a.compare(&b) })
	return r
}

// merge returns one run in the place of two, of which r is the newer one. The
// last run is one that has no older ones.
func (r run) merge(older run, last bool) run {
	a, b := r.timers[r.next:], older.timers[older.next:]
	stale, n := r.stale(b)
	all := make([]change, 0, len(a)+len(b)-n)
	for i := range b {
		if stale[i] {
			continue
		}
		for len(a) > 0 && a[0].compare(&b[i]) < 0 {
			all = append(all, a[0])
			a = a[1:]
		}
		all = append(all, b[i])
	}
	m := run{timers: append(all, a...)}
	if !last {
		m.labels = newNames(len(r.labels.list) + len(older.labels.list))
		for _, l := range r.labels.list {
			m.labels.add(l)
		}
		for _, l := range older.labels.list {
			m.labels.add(l)
		}
	}
	return m
}

// stale says of which of older timers r says something newer, and of how many.
func (r *run) stale(older []change) (stale []bool, n int) {
	stale = make([]bool, len(older))
	for i := range older {
		if r.labels.has(&older[i].name) {
			stale[i] = true
			n++
		}
	}
	return stale, n
}
