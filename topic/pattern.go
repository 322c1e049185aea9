package topic

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// A Pattern is a set of messages of type M. Patterns are immutable values. The
// zero Pattern is the set of all messages of type M.
type Pattern[M any] struct{ p *pattern }

// All returns the pattern of all messages of type M. It panics if M is an
// interface type, because messages are routed by their dynamic type.
func All[M any]() Pattern[M] { return Pattern[M]{layoutFor[M]().all} }

// Where returns the pattern of the messages of type M for which all terms
// hold. It panics if the terms contradict each other, as [Pattern.Where] does.
func Where[M any](terms ...Term[M]) Pattern[M] { return Pattern[M]{}.Where(terms...) }

// Any is the topic of every message, whatever its type. Relays and inspectors use
// it. Their handlers get an [Erased].
var Any = Pattern[Erased]{&pattern{ref: new(Erased)}}

// Erased is the argument of handlers of endpoints about [Any]. It holds a message
// of any type, or the topic of a conversation about messages of any type.
type Erased struct {
	Message Message // the message, in handlers of messages; else the zero Message
	Topic   Topic   // the conversation, in handlers of presence and absence; else the zero Topic
}

// Where returns the pattern of the messages in p for which all terms hold. It
// panics if the terms, together with p, contradict each other: two pin one field to
// different values, a glob does not match a pinned value, or no string matches all
// globs of one field. The panic names the field.
func (p Pattern[M]) Where(terms ...Term[M]) Pattern[M] {
	old := p.pattern()
	for _, t := range terms {
		if t.set == nil && t.glob == "" {
			panic(fmt.Sprintf("topic: zero Term[%v]: make terms with Field.Is or topic.Glob", reflect.TypeFor[M]()))
		}
	}
	if len(terms) == 0 {
		return p
	}
	m := new(M)
	*m = *old.ref.(*M)
	r := &pattern{layout: old.layout, ref: m, pins: old.pins, globs: slices.Clip(old.globs)}
	for _, t := range terms {
		if t.set != nil {
			pinTo(r, t.leaves, m, t.set)
		}
		if t.glob != "" {
			t.leaves.each(func(i int) { r.globs = append(r.globs, leafGlob{i, t.glob}) })
		}
	}
	contradict(r.settleGlobs())
	return Pattern[M]{r}
}

// pinTo pins the leaves in set to the values that assign gives them. It panics if r
// pins one to another value. The example of r is m.
func pinTo[M any](r *pattern, set leafSet, m *M, assign func(*M)) {
	if r.pins&set != 0 {
		probe := new(M)
		assign(probe)
		contradict(r.agree(set, &pattern{layout: r.layout, ref: probe}))
	}
	assign(m)
	r.pins |= set
}

// agree returns an error if p pins a leaf in set to another value than q has.
func (p *pattern) agree(set leafSet, q *pattern) (err error) {
	(p.pins & set).each(func(i int) {
		if l := &p.layout.leaves[i]; err == nil && !l.equal(p.mem(), q.mem()) {
			was, is := shown.valueText(l.value(p.mem()), l.typ), shown.valueText(l.value(q.mem()), l.typ)
			err = fmt.Errorf("%s is pinned to %s and to %s", p.leafName(i), was, is)
		}
	})
	return err
}

// Topic returns p without its message type.
func (p Pattern[M]) Topic() Topic { return Topic{p.pattern()} }

func (p Pattern[M]) pattern() *pattern {
	if p.p == nil {
		return layoutFor[M]().all
	}
	return p.p
}

// Typed returns t as a pattern over M. It reports false if t is a topic of messages
// of another type, or the zero Topic. Only [Any] is a pattern over [Erased].
func Typed[M any](t Topic) (Pattern[M], bool) {
	if t.p == nil {
		return Pattern[M]{}, false
	}
	if _, ok := t.p.ref.(*M); !ok {
		return Pattern[M]{}, false
	}
	return Pattern[M](t), true
}

// Example returns an M whose pinned fields have their pinned values and whose
// open fields are zero. [Field.In] tells an open field from one that is pinned
// to zero. For a pattern over tuples, open parts are [Wild].
func (p Pattern[M]) Example() M { return *p.pattern().ref.(*M) }

// Intersect returns the pattern of the messages in both p and q. It reports
// false if there are none.
func (p Pattern[M]) Intersect(q Pattern[M]) (Pattern[M], bool) {
	r := p.pattern().intersect(q.pattern())
	return Pattern[M]{r}, r != nil
}

