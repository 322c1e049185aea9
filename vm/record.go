package vm

import (
	"math/bits"

	"github.com/go-marketplace/marketplace/actions"
)

// A Record describes one thing that has happened in a machine. A [Watcher] gets
// records.
type Record struct {
	Kind   RecordKind
	Event  *actions.Event // for Told, and for Crashed if a handler has panicked
	Action actions.Action // for Performed, Dropped, Undelivered and Ignored
	Level  uint32         // for Performed: how many levels up the Action is performed; 0 is the machine of the process
	Reason error          // for Ended, nil if there is none; for Crashed
	Input  Input          // for Entered and Late

	Command Command // for Commanded

	at  *proc
	end *endpoint
}

// RecordKind tells records apart.
type RecordKind uint8

// The kinds of record.
const (
	Entered     RecordKind = iota // an input enters the machine
	Spawned                       // a process was spawned
	Performed                     // a process performs an action
	Told                          // an endpoint, or the holder of a device, gets an event
	Crashed                       // a transition function panicked, or called runtime.Goexit
	Ended                         // a process quit, failed or was killed
	Collected                     // a process was removed, because nothing could happen to it any more
	Dropped                       // an action was not performed, because its process ended before it in the same turn
	Undelivered                   // no endpoint matched a message
	Ignored                       // an action was about an endpoint, a process or a device that does not exist, or opened a device while the machine stops
	Late                          // an input came from a device that is closed
	Commanded                     // the machine gives a command to the outside
	Resumed                       // a process continues with the PID of a process that it spawned at a meta-level
)

var recordKinds = [...]string{"entered", "spawned", "performed", "told", "crashed", "ended", "collected", "dropped",
	"undelivered", "ignored", "late", "commanded", "resumed"}

// String returns the name of the kind, in lower case.
func (k RecordKind) String() string {
	if int(k) >= len(recordKinds) {
		return "unknown"
	}
	return recordKinds[k]
}

// Path returns the path of the process that r is about, or nil if it is about
// the machine.
func (r *Record) Path() Path {
	if r.at == nil {
		return nil
	}
	return r.at.path()
}

// AppendPath appends the path of the process that r is about to path, and
// returns the result. If r is about the machine, it appends nothing.
func (r *Record) AppendPath(path Path) Path {
	if r.at == nil {
		return path
	}
	return r.at.appendPath(path)
}

// Panicked reports whether a transition function of the process that r is about
// has panicked: a record of kind Crashed came before r, or is r.
func (r *Record) Panicked() bool { return r.at != nil && r.at.crashed }

// Relayed reports whether r is about a virtual machine, and the action opens, moves
// or deletes an endpoint for a process inside it.
func (r *Record) Relayed() bool {
	var id actions.EndpointID
	switch a := r.Action.(type) {
	case actions.AddEndpoint:
		id = a.ID
	case actions.ReplaceEndpoint:
		id = a.ID
	case actions.DeleteEndpoint:
		id = a.ID
	}
	_, ok := id.(metaID)
	return ok
}

// Name returns the name of the process that r is about, or "" if it has none or r is
// about the machine.
func (r *Record) Name() string {
	if r.at == nil {
		return ""
	}
	return r.at.cell.name
}

// Endpoint returns the endpoint that got the event. It reports false unless r is of
// kind Told, and about an endpoint.
func (r *Record) Endpoint() (e EndpointInfo, ok bool) {
	if r.end == nil {
		return e, false
	}
	return r.end.info(), true
}

// State returns the state that the process that r is about has now, or nil if r is
// about the machine.
func (r *Record) State() any {
	if r.at == nil {
		return nil
	}
	return r.at.cell.state
}

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

// performed records an action. It makes no Record if nobody watches such actions.
func (m *Machine) performed(p *proc, it *item) {
	if m.digests {
		m.noteAt(p, uint64(Performed)<<56|uint64(it.up)<<8|uint64(actionNumber(it.action)))
	}
	if m.watched.Has(Performed) || m.watched&EndpointChanges != 0 && concernsEndpoints(it.action) {
		m.show(&Record{Kind: Performed, at: p, Action: it.action, Level: it.up})
	}
}

// Digest returns the digest of what m has done, if [Config.Digest] asked for one, and
// 0 otherwise.
func (m *Machine) Digest() Digest { return m.digest }

// note adds a record to the digest.
func (m *Machine) note(r *Record) {
	v := uint64(r.Kind) << 56
	switch r.Kind {
	case Entered:
		v |= uint64(r.Input.Kind)
	case Commanded:
		v |= uint64(r.Command.Kind)
	}
	m.noteAt(r.at, v)
}

// noteAt adds a number to the digest: what has happened to p, or to the machine if p
// is nil.
func (m *Machine) noteAt(p *proc, what uint64) {
	if p != nil {
		what ^= bits.RotateLeft64(p.k.place, 32) ^ uint64(p.cell.pid)<<16
	}
	m.digest = m.digest.Mix(what)
}
