package timer

// An arrival is something that has come in, with all that has come before: the
// last one stands for all. It is immutable. No arrival is nil.
type arrival struct {
	Set
	what   what
	timely bool // something has to do with what the time is
	count  int32
	before *arrival
}

// what says what an arrival is.
type what uint8

const (
	setAt     what = iota // at a given time
	setAfter              // some time from now
	cancelled             // only the label counts
	asksTime              // only the label counts
)

// and returns the arrivals with one more.
func (a *arrival) and(w what, s Set) *arrival {
	n := &arrival{Set: s, what: w, timely: w == setAfter || w == asksTime, count: 1, before: a}
	if a != nil {
		n.timely = n.timely || a.timely
		n.count += a.count
	}
	return n
}

// all returns the arrivals, the first one first.
func (a *arrival) all() []*arrival {
	if a == nil {
		return nil
	}
	as := make([]*arrival, a.count)
	for i := len(as) - 1; i >= 0; i-- {
		as[i], a = a, a.before
	}
	return as
}

// only returns the arrivals without the timers, set or cancelled, whose labels
// are not kept.
func (a *arrival) only(keep func(label string) bool) (kept *arrival) {
	for _, a := range a.all() {
		if a.what == asksTime || keep(a.Label) {
			kept = kept.and(a.what, a.Set)
		}
	}
	return kept
}

// replaces adds the labels of the timers that have another one in their place,
// or none, once all the arrivals have been dealt with.
func (a *arrival) replaces(labels map[string]bool) {
	for ; a != nil; a = a.before {
		if a.what != asksTime {
			labels[a.Label] = true
		}
	}
}
