package timer

// An arrival is a request that has arrived, linked to those before it, so the last
// one stands for all. It is immutable. Nil is no arrival.
type arrival struct {
	Set
	what   what
	timely bool // one of the requests needs to know the time
	count  int32
	before *arrival
}

// what says what an arrival asks for.
type what uint8

const (
	setAt     what = iota // a timer for a given time
	setAfter              // a timer for a while from now
	cancelled             // no timer; only the label counts
	asksTime              // the time; only the label counts
)

// and returns the arrivals and one more.
func (a *arrival) and(w what, s Set) *arrival {
	n := &arrival{Set: s, what: w, timely: w == setAfter || w == asksTime, count: 1, before: a}
	if a != nil {
		n.timely = n.timely || a.timely
		n.count += a.count
	}
	return n
}

// all returns the arrivals in their order.
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

// only returns the arrivals that ask for the time, and those that set or cancel a
// timer with a label for which keep reports true.
func (a *arrival) only(keep func(label string) bool) (kept *arrival) {
	for _, a := range a.all() {
		if a.what == asksTime || keep(a.Label) {
			kept = kept.and(a.what, a.Set)
		}
	}
	return kept
}

// replaces adds the labels of the timers that the arrivals set or cancel.
func (a *arrival) replaces(labels map[string]bool) {
	for ; a != nil; a = a.before {
		if a.what != asksTime {
			labels[a.Label] = true
		}
	}
}
