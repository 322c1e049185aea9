package timer

import (
	"errors"
	"slices"
	"time"
)

// A schedule is written with all its parts, and not only the timers that are
// pending: the times of wakes depend on when the schedule forgets a timer that was
// cancelled.
type (
	writtenSchedule struct {
		Log     [][]writtenChange `json:",omitempty"` // the oldest first
		Runs    []writtenRun      `json:",omitempty"` // the newest first
		Sure    int
		Soonest writtenTime
	}
	writtenRun struct {
		Over   int // how many timers have expired
		Timers []writtenChange
		Labels [][]byte `json:",omitempty"`
	}
	writtenChange struct {
		Label []byte
		At    writtenTime
		Seq   uint64
		Every time.Duration `json:",omitempty"`
		Gone  bool          `json:",omitempty"`
	}
)

func (s schedule) write() writtenSchedule {
	w := writtenSchedule{Sure: s.sure, Soonest: s.soonest.write()}
	for e := s.log; e != nil; e = e.before {
		w.Log = append(w.Log, writeChanges(e.changes))
	}
	slices.Reverse(w.Log)
	for _, r := range s.runs {
		run := writtenRun{Over: r.next, Timers: writeChanges(r.timers[r.next:])}
		for _, n := range r.labels.list {
			run.Labels = append(run.Labels, []byte(n.label))
		}
		w.Runs = append(w.Runs, run)
	}
	return w
}

func writeChanges(cs []change) []writtenChange {
	all := make([]writtenChange, len(cs))
	for i, c := range cs {
		all[i] = writtenChange{[]byte(c.label), c.at.write(), c.seq, c.every, c.gone}
	}
	return all
}

func readChanges(ws []writtenChange, room int) []change {
	all := make([]change, room, room+len(ws))
	for _, w := range ws {
		all = append(all, change{nameOf(string(w.Label)), w.At.read(), w.Seq, w.Every, w.Gone})
	}
	return all
}

var errSchedule = errors.New("its timers do not fit together")

func (w writtenSchedule) read() (s schedule, err error) {
	pending, size := w.count()
	if w.Sure < 0 || w.Sure > pending || (w.Sure > 0) != (pending > 0) || size > 8*pending+200 {
		return s, errSchedule
	}
	for _, cs := range w.Log {
		s.log = &entry{readChanges(cs, 0), s.log}
		s.logged += len(cs)
		for i := range cs {
			if !cs[i].Gone {
				s.set++
			}
		}
	}
	for _, wr := range w.Runs {
		r := run{timers: readChanges(wr.Timers, wr.Over), next: wr.Over}
		if len(wr.Labels) > 0 {
			r.labels = newNames(len(wr.Labels))
		}
		for _, l := range wr.Labels {
			if !r.labels.add(nameOf(string(l))) {
				return s, errSchedule
			}
		}
		if !slices.IsSortedFunc(r.timers[r.next:], func(a, b change) int { return a.compare(&b) }) {
			return s, errSchedule
		}
		s.runs = append(s.runs, r)
		s.total += r.size()
	}
	s.sure, s.soonest = w.Sure, w.Soonest.read()
	return s, nil
}

// count returns how many timers are pending, and the size of w, which the number of
// timers bounds in a valid schedule. If w is wrong, the size is larger than any.
func (w writtenSchedule) count() (pending, size int) {
	const most = 1 << 29
	newer := map[string]bool{} // labels with a newer change
	say := func(label []byte) (first bool) {
		first = !newer[string(label)]
		newer[string(label)] = true
		return first
	}
	for _, cs := range slices.Backward(w.Log) {
		size += len(cs)
		for _, c := range slices.Backward(cs) {
			if say(c.Label) && !c.Gone {
				pending++
			}
		}
	}
	for _, r := range w.Runs {
		if r.Over < 0 || r.Over > most {
			return 0, most
		}
		if size += max(r.Over+len(r.Timers), len(r.Labels)); size > most {
			return 0, most // before it is more than an int of 32 bits
		}
		for _, c := range r.Timers {
			if !newer[string(c.Label)] {
				pending++
			}
		}
		for _, l := range r.Labels {
			say(l)
		}
	}
	return pending, size
}