// Matches reports whether m is in p.
func (p Pattern[M]) Matches(m M) bool { return p.Topic().Matches(Refer(&m)) }

// String describes p for people, as [Topic.String] does.
func (p Pattern[M]) String() string { return p.Topic().String() }

// A Selection is a set of fields of some message type, for [Topic.Project]. The zero
// Selection has all fields.
type Selection struct {
	leaves leafSet
	some   bool
}

// Select returns the selection of the given fields; of all fields if none is given.
// It panics if one is the zero [Field].
func Select[M any](keys ...Key[M]) Selection {
	var s Selection
	for _, k := range keys {
		s.leaves |= k.key()
		s.some = true
	}
	return s
}

// Paths returns the paths of the fields of s in a message type, as [Constraint] has
// them, one for each basic value. It reports false if s has all fields, and nil if
// there are none.
func (s Selection) Paths(t reflect.Type) (paths []string, some bool) {
	if !s.some {
		return nil, false
	}
	l := layoutOf(t)
	s.leaves.each(func(i int) {
		if i < len(l.leaves) {
			paths = append(paths, l.leaves[i].path)
		}
	})
	return paths, true
}

// SelectionOf returns the selection of the fields with the given paths in a message
// type: the inverse of [Selection.Paths]. The error says which path is none.
func SelectionOf(t reflect.Type, paths ...string) (Selection, error) {
	l := layoutOf(t)
	s := Selection{some: true}
	for _, path := range paths {
		i := slices.IndexFunc(l.leaves, func(f leaf) bool { return f.path == path })
		if i < 0 || i >= maxLeaves {
			return Selection{}, fmt.Errorf("topic: %v has no value at %q that can be selected", t, path)
		}
		s.leaves |= 1 << i
	}
	return s, nil
}

// Project returns t with all fields open that are not in s. The fields in s must be
// of the message type of t. Topics of tuples, and [Any], have no fields: Project
// returns them unchanged.
func (t Topic) Project(s Selection) Topic {
	if !s.some || t.p == nil || t.p.isAny() || t.p.isTuple() {
		return t
	}
	if t.p.pins&^s.leaves == 0 && !slices.ContainsFunc(t.p.globs, func(g leafGlob) bool { return !s.leaves.has(g.leaf) }) {
		return t
	}
	r := &pattern{layout: t.p.layout, pins: t.p.pins & s.leaves, ref: reflect.New(t.p.layout.typ).Interface()}
	r.pins.each(func(i int) { r.layout.leaves[i].copy(r.mem(), t.p.mem()) })
	for _, g := range t.p.globs {
		if s.leaves.has(g.leaf) {
			r.globs = append(r.globs, g)
		}
	}
	return Topic{r}
}

// settleGlobs brings the globs into their canonical form. The error says that no string
// matches all globs of a leaf, or that one does not match the pinned value.
func (p *pattern) settleGlobs() error {
	var open []leafGlob
	for _, g := range p.globs {
		switch {
		case p.pins.has(g.leaf):
			if s := p.textAt(g.leaf); !globMatch(g.glob, s) {
				typ := p.layout.leaves[g.leaf].typ
				return fmt.Errorf("%s is pinned to %s, which does not match %s", p.leafName(g.leaf), shown.globText(s, typ), shown.globText(g.glob, typ))
			}
		case strings.Trim(g.glob, "*") != "":
			open = append(open, g)
		}
	}
	p.globs = sortGlobs(open)
	for _, g := range p.globs {
		if all := p.globsAt(g.leaf); len(all) > 1 && !globsMeet(all) {
			texts := make([]string, len(all))
			for i, glob := range all {
				texts[i] = shown.globText(glob, p.layout.leaves[g.leaf].typ)
			}
			return fmt.Errorf("no %s matches all of %s", p.leafName(g.leaf), texts)
		}
	}
	return nil
}

// contradict panics if there is an error, which says how terms contradict each other.
func contradict(err error) {
	if err != nil {
		panic(fmt.Sprintf("topic: contradiction: %v: drop one of the terms, or make a pattern of each, because Intersect reports false where Where panics", err))
	}
}

func (p *pattern) leafName(i int) string {
	return join(p.layout.typ.String(), p.layout.leaves[i].path)
}

func sortGlobs(globs []leafGlob) []leafGlob {
	slices.SortFunc(globs, func(a, b leafGlob) int {
		return cmp.Or(cmp.Compare(a.leaf, b.leaf), cmp.Compare(a.glob, b.glob))
	})
	return slices.Compact(globs)
}
