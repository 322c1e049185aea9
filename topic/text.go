package topic

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unsafe"

	"github.com/go-marketplace/marketplace/topic/selftext"
)

// String describes t for people.
//
//	chat.Says{}                       all messages of the type
//	chat.Says{Who: "tony"}            a pinned field; the rest is open
//	chat.Says{Who: ~"t*"}             a glob
//	("says", _, 3)                    a tuple
//	any                               every message
//
// A value is shown as its type shows it: by LogValue, Format, Error, String or
// GoString. So a type that hides a secret hides it here, and topics that differ in
// nothing else have the same text; see [Topic.Canonical]. Of a struct of which only
// some fields are pinned, those are shown by their own types.
func (t Topic) String() string { return t.text(shown) }

// Canonical returns the text of t for machines. Equivalent topics made of the same
// terms have the same text. Topics that are not equivalent have different texts,
// provided that different values with String or Error methods have different texts,
// and different types different names. Strings are written as they are: do not show
// the text to people, because it contains what a type of strings hides.
func (t Topic) Canonical() string { return t.text(exact) }

func (t Topic) text(s style) string {
	switch {
	case t.p == nil:
		return "none"
	case t.p.isAny():
		return "any"
	case t.p.isTuple() && t.p.pins != 0:
		return t.p.tuple().text(s)
	}
	var b strings.Builder
	b.WriteString(selftext.NameOf(t.p.layout.typ))
	b.WriteByte('{')
	for i, c := range t.constraints(s) {
		if i > 0 {
			b.WriteString(", ")
		}
		if c.Path != "" {
			b.WriteString(c.Path + ": ")
		}
		if c.Glob != "" {
			b.WriteByte('~')
		}
		b.WriteString(c.text)
	}
	b.WriteByte('}')
	return b.String()
}

// A Constraint is a condition of a topic on one part of a message: the part has a
// value, or matches a glob.
type Constraint struct {
	Path  string // of the part in the message type, as in Go: To.Port; "" for the whole
	Value any    // nil for a glob
	Glob  string // "" for a value

	text string
}

// Constraints returns the conditions of t, in the order of the parts in the message
// type. A pinned part that describes itself is one constraint. The result is empty
// for topics of tuples and for [Any].
func (t Topic) Constraints() []Constraint { return t.constraints(shown) }

func (t Topic) constraints(s style) []Constraint {
	if t.p == nil || t.p.isAny() || t.p.isTuple() {
		return nil
	}
	return t.p.constraints(s, nil, t.p.layout.typ, "", 0)
}

// constraints appends the conditions of p on the part of type typ at offset. A
// pinned part that describes itself is one constraint.
func (p *pattern) constraints(s style, cs []Constraint, typ reflect.Type, path string, offset uintptr) []Constraint {
	composite := typ.Kind() == reflect.Struct || s == shown && typ.Kind() == reflect.Array && typ.Len() <= maxArray
	if composite {
		if c, ok := p.whole(s, typ, path, offset); ok {
			return append(cs, c)
		}
	}
	switch {
	case typ.Kind() == reflect.Struct:
		for f := range fields(typ) {
			cs = p.constraints(s, cs, f.Type, join(path, f.Name), offset+f.Offset)
		}
	case typ.Kind() == reflect.Array && typ.Len() <= maxArray:
		for i := range typ.Len() {
			cs = p.constraints(s, cs, typ.Elem(), fmt.Sprintf("%s[%d]", path, i), offset+uintptr(i)*typ.Elem().Size())
		}
	default:
		for i, l := range p.layout.leaves {
			if l.offset != offset || l.path != path || i >= maxLeaves {
				continue
			}
			if p.pins.has(i) {
				v := l.value(p.mem())
				cs = append(cs, Constraint{Path: path, Value: v, text: s.valueText(v, l.typ)})
			}
			for _, g := range p.globsAt(i) {
				cs = append(cs, Constraint{Path: path, Glob: g, text: s.globText(g, l.typ)})
			}
		}
	}
	return cs
}

// globText returns the text of a glob for values of type typ. A type that hides its
// values also hides the glob.
func (s style) globText(glob string, typ reflect.Type) string {
	return s.valueText(reflect.ValueOf(glob).Convert(typ).Interface(), typ)
}

// whole returns the constraint for a pinned struct or array that is written as a
// whole. A message type with exported fields is always written part by part, so that
// all its topics have the same form.
func (p *pattern) whole(s style, typ reflect.Type, path string, offset uintptr) (Constraint, bool) {
	if !s.isWhole(typ) || path == "" && typ.Kind() == reflect.Struct && slices.ContainsFunc(slices.Collect(fields(typ)), reflect.StructField.IsExported) {
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
	return Constraint{Path: path, Value: v, text: s.valueText(v, typ)}, true
}

// String describes t for people, as [Topic.String] does: ("says", _, 3).
func (t Tuple) String() string { return t.text(shown) }

// Canonical returns the text of t for machines: see [Topic.Canonical].
func (t Tuple) Canonical() string { return t.text(exact) }

func (t Tuple) text(s style) string {
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
			b.WriteString(v.text(s))
		default:
			b.WriteString(s.valueText(v, nil))
		}
	}
	if len(t) == 1 {
		b.WriteByte(',')
	}
	b.WriteByte(')')
	return b.String()
}
