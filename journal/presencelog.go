package journal

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/internal/text"
	"github.com/go-marketplace/marketplace/journal/internal/fingerprint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// A rollCall is what a journal notes of endpoints that come and go, so that
// presence can be told from the journal alone.
type presenceChange struct {
	op    presenceOp
	path  vm.Path
	name  string // of the process
	level uint32 // of the endpoint: 0 where the process lives
	id    string // of the endpoint; empty if it has none
	role  string // of the endpoint, for opened
	why   string // the reason, for closed and gone

	// sum is of what id and role are the texts of, so that they can be compared
	// though the texts have names of types in them. It is zero in format 1.
	sum vm.Digest
}

type presenceOp byte

const (
	opened presenceOp = iota + 1 // an endpoint has come, or has got another handler
	moved                        // an endpoint has another role now, or has come
	closed                       // an endpoint has gone, if it was there
	gone                         // a process has gone, and all in it
)

// String describes r for people.
func (r *presenceChange) String() string {
	who := vm.Label(r.path, r.name)
	what := r.role
	if r.id != "" {
		what += " as " + r.id
	}
	if r.level > 0 {
		what += fmt.Sprintf(" at meta-level %d", r.level)
	}
	switch r.op {
	case opened:
		return who + " opens " + what
	case moved:
		return who + " moves to " + what
	case closed:
		return who + " closes" + what + because(r.why)
	}
	return who + " is gone" + because(r.why)
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}

// equal reports whether r and o say the same.
func (r *presenceChange) equal(o *presenceChange) bool {
	same := r.sum == o.sum
	if r.sum == 0 || o.sum == 0 {
		same = r.id == o.id && r.role == o.role
	}
	return same && r.op == o.op && r.path.String() == o.path.String() && r.name == o.name && r.level == o.level && r.why == o.why
}

// buffers are for the bytes of which sums are made.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// named says which endpoint r is about.
func (r *presenceChange) named(id actions.EndpointID) {
	if id != nil {
		r.id = text.Value(id)
	}
	r.add(id)
}

// as says which role that endpoint has.
func (r *presenceChange) as(role topic.Role) {
	r.role = role.String()
	r.sum = r.sum.Mix(uint64(role.Orientation)<<8 | uint64(role.Interest))
	r.add(role.Topic)
}

// add adds a value to the sum.
func (r *presenceChange) add(v any) {
	buf := buffers.Get().(*[]byte)
	*buf = fingerprint.V2.Append((*buf)[:0], v)
	r.sum = r.sum.MixBytes(*buf)
	buffers.Put(buf)
}

// callAll returns all endpoints that a machine has, after what is in calls.
func appendEndpoints(changes []presenceChange, m *vm.Machine) []presenceChange {
	for info := range m.Processes() {
		for _, e := range info.Endpoints {
			c := presenceChange{op: opened, path: info.Path, name: info.Name, level: e.Level}
			c.named(e.ID)
			c.as(e.Role)
			changes = append(changes, c)
		}
	}
	return changes
}

// callRoll returns what a record says of endpoints that come and go, after those
// in calls.
func appendChanges(changes []presenceChange, r *vm.Record) []presenceChange {
	switch r.Kind {
	case vm.Ended, vm.Collected:
		c := presenceChange{op: gone, path: r.Path(), name: r.Name()}
		c.why = text.ReasonText(r.Reason)
		return append(changes, c)
	case vm.Performed:
		switch r.Action.(type) {
		case actions.AddEndpoint, actions.ReplaceEndpoint, actions.DeleteEndpoint, actions.MetaLevel:
			if !r.Relayed() {
				return appendActionChanges(changes, r, r.Action, r.Level)
			}
		}
	}
	return changes
}

// callAction returns what an action does at a level, after what is in calls.
func appendActionChanges(changes []presenceChange, r *vm.Record, a actions.Action, level uint32) []presenceChange {
	c := presenceChange{path: r.Path(), name: r.Name(), level: level}
	switch a := a.(type) {
	case actions.AddEndpoint:
		c.op = opened
		c.named(a.ID)
		c.as(a.Role)
	case actions.ReplaceEndpoint:
		c.op = moved
		c.named(a.ID)
		c.as(a.Role)
	case actions.DeleteEndpoint:
		c.op = closed
		c.named(a.ID)
		c.why = text.ReasonText(a.Reason)
	case actions.MetaLevel:
		for leaf := range actions.Leaves(a.Action) {
			changes = appendActionChanges(changes, r, leaf, level+1)
		}
		return changes
	default:
		return changes
	}
	return append(changes, c)
}

func appendPresenceChange(dst []byte, seq uint64, r *presenceChange) []byte {
	dst = append(dst, byte(presenceEntry))
	dst = binary.AppendUvarint(dst, seq)
	dst = append(dst, byte(r.op))
	dst = appendPath(dst, r.path)
	dst = appendText(dst, r.name)
	dst = binary.AppendUvarint(dst, uint64(r.level))
	dst = appendText(dst, r.id)
	dst = appendText(dst, r.role)
	dst = appendText(dst, r.why)
	return binary.LittleEndian.AppendUint64(dst, uint64(r.sum))
}

func readPresenceChange(s *scanner) (seq uint64, r presenceChange) {
	seq = s.uint()
	r.op = presenceOp(s.byte())
	r.path = s.path()
	r.name = s.text()
	r.level = uint32(s.uint())
	r.id = s.text()
	r.role = s.text()
	r.why = s.text()
	if len(s.data) > 0 { // there is none in format 1
		r.sum = vm.Digest(s.fixed())
	}
	s.end()
	return seq, r
}
