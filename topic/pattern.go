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
// hold. It panics if that is none because the terms contradict each other, as
// [Pattern.Where] does.
func Where[M any](terms ...Term[M]) Pattern[M] { return Pattern[M]{}.Where(terms...) }

// Any is the topic of every message, whatever its type. It is for those who
// pass messages on or look at them, such as relays and spies: what their
// handlers get is an [Erased].
var Any = Pattern[Erased]{&pattern{ref: new(Erased)}}

// Erased is what a handler gets that takes part in conversations about [Any]:
// a message, or else the topic of a conversation, of a type that is not known.
type Erased struct {
	Message Message // for messages
	Topic   Topic   // for presence and absence
}

// Where returns the part of p for which all terms hold as well. It panics if
// two of the terms pin the same field to different values, or one pins what
// another excludes, and says which.
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
	r.settleGlobs()
	return Pattern[M]{r}
}

// pinTo gives the leaves in set the values that assign gives them. The example m
// is the one of r.
func pinTo[M any](r *pattern, set leafSet, m *M, assign func(*M)) {
	both := r.pins & set
	if both == 0 {
		assign(m)
		r.pins |= set
		return
	}
	probe := new(M)
	assign(probe)
	next := &pattern{layout: r.layout, ref: probe}
	both.each(func(i int) {
		if l := &r.layout.leaves[i]; !l.equal(r.mem(), next.mem()) {
			was, is := shown.valueText(l.value(r.mem()), l.typ), shown.valueText(l.value(next.mem()), l.typ)
			contradict("%s is pinned to %s and to %s", r.leafName(i), was, is)
		}
	})
	assign(m)
	r.pins |= set
}

// Topic returns p without its message type.
func (p Pattern[M]) Topic() Topic { return Topic{p.pattern()} }

func (p Pattern[M]) pattern() *pattern {
	if p.p == nil {
		return layoutFor[M]().all
	}
	return p.p
}

// Typed returns t as a pattern over M, if it is one. Only [Any] is one over
// [Erased].
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

// String returns the canonical text of p, as [Topic.String] does.
func (p Pattern[M]) String() string { return p.Topic().String() }

// A Selection is a set of fields of some message type. It says which part of a
// conversation matters. The zero Selection is all of it.
type Selection struct {
	leaves leafSet
	some   bool
}

// Select returns the selection of the given fields.
func Select[M any](keys ...Key[M]) Selection {
	var s Selection
	for _, k := range keys {
		s.leaves |= k.key()
		s.some = true
	}
	return s
}

// Project returns the topic that is like t in the selected fields, which are of
// its message type, and open in all others. Tuples and [Any] have no fields:
// they stay as they are.
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

// settleGlobs brings the globs into their canonical form, and panics if they
// exclude each other or what is pinned.
func (p *pattern) settleGlobs() {
	var open []leafGlob
	for _, g := range p.globs {
		switch {
		case p.pins.has(g.leaf):
			if s := p.textAt(g.leaf); !globMatch(g.glob, s) {
				typ := p.layout.leaves[g.leaf].typ
				contradict("%s is pinned to %s, which does not match %s", p.leafName(g.leaf), shown.globText(s, typ), shown.globText(g.glob, typ))
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
			contradict("no %s matches all of %s", p.leafName(g.leaf), texts)
		}
	}
}

func contradict(format string, args ...any) {
	panic(fmt.Sprintf("topic: contradiction: "+format+": drop one of the terms, or make a pattern of each, because Intersect reports false where Where panics", args...))
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
