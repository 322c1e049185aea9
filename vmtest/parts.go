package vmtest

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/internal/text"
	"github.com/go-marketplace/marketplace/topic"
)

// A part is a basic value inside a value: its path, and a text that is different for
// different values.
type part struct{ path, text string }

// maxParts is the largest number of parts of a value that can be compared.
const maxParts = 1 << 16

// A survey lists the parts that can be reached from a value, in an order that depends
// on the value alone. Two surveys are equal if the values were equal when they were
// made. A survey does not refer to the value.
type survey struct {
	parts  []part
	spare  bool           // include what is between the length and the capacity of slices
	boots  bool           // include the processes that actions spawn
	full   bool           // the value has too many parts
	within map[visit]bool // the pointers, slices and maps around the current part
}

type visit struct {
	at  uintptr
	len int
	typ reflect.Type
}

func newSurvey() *survey { return &survey{within: map[visit]bool{}} }

func (s *survey) add(path, text string) {
	if len(s.parts) >= maxParts {
		s.full = true
		return
	}
	s.parts = append(s.parts, part{path, text})
}

// whole surveys v, and its type.
func (s *survey) whole(path string, v any) { s.value(path, reflect.ValueOf(&v).Elem()) }

// value surveys v, which is found at path.
func (s *survey) value(path string, v reflect.Value) {
	if s.full {
		return
	}
	if v.CanInterface() && v.Kind() != reflect.Interface {
		switch x := v.Interface().(type) {
		case topic.Topic:
			s.add(path, x.String())
			return
		case time.Time:
			s.add(path, x.String())
			return
		case actions.SpawnProcess:
			s.spawn(path, x)
		}
	}
	if basic, ok := text.Basic(v); ok {
		s.add(path, basic)
		if s.spare && v.Kind() == reflect.Slice && v.Cap() > v.Len() { // of bytes
			s.add(path+beyond, strconv.Quote(string(v.Slice(v.Len(), v.Cap()).Bytes())))
		}
		return
	}
	switch v.Kind() {
	case reflect.Interface:
		if v.IsNil() {
			s.add(path, "nil")
			return
		}
		s.value(path, v.Elem())
		s.add("the type of "+path, v.Elem().Type().String())
	case reflect.Pointer:
		switch {
		case v.IsNil():
			s.add(path, "nil")
		case text.Known(v.Type()):
			s.add(path, fmt.Sprintf("%s at %#x", v.Type(), v.Pointer()))
		default:
			s.inside(path, visit{v.Pointer(), 0, v.Type()}, func() { s.value(path, v.Elem()) })
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; name != "_" {
				s.value(path+"."+name, v.Field(i))
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			s.value(fmt.Sprintf("%s[%d]", path, i), v.Index(i))
		}
	case reflect.Slice:
		s.inside(path, visit{v.Pointer(), v.Len(), v.Type()}, func() { s.slice(path, v) })
	case reflect.Map:
		s.inside(path, visit{v.Pointer(), 0, v.Type()}, func() { s.mapping(path, v) })
	}
}

// inside calls f to survey what is at v, unless that is being surveyed already.
func (s *survey) inside(path string, v visit, f func()) {
	if s.within[v] {
		s.add(path, "what it is part of")
		return
	}
	s.within[v] = true
	f()
	delete(s.within, v)
}

const beyond = " (beyond its length)"

func (s *survey) slice(path string, v reflect.Value) {
	for i := range v.Len() {
		s.value(fmt.Sprintf("%s[%d]", path, i), v.Index(i))
	}
	s.add("the length of "+path, strconv.Itoa(v.Len()))
	if s.spare {
		rest := v.Slice(v.Len(), v.Cap())
		for i := range rest.Len() {
			s.value(fmt.Sprintf("%s[%d]%s", path, v.Len()+i, beyond), rest.Index(i))
		}
	}
}

func (s *survey) mapping(path string, v reflect.Value) {
	if v.Len() > maxParts {
		s.full = true
		return
	}
	entries := make([][]part, 0, v.Len())
	for k, e := range v.Seq2() {
		entry := &survey{spare: s.spare, boots: s.boots, within: s.within}
		entry.value(path+"["+text.Reflect(k)+"]", e)
		s.full = s.full || entry.full
		entries = append(entries, entry.parts)
	}
	slices.SortFunc(entries, func(a, b []part) int { return slices.CompareFunc(a, b, compareParts) })
	for _, e := range slices.Concat(entries...) {
		s.add(e.path, e.text)
	}
	s.add("the length of "+path, strconv.Itoa(v.Len()))
}

func compareParts(a, b part) int {
	return cmp.Or(strings.Compare(a.path, b.path), strings.Compare(a.text, b.text))
}

// spawn surveys the first transition of the process that an action spawns, but not
// the processes that this one spawns, because there may be no end to that.
func (s *survey) spawn(path string, a actions.SpawnProcess) {
	if !s.boots || a.Boot == nil {
		return
	}
	s.boots = false
	defer func() { s.boots = true }()
	state, as, panicked := attempt(func() (any, actions.Action) { return a.Boot(0).Erase() })
	if panicked != nil {
		return // the machine reports it when the process starts
	}
	s.outcome(path+" as spawned: ", state, as)
}

// outcome surveys the results of a transition function.
func (s *survey) outcome(path string, state any, as actions.Action) {
	s.whole(path+"state", state)
	i := 0
	for a := range actions.Leaves(as) {
		i++
		at := fmt.Sprintf("%saction %d", path, i)
		s.add(at, fmt.Sprint(a))
		s.whole(at, a)
	}
}

// attempt calls f, and reports the value with which it panics, or nil.
func attempt(f func() (any, actions.Action)) (state any, as actions.Action, panicked any) {
	returned := false
	defer func() {
		if !returned {
			panicked = recover()
		}
	}()
	state, as = f()
	returned = true
	return state, as, nil
}

// difference returns the first part in which two surveys differ, and what it is
// in each.
func difference(a, b *survey) (path, inA, inB string, differ bool) {
	if a.full || b.full {
		return "", "", "", false
	}
	at := func(s *survey, i int) part {
		if i < len(s.parts) {
			return s.parts[i]
		}
		return part{"", "nothing"}
	}
	for i := range max(len(a.parts), len(b.parts)) {
		x, y := at(a, i), at(b, i)
		if x == y {
			continue
		}
		if x.path != y.path && x.path != "" && y.path != "" {
			// One survey lacks a part of the other.
			if slices.ContainsFunc(b.parts[i:], func(p part) bool { return p.path == x.path }) {
				return y.path, "nothing", abridge(y.text, ""), true
			}
			return x.path, abridge(x.text, ""), "nothing", true
		}
		return cmp.Or(x.path, y.path), abridge(x.text, y.text), abridge(y.text, x.text), true
	}
	return "", "", "", false
}

// abridge shortens s, if it is long, to the part where it begins to differ from
// other.
func abridge(s, other string) string {
	const most, context = 200, 20
	if len(s) <= most {
		return s
	}
	same := 0
	for same < len(s) && same < len(other) && s[same] == other[same] {
		same++
	}
	from := max(0, min(same, len(s)-most)-context)
	s = s[from:min(len(s), from+most)]
	if from > 0 {
		s = "…" + s
	}
	return strings.ToValidUTF8(s, "") + "…"
}
