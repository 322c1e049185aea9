package topic_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/topic"
)

// An algebra is what the laws are about. There is one that is right; the others
// are there to see whether the laws notice.
type algebra struct {
	intersect func(t, u topic.Topic) (topic.Topic, bool)
	covers    func(t, u topic.Topic) bool
	ground    func(t topic.Topic) bool
	text      func(t topic.Topic) string
}

var theAlgebra = algebra{topic.Topic.Intersect, topic.Topic.Covers, topic.Topic.IsGround, topic.Topic.String}

// FuzzIntersect checks the laws of the algebra of topics by looking at every
// message of a small world. LL-06, B-M16.
func FuzzIntersect(f *testing.F) {
	for _, data := range someBytes(20, 60) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := theAlgebra.check(&source{data}); err != nil {
			t.Error(err)
		}
	})
}

// TestIntersectLawsNotice plants faults and checks that the laws catch them.
func TestIntersectLawsNotice(t *testing.T) {
	right := theAlgebra
	equivalent := topic.Topic.Equivalent
	faults := map[string]func(a *algebra){
		"intersection of what has nothing in common": func(a *algebra) {
			a.intersect = func(t, u topic.Topic) (topic.Topic, bool) {
				if r, ok := t.Intersect(u); ok {
					return r, true
				}
				return t, true
			}
		},
		"no intersection of what has something in common": func(a *algebra) {
			a.intersect = func(t, u topic.Topic) (topic.Topic, bool) {
				if r, ok := t.Intersect(u); ok && (equivalent(r, t) || equivalent(r, u)) {
					return r, true
				}
				return topic.Topic{}, false
			}
		},
		"intersection that forgets one side": func(a *algebra) {
			a.intersect = func(t, u topic.Topic) (topic.Topic, bool) {
				_, ok := t.Intersect(u)
				return t, ok
			}
		},
		"intersection that opens a field": func(a *algebra) {
			a.intersect = func(t, u topic.Topic) (topic.Topic, bool) {
				r, ok := t.Intersect(u)
				if r.MessageType() != nil {
					r = r.Project(topic.Select[parcel](to, kind, weight))
				}
				return r, ok
			}
		},
		"covers everything it meets": func(a *algebra) {
			a.covers = func(t, u topic.Topic) bool { _, ok := t.Intersect(u); return ok }
		},
		"covers the other way round": func(a *algebra) {
			a.covers = func(t, u topic.Topic) bool { return u.Covers(t) }
		},
		"covers only what has the same text": func(a *algebra) {
			a.covers = func(t, u topic.Topic) bool { return t.String() == u.String() }
		},
		"ground though something is open": func(a *algebra) {
			a.ground = func(t topic.Topic) bool { return len(t.Constraints()) > 3 }
		},
		"never ground": func(a *algebra) {
			a.ground = func(topic.Topic) bool { return false }
		},
		"text that lacks a part": func(a *algebra) {
			a.text = func(t topic.Topic) string { return t.Project(topic.Select[parcel](to, kind, weight)).String() }
		},
		"text that depends on how a topic came about": func(a *algebra) {
			n := 0
			a.text = func(t topic.Topic) string { n++; return fmt.Sprint(n) }
		},
	}
	inputs := someBytes(400, 60)
	for name, plant := range faults {
		t.Run(name, func(t *testing.T) {
			a := right
			plant(&a)
			if !slices.ContainsFunc(inputs, func(data []byte) bool { return a.check(&source{data}) != nil }) {
				t.Error("no law has noticed")
			}
		})
	}
}

