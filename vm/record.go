package vm

import (
	"github.com/go-marketplace/marketplace/actions"
)

// A Record tells of something that has happened in a machine: what it was
// asked to do, what it has told whom, and what it has dropped.
type Record struct {
	Kind   RecordKind
	Event  *actions.Event // for Told, and for Crashed if a handler has panicked
	Action actions.Action // for Performed, Dropped, Undelivered and Ignored
	Level  uint32         // at which the Action is performed, for Performed: 0 is where the process lives
	Reason error          // for Ended and Crashed
	Input  Input          // for Entered and Late

	Command Command // for Commanded

	at  *proc
	end *endpoint
}

// RecordKind tells records apart.
type RecordKind uint8

// The kinds of record.
const (
	Entered     RecordKind = iota // an input has entered the machine
	Spawned                       // a process has come into being
	Performed                     // a process has had an action performed
	Told                          // an endpoint or a device's holder has been told of an event
	Crashed                       // a transition function has panicked
	Ended                         // a process has quit, failed or been killed
	Collected                     // a process was removed to which nothing could happen any more
	Dropped                       // an action was not performed, because the process has ended
	Undelivered                   // a message matched nobody
	Ignored                       // an action concerned what is not there
	Late                          // an input came from a device that is closed
	Commanded                     // the outside is to do something
	Resumed                       // a process goes on with the PID of what it has spawned at a meta-level
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
// has panicked, so that a record of kind Crashed has told of it.
func (r *Record) Panicked() bool { return r.at != nil && r.at.crashed }

// Relayed reports whether the action has been asked for by a process further
// inside than the one that r is about, which is a virtual machine.
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

// Name returns the name of the process that r is about.
func (r *Record) Name() string {
	if r.at == nil {
		return ""
	}
	return r.at.cell.name
}

// Endpoint returns the endpoint that was told: its name, its role, and the
// level at which it is. It reports false unless r is of kind Told, and about an
// endpoint.
func (r *Record) Endpoint() (e EndpointInfo, ok bool) {
	if r.end == nil {
		return e, false
	}
	return r.end.info(), true
}

// State returns the state of the process that r is about, as it is at that
// moment.
func (r *Record) State() any {
	if r.at == nil {
		return nil
	}
	return r.at.cell.state
}
