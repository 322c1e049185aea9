package journal

import (
	"encoding/binary"
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/internal/describe"
	"github.com/go-marketplace/marketplace/vm"
)

// A rollCall is what a journal notes of endpoints that come and go, so that
// presence can be told from the journal alone.
type rollCall struct {
	op    rollOp
	path  vm.Path
	name  string // of the process
	level uint32 // of the endpoint: 0 where the process lives
	id    string // of the endpoint; empty if it has none
	role  string // of the endpoint, for opened
	why   string // the reason, for closed and gone
}

type rollOp byte

const (
	opened rollOp = iota + 1 // an endpoint has come, or has got another handler
	moved                    // an endpoint has another role now, or has come
	closed                   // an endpoint has gone, if it was there
	gone                     // a process has gone, and all in it
)

// String describes r for people.
func (r *rollCall) String() string {
	who := describe.Label(r.path, r.name)
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
func (r *rollCall) equal(o *rollCall) bool {
	return r.op == o.op && r.path.String() == o.path.String() && r.name == o.name && r.level == o.level &&
		r.id == o.id && r.role == o.role && r.why == o.why
}

// callAll returns all endpoints that a machine has, after what is in calls.
func callAll(calls []rollCall, m *vm.Machine) []rollCall {
	for info := range m.Processes() {
		for _, e := range info.Endpoints {
			c := rollCall{op: opened, path: info.Path, name: info.Name, level: e.Level, role: e.Role.String()}
			if e.ID != nil {
				c.id = describe.Value(e.ID)
			}
			calls = append(calls, c)
		}
	}
	return calls
}

// callRoll returns what a record says of endpoints that come and go, after those
// in calls.
func callRoll(calls []rollCall, r *vm.Record) []rollCall {
	switch r.Kind {
	case vm.Ended, vm.Collected:
		c := rollCall{op: gone, path: r.Path(), name: r.Name()}
		c.why = describe.Reason(r.Reason)
		return append(calls, c)
	case vm.Performed:
		switch r.Action.(type) {
		case actions.AddEndpoint, actions.ReplaceEndpoint, actions.DeleteEndpoint, actions.MetaLevel:
			if !r.Relayed() {
				return callAction(calls, r, r.Action, r.Level)
			}
		}
	}
	return calls
}

// callAction returns what an action does at a level, after what is in calls.
func callAction(calls []rollCall, r *vm.Record, a actions.Action, level uint32) []rollCall {
	call := func(op rollOp, id actions.EndpointID) *rollCall {
		c := rollCall{op: op, path: r.Path(), name: r.Name(), level: level}
		if id != nil {
			c.id = describe.Value(id)
		}
		calls = append(calls, c)
		return &calls[len(calls)-1]
	}
	switch a := a.(type) {
	case actions.AddEndpoint:
		call(opened, a.ID).role = a.Role.String()
	case actions.ReplaceEndpoint:
		call(moved, a.ID).role = a.Role.String()
	case actions.DeleteEndpoint:
		call(closed, a.ID).why = describe.Reason(a.Reason)
	case actions.MetaLevel:
		for leaf := range actions.Leaves(a.Action) {
			calls = callAction(calls, r, leaf, level+1)
		}
	}
	return calls
}

func appendRollCall(dst []byte, seq uint64, r *rollCall) []byte {
	dst = append(dst, byte(rollEntry))
	dst = binary.AppendUvarint(dst, seq)
	dst = append(dst, byte(r.op))
	dst = appendPath(dst, r.path)
	dst = appendText(dst, r.name)
	dst = binary.AppendUvarint(dst, uint64(r.level))
	dst = appendText(dst, r.id)
	dst = appendText(dst, r.role)
	return appendText(dst, r.why)
}

func readRollCall(s *scanner) (seq uint64, r rollCall) {
	seq = s.uint()
	r.op = rollOp(s.byte())
	r.path = s.path()
	r.name = s.text()
	r.level = uint32(s.uint())
	r.id = s.text()
	r.role = s.text()
	r.why = s.text()
	s.end()
	return seq, r
}
