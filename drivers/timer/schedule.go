package timer

import "slices"

// A schedule has the timers that are pending. It is an immutable value.
//
// A heap with a table of labels would do; but an immutable heap copies some twenty
// nodes for each timer that is set or cancelled. A schedule appends the change to a
// log. When the log is as long as all runs together, or has a quarter as many
// timers to sort, or when the driver asks for the timers that are due, the schedule
// turns the log into a run, and merges runs of about the same size. So it copies a
// timer about log n times, as a heap does, but many at once, which is much faster;
// and the timer that expires next is at the beginning of a run.
//
// The newest change of a label counts: the log comes before the runs, and newer
// runs before older ones.
type schedule struct {
	log     *entry  // the changes that are not in a run yet
	logged  int     // how many changes are in the log
	set     int     // how many of them set a timer
	runs    []run   // the newest first
	total   int     // the sizes of the runs, together
	sure    int     // at least so many timers are pending; 0 means none
	soonest instant // no timer expires before this time
}

// An entry of a log has changes in the order in which they were made, and the
// entry before it.
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

// pack returns the schedule with its log turned into a run.
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

// wasteful reports whether s may be several times as large as its timers need, or
// may have no timer at all.
func (s *schedule) wasteful() bool { return s.sure <= 0 || s.total+s.logged > 4*s.sure+64 }

// count updates total and soonest after runs have changed. No other schedule
// shares the runs of s.
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

// skip leaves out the timers at the beginning of a run that newer runs replace or
// cancel.
func (s *schedule) skip(i int) {
	r := &s.runs[i]
	for !r.over() && slices.ContainsFunc(s.runs[:i], func(newer run) bool { return newer.labels.has(&r.first().name) }) {
		r.next++
	}
}

// first returns the index of the run with the timer that expires first, or -1.
func (s *schedule) first() int {
	first := -1
	for i := range s.runs {
		if r := &s.runs[i]; !r.over() && (first < 0 || r.first().compare(s.runs[first].first()) < 0) {
			first = i
		}
	}
	return first
}

// due takes out the timers that expire by now, in order, but at most limit.
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

// only returns the schedule with the timers for whose labels keep reports true.
func (s schedule) only(keep func(label string) bool) schedule {
	if s.empty() {
		return s
	}
	s.sure = 0 // makes pack merge all runs into one
	s = s.pack()
	kept := slices.DeleteFunc(slices.Clone(s.runs[0].timers), func(c change) bool { return !keep(c.label) })
	s.runs, s.sure = []run{{timers: kept}}, len(kept)
	s.count()
	return s
}
