package topic_test

import (
	"math"
	"testing"

	"github.com/go-marketplace/marketplace/topic"
)

// What cannot be a field is refused when it is declared, with the reason and
// the remedy. B-M17.
func TestFieldOfRefuses(t *testing.T) {
	type base struct{ ID string }
	type derived struct {
		*base
		Text string
	}
	type empty struct {
		Mark struct{}
		Text string
	}
	type long struct{ Names [9]string }
	type wide struct {
		Head string
		Rows [8][8]int
		Tail string
	}
	elsewhere := "x"
	for _, c := range []struct {
		name  string
		f     func()
		parts []string
	}{
		{"a field of an embedded pointer",
			func() { topic.FieldOf(func(d *derived) *string { return &d.ID }) },
			[]string{"FieldOf[topic_test.derived, string]", "follows a pointer", "make it a value, or copy what shall be pinned"}},
		{"nothing", func() { topic.FieldOf(func(d *derived) *string { return nil }) },
			[]string{"FieldOf[topic_test.derived, string]", "only what is part of the message itself can be pinned"}},
		{"no function", func() { topic.FieldOf[derived, string](nil) },
			[]string{"FieldOf[topic_test.derived, string]", "there is no function", "&m.Name"}},
		{"something else", func() { topic.FieldOf(func(d *derived) *string { return &elsewhere }) },
			[]string{"FieldOf[topic_test.derived, string]", "something else than its argument", "&m.Name"}},
		{"a struct without fields", func() { topic.FieldOf(func(e *empty) *struct{} { return &e.Mark }) },
			[]string{"topic_test.empty.Mark", "only one value", "do without the field"}},
		{"a message without fields", func() { topic.FieldOf(func(e *struct{}) *struct{} { return e }) },
			[]string{"struct {} is a struct {}", "only one value", "do without the field"}},
		{"an element of a long array", func() { topic.FieldOf(func(l *long) *string { return &l.Names[3] }) },
			[]string{"FieldOf[topic_test.long, string]", "array of up to 8 elements", "take the whole array"}},
		{"more than 64 basic values", func() { topic.FieldOf(func(w *wide) *[8][8]int { return &w.Rows }) },
			[]string{"topic_test.wide.Rows", "first 64", "take a smaller part, or move it further up"}},
		{"beyond the first 64", func() { topic.FieldOf(func(w *wide) *string { return &w.Tail }) },
			[]string{"topic_test.wide.Tail", "first 64", "move it further up in topic_test.wide"}},
		{"a message that is an interface", func() { topic.FieldOf(func(e *error) *error { return e }) },
			[]string{"error is not the type of a message", "dynamic type", "use topic.Any, or one pattern for each type"}},
		{"what is not known", func() { topic.All[topic.Erased]() },
			[]string{"topic.Erased", "use topic.Any"}},
		{"an interface", func() { topic.All[any]() },
			[]string{"interface {}", "use topic.Any, or one pattern for each type"}},
		{"a part of a tuple", func() { topic.FieldOf(func(t *topic.Tuple) *any { return &(*t)[0] }) },
			[]string{"FieldOf[topic.Tuple, interface {}]", "follows a pointer"}},
	} {
		t.Run(c.name, func(t *testing.T) { wantPanic(t, c.f, c.parts...) })
	}
	// What is up to there can be pinned, and what is beyond is open.
	row := topic.FieldOf(func(w *wide) *[8]int { return &w.Rows[6] })
	p := topic.Where(row.Is([8]int{7: 1}))
	m := wide{Tail: "any"}
	if m.Rows[6][7] = 1; !p.Matches(m) || p.Matches(wide{}) {
		t.Errorf("%v does not match as it should", p)
	}
	if p.Topic().IsGround() {
		t.Errorf("%v is ground, though there are values that cannot be pinned", p)
	}
}

