package vm

import "github.com/go-marketplace/marketplace/actions"

// A RecordSet is a set of kinds of record: what a [Watcher] is told of.
type RecordSet uint32

// Sets of kinds of record.
const (
	// AllRecords has all kinds.
	AllRecords RecordSet = 1<<(Resumed+1) - 1

	// EndpointChanges has the records of kind Performed for actions that open, move
	// and close endpoints, or act at a meta-level.
	EndpointChanges RecordSet = 1 << 31

	// Changes has what changes who is there and what is open: EndpointChanges, the
	// ends of processes, and commands.
	Changes = EndpointChanges | 1<<Ended | 1<<Collected | 1<<Commanded
)

// Records returns the set of the given kinds.
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

// A Watcher is told what happens in a machine: see [Machine.Watch].
type Watcher struct {
	m    *Machine
	set  RecordSet
	call func(*Record)
}

// Watch calls f from now on for each record in set. Watchers are called in the
// order in which they were added. The Record is valid during the call only, and f
// must not use the machine.
func (m *Machine) Watch(set RecordSet, f func(*Record)) *Watcher {
	w := &Watcher{m, set, f}
	m.watchers = append(m.watchers, w)
	m.watched |= set
	return w
}

// Set makes w watch the records in set, and no others. A watcher of the empty set
// costs nothing.
func (w *Watcher) Set(set RecordSet) {
	w.set = set
	w.m.watched = 0
	for _, w := range w.m.watchers {
		w.m.watched |= w.set
	}
}

// wants reports whether records of a kind are of use to anybody.
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
	m.rec = *r // it stays there, which costs less than to clear it
	for _, w := range m.watchers {
		if w.set.has(&m.rec) {
			w.call(&m.rec)
		}
	}
}

// told records an event, without a Record if nobody watches events.
func (m *Machine) told(p *proc, e *endpoint, ev *actions.Event) {
	if m.digests {
		m.noteAt(p, uint64(Told)<<56|uint64(ev.Kind))
	}
	if m.watched.Has(Told) {
		m.show(&Record{Kind: Told, at: p, end: e, Event: ev})
	}
}

// resumed records that p goes on with the PID of what it has spawned at a
// meta-level. In the digest it is an event of a kind of its own.
func (m *Machine) resumed(p *proc) {
	if m.digests {
		m.noteAt(p, uint64(Told)<<56|resumedInDigest)
	}
	if m.watched.Has(Resumed) {
		m.show(&Record{Kind: Resumed, at: p})
	}
}

// resumedInDigest stands for Resumed where there are kinds of events.
const resumedInDigest = 9

// performed records an action, without a Record if nobody watches such actions.
func (m *Machine) performed(p *proc, it *item) {
	if m.digests {
		m.noteAt(p, uint64(Performed)<<56|uint64(it.up)<<8|uint64(kindOf(it.action)))
	}
	if m.watched.Has(Performed) || m.watched&EndpointChanges != 0 && concernsEndpoints(it.action) {
		m.show(&Record{Kind: Performed, at: p, Action: it.action, Level: it.up})
	}
}
