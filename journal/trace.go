package journal

import (
	"encoding/binary"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/internal/text"
	"github.com/go-marketplace/marketplace/journal/internal/fingerprint"
	"github.com/go-marketplace/marketplace/vm"
)

// A step is one result of an input: an event that a process got, an action that was
// performed, a command, or the state of a process after the input.
type step struct {
	path vm.Path   // of the process; empty for what concerns the machine
	name string    // of the process
	sum  vm.Digest // of the content of the step
	text string    // for people, abridged
}

// who reports whether s and o are about the same process.
func (s *step) who(o *step) bool { return slices.Equal(s.path, o.path) && s.name == o.name }

// maxStepText is the limit for the text of a step in a journal, in bytes.
const maxStepText = 200

// newStep returns the step for a record. It makes the text only if described is true,
// because a replay needs the text only of a step that differs.
func newStep(r *vm.Record, v fingerprint.Version, buf []byte, described bool) (step, []byte) {
	s := step{path: r.Path(), name: r.Name()}
	kind := r.Kind
	if kind == vm.Resumed {
		kind = vm.Told // the former kind of such records, which old traces have in their sums
	}
	buf = append(buf[:0], byte(kind), byte(r.Level))
	switch {
	case r.Kind == vm.Resumed:
		buf = v.Append(buf, &actions.Event{Kind: resumedEvent})
	case r.Event != nil:
		buf = v.Append(buf, r.Event)
	case r.Action != nil:
		buf = v.Append(buf, r.Action)
	}
	if r.Reason != nil {
		buf = v.Append(buf, r.Reason)
	}
	if r.Kind == vm.Commanded {
		c := &r.Command
		s.path = c.Address.Path
		buf = append(buf, byte(c.Kind), flag(c.Paused, 1))
		buf = binary.AppendUvarint(buf, c.Address.Generation)
		buf = append(buf, c.Address.Device.DeviceName()...)
		buf = v.Append(buf, c.Value)
	}
	for _, pid := range s.path {
		s.sum = s.sum.Mix(uint64(pid))
	}
	buf = append(buf, s.name...)
	s.sum = s.sum.MixBytes(buf)
	s.name = noted(s.name)
	if described {
		s.text = describe(r)
	}
	return s, buf
}

// resumedEvent is the kind of the event that stands for vm.Resumed in a sum.
const resumedEvent actions.EventKind = 9

// brief has a limit a little above that of texts in a journal.
var brief = text.Printer{Limits: text.Limits{Bytes: 2 * maxStepText}}

// describe returns the text of a step.
func describe(r *vm.Record) string { return abridged(brief.Text(r.Describe)) }

// abridged returns text, cut to the limit of texts in a journal.
func abridged(text string) string {
	if len(text) <= maxStepText {
		return text
	}
	cut := maxStepText
	for cut > 0 && text[cut]&0xc0 == 0x80 {
		cut-- // in the middle of a character
	}
	return text[:cut] + "…"
}

// traced reports whether a record is a step.
func traced(r *vm.Record) bool { return r.Kind != vm.Entered }

func appendTrace(dst []byte, seq uint64, steps []step) []byte {
	dst = append(dst, byte(traceEntry))
	dst = binary.AppendUvarint(dst, seq)
	dst = binary.AppendUvarint(dst, uint64(len(steps)))
	for i := range steps {
		s := &steps[i]
		dst = appendPath(dst, s.path)
		dst = appendText(dst, s.name)
		dst = binary.LittleEndian.AppendUint64(dst, uint64(s.sum))
		dst = appendText(dst, s.text)
	}
	return dst
}

func readTrace(s *scanner) (seq uint64, steps []step) {
	seq = s.uint()
	n := s.length(11)
	steps = make([]step, 0, min(n, 64))
	for range n {
		steps = append(steps, step{s.path(), s.text(), vm.Digest(s.fixed()), s.text()})
	}
	s.end()
	return seq, slices.Clip(steps)
}

func appendCheck(dst []byte, seq uint64, d vm.Digest) []byte {
	dst = append(dst, byte(checkEntry))
	dst = binary.AppendUvarint(dst, seq)
	return binary.LittleEndian.AppendUint64(dst, uint64(d))
}