// What would never match is refused, with the value and the remedy.
func TestTermsRefuse(t *testing.T) {
	for _, c := range []struct {
		name  string
		f     func()
		parts []string
	}{
		{"NaN", func() { mailLevel.Is(math.NaN()) },
			[]string{"topic_test.mail.Level.Is(NaN)", "equal to nothing", "leave the field open"}},
		{"NaN in an interface", func() { mailPayload.Is(math.NaN()) },
			[]string{"topic_test.mail.Payload.Is(NaN)", "leave the field open"}},
		{"slice in an interface", func() { mailPayload.Is([]int{1, 2}) },
			[]string{"topic_test.mail.Payload.Is([1 2])", "[]int cannot be compared", "leave the field open"}},
		{"slice with methods", func() { mailShape.Is(polygon{1}) },
			[]string{"topic_test.mail.Shape.Is([1])", "topic_test.polygon cannot be compared", "leave the field open"}},
		{"slice deep inside", func() { topic.FieldOf(func(p *parcel) *parcel { return p }).Is(parcel{Kind: []int{1}}) },
			[]string{"topic_test.parcel.Is({", "cannot be compared", "leave the field open"}},
		{"zero Field", func() { topic.Field[says, string]{}.Is("x") },
			[]string{"Is of a zero Field[topic_test.says, string]", "topic.FieldOf"}},
		{"zero Field in In", func() { topic.Field[says, string]{}.In(topic.All[says]()) },
			[]string{"In of a zero Field[topic_test.says, string]", "topic.FieldOf"}},
		{"zero Field in Get", func() { topic.Field[says, string]{}.Get(says{}) },
			[]string{"Get of a zero Field[topic_test.says, string]", "topic.FieldOf"}},
		{"zero Field in Glob", func() { topic.Glob(topic.Field[says, string]{}, "x*") },
			[]string{"Glob of a zero Field[topic_test.says, string]", "topic.FieldOf"}},
		{"zero Field in Select", func() { topic.Select[says](topic.Field[says, string]{}) },
			[]string{"Select of a zero Field[topic_test.says, string]", "topic.FieldOf"}},
		{"zero Term", func() { topic.Where(who.Is("x"), topic.Term[says]{}) },
			[]string{"zero Term[topic_test.says]", "Field.Is or topic.Glob"}},
		{"zero Term of Any", func() { topic.Any.Where(topic.Term[topic.Erased]{}) },
			[]string{"zero Term[topic.Erased]", "Field.Is or topic.Glob"}},
		{"glob that matches nothing", func() { topic.Glob(who, `t\`) },
			[]string{`"t\\"`, "matches nothing"}},
		{"part of a tuple that cannot be compared", func() { topic.Like(topic.Tuple{"a", topic.Tuple{1, []int{7}}}) },
			[]string{"element [1][1] is [7], a []int", "cannot be compared", "topic.Wild in its place"}},
		{"part of a tuple that is NaN", func() { topic.Like(topic.Tuple{math.NaN()}) },
			[]string{"element [0] is NaN", "equal to nothing", "topic.Wild in its place"}},
	} {
		t.Run(c.name, func(t *testing.T) { wantPanic(t, c.f, c.parts...) })
	}
}

// Where names both sides of a contradiction.
func TestWhereNamesContradictions(t *testing.T) {
	const remedy = "drop one of the terms, or make a pattern of each, because Intersect reports false"
	for _, c := range []struct {
		name  string
		f     func()
		parts []string
	}{
		{"two values", func() { topic.Where(who.Is("tony"), what.Is("x"), who.Is("sam")) },
			[]string{`topic_test.says.Who is pinned to "tony" and to "sam"`}},
		{"in two steps", func() { topic.Where(who.Is("tony")).Where(who.Is("sam")) },
			[]string{`topic_test.says.Who is pinned to "tony" and to "sam"`}},
		{"overlapping fields", func() { topic.Where(to.Is(spot{"a", 80}), port.Is(443)) },
			[]string{"topic_test.parcel.To.Port is pinned to 80 and to 443"}},
		{"the other way round", func() { topic.Where(port.Is(443), to.Is(spot{"a", 80})) },
			[]string{"topic_test.parcel.To.Port is pinned to 443 and to 80"}},
		{"types in an interface", func() { topic.Where(kind.Is(1), kind.Is(int8(1))) },
			[]string{"topic_test.parcel.Kind is pinned to 1 and to int8(1)"}},
		{"array", func() { topic.Where(whole.Is([2]bool{true, true}), bit.Is(false)) },
			[]string{"topic_test.parcel.Bits[1] is pinned to true and to false"}},
		{"glob and value", func() { topic.Where(who.Is("sam"), topic.Glob(who, "t*")) },
			[]string{`topic_test.says.Who is pinned to "sam", which does not match "t*"`}},
		{"globs", func() { topic.Where(topic.Glob(who, "a*"), topic.Glob(who, "b*")) },
			[]string{`no topic_test.says.Who matches all of ["a*" "b*"]`}},
		{"message itself", func() { topic.Where(ticket.Is("a"), ticket.Is("b")) },
			[]string{`topic_test.label is pinned to "a" and to "b"`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantPanic(t, c.f, append(c.parts, "topic: contradiction: ", remedy)...)
		})
	}
	// What is said twice is no contradiction.
	topic.Where(who.Is("tony"), who.Is("tony"), topic.Glob(who, "t*"))
	topic.Where(weight.Is(0), weight.Is(negativeZero))
}
