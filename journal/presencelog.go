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

// A presenceChange is an entry of the presence log: an endpoint that comes, moves or goes,
// or a process that goes. From the presence log a program can tell presence without the
// program that has written the journal.
type presenceChange struct {
	op    presenceOp
	path  vm.Path
	name  string // of the process
	level uint32 // of the endpoint: 0 where the process lives
	id    string // of the endpoint; empty if it has none
	role  string // of the endpoint, for opened
	why   string // the reason, for closed and gone

	// sum is the sum of the values that id and role describe. It does not depend on
	// the names of types, as these texts do. It is zero in format 1.
	sum vm.Digest
}

type presenceOp byte

const (
	opened presenceOp = iota + 1 // an endpoint is new, or has another handler
	moved                        // an endpoint has another role, or is new
	closed                       // an endpoint is closed, if it was there
	gone                         // a process has ended, with everything in it
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

// maxBuffer is how large scratch memory may be, in bytes, to be kept.
const maxBuffer = 1 << 20

// buffers are scratch memory for sums.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// named sets the name of the endpoint.
func (r *presenceChange) named(id actions.EndpointID) {
	if id != nil {
		r.id = noted(text.Value(id))
	}
	r.add(id)
}

// as sets the role of the endpoint.
func (r *presenceChange) as(role topic.Role) {
	r.role = noted(role.String())
	r.sum = r.sum.Mix(uint64(role.Orientation)<<8 | uint64(role.Interest))
	r.add(role.Topic)
}

// add adds a value to the sum.
func (r *presenceChange) add(v any) {
	buf := buffers.Get().(*[]byte)
	*buf = fingerprint.V2.Append((*buf)[:0], v)
	r.sum = r.sum.MixBytes(*buf)
	if cap(*buf) <= maxBuffer {
		buffers.Put(buf)
	}
}

// appendEndpoints appends all endpoints of a machine to changes.
func appendEndpoints(changes []presenceChange, m *vm.Machine) []presenceChange {
	for info := range m.Processes() {
		for _, e := range info.Endpoints {
			c := presenceChange{op: opened, path: info.Path, name: noted(info.Name), level: e.Level}
			c.named(e.ID)
			c.as(e.Role)
			changes = append(changes, c)
		}
	}
	return changes
}

// appendChanges appends the presence changes in a record to changes.
func appendChanges(changes []presenceChange, r *vm.Record) []presenceChange {
	switch r.Kind {
	case vm.Ended, vm.Collected:
		c := presenceChange{op: gone, path: r.Path(), name: noted(r.Name())}
		c.why = noted(text.ReasonText(r.Reason))
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

// appendActionChanges appends the presence changes that an action makes at a level to
// changes.
func appendActionChanges(changes []presenceChange, r *vm.Record, a actions.Action, level uint32) []presenceChange {
	c := presenceChange{path: r.Path(), name: noted(r.Name()), level: level}
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
		c.why = noted(text.ReasonText(a.Reason))
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
	// Before format 3 the texts can be longer.
	r.name = noted(s.text())
	r.level = uint32(s.uint())
	r.id = noted(s.text())
	r.role = noted(s.text())
	r.why = noted(s.text())
	if len(s.data) > 0 { // format 1 has none
		r.sum = vm.Digest(s.fixed())
	}
	s.end()
	return seq, r
}
