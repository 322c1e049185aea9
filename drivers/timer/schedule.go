package timer

import "slices"

// A schedule has the timers that are pending. It is an immutable value.
//
// A heap with a table of labels would do; but if it is immutable, some twenty
// nodes are copied for each timer that is set or taken back. A schedule only
// writes that down, in a log. When there is as much in the log as in all the
// rest, or a quarter as much to be sorted, or when somebody wants to know which
// timers are due, the log becomes a run, and runs of about the same size are
// merged. So a timer is copied some log n times in its life, like in a heap, but
// many of them at once, which is much faster; and what expires next is at the
// beginning of a run.
//
// What is newer holds: what the log or a run says of a label, and not what older
// runs say of it.
type schedule struct {
	log     *entry // what is not in a run yet
	logged  int    // changes in it
	set     int    // of them are timers that were set
	runs    []run  // the newest first; the oldest is the last
	total   int    // changes in them
	sure    int    // so many timers are pending at least; if it is 0, none is
	soonest instant
}

// An entry of a log has changes in the order in which they have been made.
type entry struct {
	changes []change
	before  *entry
}

// empty reports whether no timer is pending.
func (s *schedule) empty() bool { return s.sure == 0 }

// add returns the schedule after more changes, in their order.
func (s schedule) add(cs []change) schedule {
	if len(cs) == 0 {
		return s
	}
	s.log = &entry{cs, s.log}
	s.logged += len(cs)
	for i := range cs {
		if cs[i].gone {
			s.sure-- // perhaps
			continue
		}
		s.set++
		s.soonest = earlier(s.soonest, cs[i].at) // if there is one
	}
	if s.sure <= 0 || s.logged >= s.total || 4*s.set >= s.total {
		return s.pack()
	}
	return s
}

// pack returns the same schedule without a log.
func (s schedule) pack() schedule {
	r, older := runOf(s.log, s.logged, s.set), s.runs
	all := s.wasteful()
	for len(older) > 0 && (all || older[0].size() <= 2*r.size()) {
		r = r.merge(older[0], len(older) == 1)
		older = older[1:]
	}
	if len(older) == 0 {
		r.labels = names{}
		s.sure = len(r.timers)
	}
	s.log, s.logged, s.set = nil, 0, 0
	s.runs = append([]run{r}, older...)
	s.count()
	return s
}

// wasteful reports whether there may be several times as much in s as there
// are timers, or none at all.
func (s *schedule) wasteful() bool { return s.sure <= 0 || s.total+s.logged > 4*s.sure+64 }

// count sees to total and soonest after runs have changed, which s has for
// itself.
func (s *schedule) count() {
	s.total = 0
	for i := range s.runs {
		s.total += s.runs[i].size()
		s.skip(i)
	}
	if i := s.first(); i >= 0 {
		s.soonest = s.runs[i].first().at
	} else {
		s.runs, s.total, s.sure = nil, 0, 0
	}
}

// skip leaves out the timers at the beginning of a run of which newer runs say
// something else.
func (s *schedule) skip(i int) {
	r := &s.runs[i]
	for !r.over() && slices.ContainsFunc(s.runs[:i], func(newer run) bool { return newer.labels.has(&r.first().name) }) {
		r.next++
	}
}

// first returns the place of the run with the timer that expires first, or -1.
func (s *schedule) first() int {
	first := -1
	for i := range s.runs {
		if r := &s.runs[i]; !r.over() && (first < 0 || r.first().compare(s.runs[first].first()) < 0) {
			first = i
		}
	}
	return first
}

// due takes out the timers that expire until now, in their order, but not more
// than limit.
func (s schedule) due(now instant, limit int) (due []change, _ schedule) {
	if s.empty() || now.before(s.soonest) {
		return nil, s
	}
	if s.log != nil {
		s = s.pack()
	} else {
		s.runs = slices.Clone(s.runs)
	}
	for len(due) < limit {
		i := s.first()
		if i < 0 || now.before(s.runs[i].first().at) {
			break
		}
		due = append(due, *s.runs[i].first())
		s.runs[i].next++
		s.skip(i)
	}
	s.sure -= len(due)
	if s.wasteful() {
		return due, s.pack()
	}
	s.count()
	return due, s
}

// only returns the schedule without the timers whose labels are not kept.
func (s schedule) only(keep func(label string) bool) schedule {
	if s.empty() {
		return s
	}
	s.sure = 0 // not to be relied on, so there will be one run
	s = s.pack()
	kept := slices.DeleteFunc(slices.Clone(s.runs[0].timers), func(c change) bool { return !keep(c.label) })
	s.runs, s.sure = []run{{timers: kept}}, len(kept)
	s.count()
	return s
}
