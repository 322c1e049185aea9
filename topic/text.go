package topic

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unsafe"
)

// String returns the canonical text of t: equivalent topics made of the same
// terms have the same text. Texts of other topics differ, provided that values
// with String methods have different texts, and types different names.
//
//	chat.Says{}                       all messages of the type
//	chat.Says{Who: "tony"}            a pinned field; the rest is open
//	chat.Says{Who: ~"t*"}             a glob
//	("says", _, 3)                    a tuple
//	any                               every message
func (t Topic) String() string {
	switch {
	case t.p == nil:
		return "none"
	case t.p.isAny():
		return "any"
	case t.p.isTuple() && t.p.pins != 0:
		return t.p.tuple().String()
	}
	var b strings.Builder
	b.WriteString(t.p.layout.typ.String())
	b.WriteByte('{')
	for i, c := range t.Constraints() {
		if i > 0 {
			b.WriteString(", ")
		}
		if c.Path != "" {
			b.WriteString(c.Path + ": ")
		}
		if c.Glob != "" {
			b.WriteString("~" + strconv.Quote(c.Glob))
		} else {
			b.WriteString(c.text)
		}
	}
	b.WriteByte('}')
	return b.String()
}

// A Constraint is what a topic says of one part of a message: its value, or
// else a glob that it matches.
type Constraint struct {
	Path  string // of the part in the message type, as in Go: To.Port
	Value any    // nil for a glob
	Glob  string // "" for a value

	text string
}

// Constraints returns what t asks for, in the order of the parts in the
// message type: the canonical form of a topic, as data. It is empty for tuples
// and for [Any].
func (t Topic) Constraints() []Constraint {
	if t.p == nil || t.p.isAny() || t.p.isTuple() {
		return nil
	}
	return t.p.constraints(nil, t.p.layout.typ, "", 0)
}

// constraints appends what p says of the part of type typ at offset. A pinned
// part that can describe itself is left in one piece.
func (p *pattern) constraints(cs []Constraint, typ reflect.Type, path string, offset uintptr) []Constraint {
	switch {
	case typ.Kind() == reflect.Struct:
		if c, ok := p.whole(typ, path, offset); ok {
			return append(cs, c)
		}
		for f := range fields(typ) {
			cs = p.constraints(cs, f.Type, join(path, f.Name), offset+f.Offset)
		}
	case typ.Kind() == reflect.Array && typ.Len() <= maxArray:
		for i := range typ.Len() {
			cs = p.constraints(cs, typ.Elem(), fmt.Sprintf("%s[%d]", path, i), offset+uintptr(i)*typ.Elem().Size())
		}
	default:
		for i, l := range p.layout.leaves {
			if l.offset != offset || l.path != path || i >= maxLeaves {
				continue
			}
			if p.pins.has(i) {
				v := l.value(p.mem())
				cs = append(cs, Constraint{Path: path, Value: v, text: valueText(v, l.typ)})
			}
			for _, g := range p.globsAt(i) {
				cs = append(cs, Constraint{Path: path, Glob: g})
			}
		}
	}
	return cs
}

// whole returns the constraint for a pinned struct that is not to be taken to
// pieces. A message type is, if there are exported fields in it, so that its
// topics all look alike.
func (p *pattern) whole(typ reflect.Type, path string, offset uintptr) (Constraint, bool) {
	if !isWhole(typ) || path == "" && slices.ContainsFunc(slices.Collect(fields(typ)), reflect.StructField.IsExported) {
		return Constraint{}, false
	}
	some := false
	for i, l := range p.layout.leaves {
		if l.offset >= offset && l.offset < offset+typ.Size() {
			if !p.pins.has(i) {
				return Constraint{}, false
			}
			some = true
		}
	}
	if !some {
		return Constraint{}, false
	}
	v := reflect.NewAt(typ, unsafe.Add(p.mem(), offset)).Elem().Interface()
	return Constraint{Path: path, Value: v, text: valueText(v, typ)}, true
}

// String returns the text of a tuple: ("says", _, 3).
func (t Tuple) String() string {
	var b strings.Builder
	b.WriteByte('(')
	for i, v := range t {
		if i > 0 {
			b.WriteString(", ")
		}
		switch v := v.(type) {
		case wildcard:
			b.WriteString(string(v))
		case Tuple:
			b.WriteString(v.String())
		default:
			b.WriteString(valueText(v, nil))
		}
	}
	if len(t) == 1 {
		b.WriteByte(',')
	}
	b.WriteByte(')')
	return b.String()
}