// check builds topics as s has it, and returns an error that names a law which
// does not hold for them.
func (a algebra) check(s *source) error {
	if err := checkWhere(a, s.parcelTerms()); err != nil {
		return err
	}
	if err := checkWhere(a, s.labelTerms()); err != nil {
		return err
	}
	t, u, v := s.topic(), s.topic(), s.topic()
	both, ok := a.intersect(t, u)
	if err := a.checkIntersection(t, u, both, ok); err != nil {
		return err
	}
	if err := a.checkLaws(t, u, v); err != nil {
		return err
	}
	all := []topic.Topic{t, u, v}
	if ok {
		all = append(all, both)
	}
	sets := make([][]topic.Message, len(all))
	for i, t := range all {
		sets[i] = matched(t)
		if err := a.checkGround(t, sets[i]); err != nil {
			return err
		}
	}
	for i, t := range all {
		for j, u := range all {
			if err := a.checkPair(t, u, sets[i], sets[j]); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkWhere checks that Where is the intersection of its terms, or panics if
// there is none.
func checkWhere[M any](a algebra, terms []topic.Term[M]) error {
	want, ok := topic.All[M]().Topic(), true
	for _, t := range terms {
		if ok {
			want, ok = a.intersect(want, topic.Where(t).Topic())
		}
	}
	var got topic.Pattern[M]
	contradiction := panicOf(func() { got = topic.Where(terms...) })
	switch {
	case ok != (contradiction == ""):
		return fmt.Errorf("intersection of the terms: %v (%v), but Where: %v %s", want, ok, got, contradiction)
	case ok && a.text(want) != a.text(got.Topic()):
		return fmt.Errorf("intersection of the terms is %v, but Where is %v", want, got)
	}
	return nil
}

func matched(t topic.Topic) (ms []topic.Message) {
	for _, m := range everyMessage {
		if t.Matches(m) {
			ms = append(ms, m)
		}
	}
	return ms
}

// checkIntersection checks that both is what t and u have in common.
func (a algebra) checkIntersection(t, u, both topic.Topic, ok bool) error {
	some := false
	for _, m := range everyMessage {
		in := t.Matches(m) && u.Matches(m)
		if in != (ok && both.Matches(m)) {
			return fmt.Errorf("%v ∩ %v = %v (%v) is wrong about %v", t, u, both, ok, m)
		}
		some = some || in
	}
	if some != ok {
		return fmt.Errorf("%v ∩ %v = %v (%v), but messages in common: %v", t, u, both, ok, some)
	}
	return nil
}

func (a algebra) checkLaws(t, u, v topic.Topic) error {
	tu, ok1 := a.intersect(t, u)
	ut, ok2 := a.intersect(u, t)
	if err := a.same("commutative", tu, ut, ok1, ok2); err != nil {
		return err
	}
	tt, ok := a.intersect(t, t)
	if err := a.same("idempotent", tt, t, ok, true); err != nil {
		return err
	}
	uv, ok2 := a.intersect(u, v)
	left, right := topic.Topic{}, topic.Topic{}
	if ok1 {
		left, ok1 = a.intersect(tu, v)
	}
	if ok2 {
		right, ok2 = a.intersect(t, uv)
	}
	return a.same("associative", left, right, ok1, ok2)
}

// same checks that t and u are the same in every respect.
func (a algebra) same(law string, t, u topic.Topic, ok1, ok2 bool) error {
	if ok1 != ok2 || ok1 && (!t.Equivalent(u) || a.text(t) != a.text(u)) {
		return fmt.Errorf("not %s: %v (%v), but %v (%v)", law, t, ok1, u, ok2)
	}
	return nil
}

// checkGround checks that a topic is ground if it is of one message, and that
// if it is of one message it is ground, but for globs.
func (a algebra) checkGround(t topic.Topic, set []topic.Message) error {
	one := len(set) > 0 && !slices.ContainsFunc(set, func(m topic.Message) bool { return !equal(m, set[0]) })
	ground := a.ground(t)
	if ground && !one || one && !ground && !hasGlobs(t) {
		return fmt.Errorf("%v: ground is %v, but it matches %v", t, ground, set)
	}
	return nil
}

// equal reports whether two messages are the same as patterns see it.
func equal(m, n topic.Message) bool {
	if t, ok := topic.As[topic.Tuple](m); ok {
		u, ok := topic.As[topic.Tuple](n)
		return ok && topic.Like(t).Matches(u)
	}
	v, w := m.Value(), n.Value()
	return reflect.ValueOf(v).Comparable() && reflect.ValueOf(w).Comparable() && v == w
}

// pinsGlobbed reports whether t pins a part for which u has globs. If these
// leave a single text, then they are as good as open for Covers.
func pinsGlobbed(t, u topic.Topic) bool {
	return slices.ContainsFunc(t.Constraints(), func(c topic.Constraint) bool {
		return c.Glob == "" && slices.ContainsFunc(u.Constraints(), func(d topic.Constraint) bool {
			return d.Glob != "" && d.Path == c.Path
		})
	})
}

func hasGlobs(t topic.Topic) bool {
	return slices.ContainsFunc(t.Constraints(), func(c topic.Constraint) bool { return c.Glob != "" })
}

// checkPair checks what can be said of t and u without intersecting them, given
// what they match.
func (a algebra) checkPair(t, u topic.Topic, ofT, ofU []topic.Message) error {
	subset := !slices.ContainsFunc(ofU, func(m topic.Message) bool { return !t.Matches(m) })
	covers := a.covers(t, u)
	if covers && !subset || subset && !covers && !pinsGlobbed(t, u) {
		return fmt.Errorf("%v covers %v: %v, but it matches all that the other does: %v", t, u, covers, subset)
	}
	equivalent := t.Equivalent(u)
	same := a.text(t) == a.text(u)
	if same && !equivalent || equivalent && !same && !hasGlobs(t) {
		return fmt.Errorf("equivalent: %v, but the texts are %s and %s", equivalent, a.text(t), a.text(u))
	}
	if equivalent && len(ofT) != len(ofU) {
		return fmt.Errorf("%v and %v are equivalent, but one matches %d messages and the other %d", t, u, len(ofT), len(ofU))
	}
	return nil
}
