package vm

import "github.com/go-marketplace/marketplace/actions"

// A RecordSet is a set of records: those that a [Watcher] gets.
type RecordSet uint32

// Sets of records.
const (
	// AllRecords has the records of all kinds.
	AllRecords RecordSet = 1<<(Resumed+1) - 1

	// EndpointChanges has the records of kind Performed for actions that open, move
	// and close endpoints, and for AtMeta.
	EndpointChanges RecordSet = 1 << 31

	// Changes has the records of changes in who is there and which devices are open:
	// EndpointChanges, and those of kind Ended, Collected and Commanded.
	Changes = EndpointChanges | 1<<Ended | 1<<Collected | 1<<Commanded
)

// Records returns the set of all records of the given kinds.
func Records(kinds ...RecordKind) (s RecordSet) {
	for _, k := range kinds {
		s |= 1 << k
	}
	return s
}

// Has reports whether s has all records of a kind.
func (s RecordSet) Has(k RecordKind) bool { return s>>k&1 != 0 }

// has reports whether s has r.
func (s RecordSet) has(r *Record) bool {
	return s.Has(r.Kind) || s&EndpointChanges != 0 && r.Kind == Performed && concernsEndpoints(r.Action)
}

func concernsEndpoints(a actions.Action) bool {
	switch a.(type) {
	case actions.AddEndpoint, actions.ReplaceEndpoint, actions.DeleteEndpoint, actions.MetaLevel:
		return true
	}
	return false
}

// A Watcher gets records of what happens in a machine. [Machine.Watch] makes one.
type Watcher struct {
	m    *Machine
	set  RecordSet
	call func(*Record)
}

// Watch adds a watcher: the machine calls f from now on for each record in set, after
// the watchers that were added before. The Record is valid during the call only. The
// function f must not call methods of the machine.
func (m *Machine) Watch(set RecordSet, f func(*Record)) *Watcher {
	w := &Watcher{m, set, f}
	m.watchers = append(m.watchers, w)
	m.watched |= set
	return w
}

// Set changes the records that w gets to those in set. A watcher with an empty set
// costs next to nothing.
func (w *Watcher) Set(set RecordSet) {
	w.set = set
	w.m.watched = 0
	for _, w := range w.m.watchers {
		w.m.watched |= w.set
	}
}

// wants reports whether the digest or a watcher needs records of a kind.
func (m *Machine) wants(k RecordKind) bool { return m.digests || m.watched.Has(k) }

// record adds r to the digest, and shows it to the watchers. It does not keep r.
func (m *Machine) record(r *Record) {
	if m.digests {
		m.note(r)
	}
	m.show(r)
}

// show shows r to the watchers.
func (m *Machine) show(r *Record) {
	if !m.watched.has(r) {
		return
	}
	m.rec = *r // not cleared afterwards, which would cost more
	for _, w := range m.watchers {
		if w.set.has(&m.rec) {
			w.call(&m.rec)
		}
	}
}

// told records an event. It makes no Record if nobody watches events.
func (m *Machine) told(p *proc, e *endpoint, ev *actions.Event) {
	if m.digests {
		m.noteAt(p, uint64(Told)<<56|eventNumber(ev.Kind))
	}
	if m.watched.Has(Told) {
		m.show(&Record{Kind: Told, at: p, end: e, Event: ev})
	}
}

// resumed records that p continues with the PID of a process that it spawned at a
// meta-level. In the digest this is an event of a kind of its own.
func (m *Machine) resumed(p *proc) {
	if m.digests {
		m.noteAt(p, uint64(Told)<<56|resumedInDigest)
	}
	if m.watched.Has(Resumed) {
		m.show(&Record{Kind: Resumed, at: p})
	}
}

// resumedInDigest is the number of Resumed among the kinds of events: see eventNumber.
const resumedInDigest = 9

// performed records an action. It makes no Record if nobody watches such actions.
func (m *Machine) performed(p *proc, it *item) {
	if m.digests {
		m.noteAt(p, uint64(Performed)<<56|uint64(it.up)<<8|uint64(actionNumber(it.action)))
	}
	if m.watched.Has(Performed) || m.watched&EndpointChanges != 0 && concernsEndpoints(it.action) {
		m.show(&Record{Kind: Performed, at: p, Action: it.action, Level: it.up})
	}
}
