package vm

import (
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

func (p *proc) appendPath(path Path) Path {
	if p.k.host != nil {
		path = p.k.host.appendPath(path)
	}
	return append(path, p.cell.pid)
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
