package timer

import (
	"cmp"
	"slices"
	"time"
)

// A change sets or cancels the timer with a label.
type change struct {
	name
	at    instant
	seq   uint64 // in the order in which timers were set
	every time.Duration
	gone  bool // there is no timer any more
}

// compare orders timers by the time at which they expire, and timers with equal
// times by the order in which they were set.
func (c *change) compare(d *change) int {
	if c.at != d.at {
		return c.at.compare(d.at)
	}
	return cmp.Compare(c.seq, d.seq)
}

// A run has timers in the order in which they expire. Those before next have
// expired. The timers and labels of a run never change.
type run struct {
	timers []change
	next   int

	// For these labels the run counts, and not older runs: it has the timer of
	// the label, or there is none. The oldest run needs no labels and has none.
	labels names
}

// size returns the number of timers in r, or of labels, whichever is larger.
func (r *run) size() int { return max(len(r.timers), len(r.labels.list)) }

func (r *run) over() bool { return r.next == len(r.timers) }

// first returns the timer that expires first.
func (r *run) first() *change { return &r.timers[r.next] }

// runOf returns the timers that are pending after the n changes in a log, of which
// set are timers that were set.
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

// merge merges r with the next older run. Last says that there is no run before
// that one.
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

// stale reports which timers of an older run r replaces or cancels, and how many.
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
