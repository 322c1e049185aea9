package timer

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// Types returns the types of the processes that [Driver] and [Relay] make.
func Types() []actions.Type { return TypesOn(world.SystemClock()) }

// TypesOn returns the types of the processes that [DriverOn] and [Relay] make. A
// driver that is restored uses the given clock. TypesOn panics as DriverOn does.
func TypesOn(clock world.Clock) []actions.Type {
	mustCompare("TypesOn", clock)
	return []actions.Type{
		actions.CodedAs(
			actions.Define("timer.driver", (*driver).open),
			(*driver).write, func(w writtenDriver) (*driver, error) { return w.read(clock) }).Type,
		actions.CodedAs(
			actions.Define("timer.relay", (*relay).open),
			(*relay).write, writtenRelay.read).Type,
	}
}

// The written forms of states. The names of their fields never change. Labels are
// bytes, because they may be any bytes.
type (
	// The driver's work of several turns is over when the machine is at rest, so
	// it is not written.
	writtenDriver struct {
		Audience writtenAudience
		Schedule writtenSchedule
		Seq      uint64

		Held, Silent, Waking bool
		Wakes                writtenTime

		Readings, Awaited uint64
		Asked, Inbox      []writtenArrival `json:",omitempty"` // in their order
	}
	writtenArrival struct {
		What         what
		Label        []byte
		At           *writtenTime  `json:",omitempty"`
		After, Every time.Duration `json:",omitempty"`
	}

	writtenAudience struct {
		Labels [][]byte   `json:",omitempty"` // sorted
		Globs  [][][]byte `json:",omitempty"` // a label matches all globs of a list
		All    bool       `json:",omitempty"`
	}

	writtenRelay struct {
		ID       []byte
		Number   actions.PID
		Counter  uint64
		Drivers  int
		Audience writtenAudience
		Timers   []writtenErrand `json:",omitempty"`
		Readers  []writtenErrand `json:",omitempty"`
	}
	writtenErrand struct {
		Made  string // the label outside
		Label []byte // inside
		Again bool   `json:",omitempty"`
	}

	// writtenTime is a time of any year.
	writtenTime struct {
		Sec  int64
		Nsec int32
	}
)

func (i instant) write() writtenTime { return writtenTime{i.sec, i.nsec} }
func (w writtenTime) read() instant  { return instant{w.Sec, w.Nsec} }

func (d *driver) write() writtenDriver {
	return writtenDriver{
		Audience: d.audience.write(),
		Schedule: d.schedule.write(),
		Seq:      d.seq,
		Held:     d.held, Silent: d.silent, Waking: d.waking, Wakes: d.wakes.write(),
		Readings: d.readings, Awaited: d.awaited,
		Asked: d.asked.write(), Inbox: d.inbox.write(),
	}
}

func (w writtenDriver) read(clock world.Clock) (*driver, error) {
	d := newDriver(clock)
	d.seq = w.Seq
	d.held, d.silent, d.waking, d.wakes = w.Held, w.Silent, w.Waking, w.Wakes.read()
	d.readings, d.awaited = w.Readings, w.Awaited
	var err [4]error
	d.audience, err[0] = w.Audience.read()
	d.schedule, err[1] = w.Schedule.read()
	d.asked, err[2] = readArrivals(w.Asked)
	d.inbox, err[3] = readArrivals(w.Inbox)
	return d, errors.Join(err[:]...)
}

func (a *arrival) write() (all []writtenArrival) {
	for _, a := range a.all() {
		w := writtenArrival{What: a.what, Label: []byte(a.Label), After: a.After, Every: a.Every}
		if a.what == setAt {
			at := instantOf(a.At).write()
			w.At = &at
		}
		all = append(all, w)
	}
	return all
}

func readArrivals(all []writtenArrival) (a *arrival, err error) {
	for _, w := range all {
		s := Set{Label: string(w.Label), After: w.After, Every: w.Every}
		if w.What > asksTime || (w.What == setAt) != (w.At != nil) || w.Every < 0 {
			return nil, fmt.Errorf("no request can be %+v", w)
		}
		if w.At != nil {
			s.At = w.At.read().time()
		}
		a = a.and(w.What, s)
	}
	return a, nil
}

func (a *audience) write() writtenAudience {
	w := writtenAudience{All: a.all}
	for i := a.labels.Iterator(); !i.Done(); {
		label, _, _ := i.Next()
		w.Labels = append(w.Labels, []byte(label))
	}
	slices.SortFunc(w.Labels, bytes.Compare)
	for _, p := range a.globs {
		var globs [][]byte
		for _, c := range p.Topic().Constraints() {
			globs = append(globs, []byte(c.Glob))
		}
		w.Globs = append(w.Globs, globs)
	}
	return w
}

func (w writtenAudience) read() (*audience, error) {
	a := *nobody
	a.all = w.All
	for _, label := range w.Labels {
		a.labels = a.labels.Set(string(label), struct{}{})
	}
	for _, globs := range w.Globs {
		p, err := readGlobs(globs)
		if err != nil {
			return nil, err
		}
		a.globs = append(a.globs, p)
	}
	return &a, nil
}

// readGlobs returns the pattern of the labels that match all globs. Package
// topic panics if there are none.
func readGlobs(globs [][]byte) (p topic.Pattern[Expired], err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("nobody can subscribe to %q: %v", globs, fault)
		}
	}()
	var terms []topic.Term[Expired]
	for _, g := range globs {
		terms = append(terms, topic.Glob(Label, string(g)))
	}
	return topic.Where(terms...), nil
}

func (r *relay) write() writtenRelay {
	w := writtenRelay{ID: []byte(r.id), Number: r.number, Counter: r.counter, Drivers: r.drivers, Audience: r.audience.write()}
	for i := r.inner.Iterator(); !i.Done(); {
		made, t, _ := i.Next()
		w.Timers = append(w.Timers, writtenErrand{made, []byte(t.label), t.again})
	}
	for i := r.readers.Iterator(); !i.Done(); {
		made, label, _ := i.Next()
		w.Readers = append(w.Readers, writtenErrand{Made: made, Label: []byte(label)})
	}
	return w
}

func (w writtenRelay) read() (*relay, error) {
	r := &relay{id: string(w.ID), number: w.Number, counter: w.Counter, drivers: w.Drivers, errands: none}
	for _, t := range w.Timers {
		label := string(t.Label)
		r.outer, r.inner = r.outer.Set(label, t.Made), r.inner.Set(t.Made, innerTimer{label, t.Again})
	}
	for _, t := range w.Readers {
		r.readers = r.readers.Set(t.Made, string(t.Label))
	}
	if r.drivers < 0 || r.outer.Len() != len(w.Timers) || r.inner.Len() != len(w.Timers) {
		return nil, errors.New("its drivers are fewer than none, or two timers have one label")
	}
	var err error
	r.audience, err = w.Audience.read()
	return r, err
}
