package topic

import (
	"fmt"
	"reflect"
)

// A Mismatch is a part of a message that does not fit a topic.
type Mismatch struct {
	Path string // of the part in the message type, as in Go: To.Port, "" for the whole; [1] in a tuple
	Want string // the text of the pinned value, or of the glob: ~"t*"
	Got  string // the text of the part
}

// Mismatches returns the parts of m that do not fit t, in the order of the parts in
// the message type. It returns nil if m matches t, and also if m has another type
// than the messages of t, or is a tuple of another length.
func (t Topic) Mismatches(m Message) (found []Mismatch) {
	if t.p == nil || m.ref == nil || t.p.isAny() || t.p.layout.id != identity(&m.ref) {
		return nil
	}
	if t.p.isTuple() {
		return tupleMismatches(t.p, *m.ref.(*Tuple))
	}
	// The message as a topic that pins the same parts.
	pins := t.p.pins
	for _, g := range t.p.globs {
		pins |= 1 << g.leaf
	}
	theirs := Topic{&pattern{layout: t.p.layout, ref: m.ref, pins: pins}}.Constraints()
	for _, c := range t.Constraints() {
		for _, d := range theirs {
			switch {
			case c.Path != d.Path:
			case c.Glob != "":
				if !globMatch(c.Glob, reflect.ValueOf(d.Value).String()) {
					found = append(found, Mismatch{c.Path, "~" + c.text, d.text})
				}
			case c.Value != d.Value:
				found = append(found, Mismatch{c.Path, c.text, d.text})
			}
		}
	}
	return found
}

func tupleMismatches(p *pattern, m Tuple) (found []Mismatch) {
	if p.pins == 0 || len(p.tuple()) != len(m) {
		return nil
	}
	for i, v := range p.tuple() {
		if !tupleMatches(Tuple{v}, Tuple{m[i]}) {
			found = append(found, Mismatch{fmt.Sprintf("[%d]", i), partText(v), partText(m[i])})
		}
	}
	return found
}

// partText returns the text of a part of a tuple.
func partText(v any) string {
	switch v := v.(type) {
	case wildcard:
		return string(v)
	case Tuple:
		return v.text(shown)
	}
	return shown.valueText(v, nil)
}
