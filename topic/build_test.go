package topic_test

import (
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
	"unique"

	"github.com/go-marketplace/marketplace/topic"
)

// checkBuild checks that Build is the inverse of Constraints for x, a topic of messages
// that are no tuples.
func checkBuild(t *testing.T, x topic.Topic) {
	t.Helper()
	built, err := topic.Build(x.MessageType(), x.Constraints()...)
	if err != nil {
		t.Fatalf("%v: %v", x, err)
	}
	if !built.Equivalent(x) || built.Canonical() != x.Canonical() {
		t.Fatalf("built %s of the constraints of %s", built.Canonical(), x.Canonical())
	}
	for _, c := range x.Constraints() {
		part, ok := topic.PartOf(x.MessageType(), c.Path)
		if !ok || c.Value != nil && !reflect.TypeOf(c.Value).AssignableTo(part) || c.Glob != "" && part.Kind() != reflect.String {
			t.Fatalf("%v: PartOf(%q) is %v, %v", x, c.Path, part, ok)
		}
	}
}

// TestBuildInvertsConstraints: a topic with fields of each sort is built from its
// constraints.
func TestBuildInvertsConstraints(t *testing.T) {
	for _, x := range []interface{ Topic() topic.Topic }{
		topic.All[says](), topic.All[struct{}](), topic.All[*says](), topic.All[label](), topic.All[topic.Tuple](), topic.All[[]byte](),
		topic.Where(who.Is("tony")), topic.Where(who.Is("")), topic.Where(who.Is("t*")),
		topic.Where(topic.Glob(who, "t*"), topic.Glob(who, "*y")), topic.Where(topic.Glob(ticket, `a\**`)),
		topic.Where(mailHead.Is(header{"a", "b"})), topic.Where(mailCell.Is(3)), topic.Where(mailGrid.Is([2]int{1, 2})),
		topic.Where(mailID.Is([16]byte{1, 2})), topic.Where(mailBoard.Is([9][2]bool{{true}})), topic.Where(mailNames.Is([9]string{"x"})),
		topic.Where(mailLevel.Is(negativeZero)), topic.Where(mailSmall.Is(1.5)), topic.Where(mailPhase.Is(complex(1, negativeZero))),
		topic.Where(mailRef.Is(nil)), topic.Where(mailRef.Is(new(int))), topic.Where(mailDone.Is(make(chan int))),
		topic.Where(mailTo.Is(netip.MustParseAddrPort("127.0.0.1:80"))), topic.Where(mailUser.Is(unique.Make("tony"))), topic.Where(mailUser.Is(unique.Handle[string]{})),
		topic.Where(mailPayload.Is(nil)), topic.Where(mailPayload.Is(header{"a", "b"})), topic.Where(mailPayload.Is([2]any{1, negativeZero})),
		topic.Where(mailShape.Is(square{1})), topic.Where(mailShape.Is(nil)),
		topic.Where(every.Is(time.Second)), topic.Where(mood.Is(odd{})), topic.Where(last.Is(fault{3})),
		topic.Where(closed.Is(opaque{1, 2})), topic.Where(inside.Is(shout{"hey"})), topic.Where(content.Is(says{"tony", "x"})),
	} {
		checkBuild(t, x.Topic())
	}
}

// FuzzBuild checks that Build is the inverse of Constraints for topics of a small
// world, and that conditions made up at random give an error or a topic that says what
// they say. G1.
func FuzzBuild(f *testing.F) {
	for _, data := range someBytes(200, 60) {
		f.Add(data, "Host", `a*`)
	}
	f.Add([]byte{}, "To..Host", `\`)
	f.Fuzz(func(t *testing.T, data []byte, path, glob string) {
		s := &source{data}
		if x := s.topic(); x.MessageType() != nil && x.MessageType() != reflect.TypeFor[topic.Tuple]() {
			checkBuild(t, x)
		}
		typ, cs := s.conditions(path, glob)
		built, err := topic.Build(typ, cs...)
		if err != nil {
			if built.Valid() || !strings.HasPrefix(err.Error(), "topic: Build") {
				t.Fatalf("Build(%v, %v) returned %v and the error %v", typ, cs, built, err)
			}
			return
		}
		if !built.Valid() || built.MessageType() != typ {
			t.Fatalf("Build(%v, %v) = %v", typ, cs, built)
		}
		checkBuild(t, built)
		for _, m := range everyMessage {
			if m.Type() == typ && built.Matches(m) != meets(m, cs) {
				t.Fatalf("Build(%v, %v) = %v and %v: matches %v, want %v", typ, cs, built, m, built.Matches(m), meets(m, cs))
			}
		}
	})
}

// conditions returns a type and what could be conditions on it.
func (s *source) conditions(path, glob string) (reflect.Type, []topic.Constraint) {
	types := []reflect.Type{
		reflect.TypeFor[parcel](), reflect.TypeFor[parcel](), reflect.TypeFor[parcel](), reflect.TypeFor[label](),
		nil, reflect.TypeFor[error](), reflect.TypeFor[topic.Erased](), reflect.TypeFor[topic.Tuple](),
	}
	paths := []string{
		path, "", "To", "To.Host", "To.Host", "To.Host", "To.Port", "Kind", "Weight", "Bits", "Bits[0]", "Bits[1]",
		"Bits[2]", "To.", ".To", "To.[0]", "Bits.[0]", "Bits[0]Bits", "Host", "Bits[01]", "Bits[", "[0]",
	}
	values := []any{
		nil, "a", "ab", label("a"), 1, uint16(1), uint16(0), negativeZero, 1.5, math.NaN(), true, false, []int{1}, spot{"a", 1},
		[2]bool{true}, parcel{}, parcel{Kind: []int{}}, &parcel{}, topic.Wild,
	}
	cs := make([]topic.Constraint, s.pick(6))
	for i := range cs {
		cs[i].Path = pickOf(s, paths)
		switch s.pick(4) {
		case 0:
			cs[i].Glob = glob
		case 1:
			cs[i].Glob = pickOf(s, globs)
		default:
			cs[i].Value = pickOf(s, values)
		}
	}
	return pickOf(s, types), cs
}

// meets reports whether m meets the conditions, all of which make sense for it.
func meets(m topic.Message, cs []topic.Constraint) bool {
	for _, c := range cs {
		var part any
		switch p, _ := topic.As[parcel](m); c.Path {
		case "":
			part = m.Value()
		case "To":
			part = p.To
		case "To.Host":
			part = p.To.Host
		case "To.Port":
			part = p.To.Port
		case "Kind":
			part = p.Kind
		case "Weight":
			part = p.Weight
		case "Bits":
			part = p.Bits
		case "Bits[0]":
			part = p.Bits[0]
		case "Bits[1]":
			part = p.Bits[1]
		}
		if c.Glob != "" {
			one := topic.Where(topic.Glob(topic.FieldOf(func(l *label) *label { return l }), c.Glob))
			if !one.Matches(label(reflect.ValueOf(part).String())) {
				return false
			}
		} else if !reflect.ValueOf(&part).Elem().Comparable() || part != c.Value {
			return false
		}
	}
	return true
}

// TestBuildRefuses: Build says which condition cannot hold, and why.
func TestBuildRefuses(t *testing.T) {
	type wide struct {
		Rows [8][8]int
		Tail string
	}
	type empty struct{ Mark struct{} }
	for _, c := range []struct {
		typ  reflect.Type
		cs   []topic.Constraint
		want string
	}{
		{nil, nil, "without a message type"},
		{reflect.TypeFor[error](), nil, "error is not the type of a message"},
		{reflect.TypeFor[topic.Erased](), nil, "topic.Erased is not the type of a message"},
		{reflect.TypeFor[says](), []topic.Constraint{{Path: "Whom", Value: "x"}}, `topic_test.says has no part "Whom" that can be pinned`},
		{reflect.TypeFor[says](), []topic.Constraint{{Path: "Who", Value: 1}}, "topic_test.says.Who: the value is a int, not a string"},
		{reflect.TypeFor[says](), []topic.Constraint{{Path: "Who", Value: label("x")}}, "the value is a topic_test.label, not a string"},
		{reflect.TypeFor[says](), []topic.Constraint{{Path: "Who"}}, "the value is a <nil>, not a string"},
		{reflect.TypeFor[says](), []topic.Constraint{{Path: "Who", Glob: `t\`}}, "matches nothing"},
		{reflect.TypeFor[says](), []topic.Constraint{{Path: "Who", Glob: strings.Repeat("?", 257)}}, "more than 256"},
		{reflect.TypeFor[says](), []topic.Constraint{{Path: "Who", Glob: "t*", Value: "tony"}}, "both a value and a glob"},
		{reflect.TypeFor[says](), []topic.Constraint{{Path: "Who", Glob: "a*"}, {Path: "Who", Glob: "b*"}}, "no topic_test.says.Who matches all of"},
		{reflect.TypeFor[says](), []topic.Constraint{{Path: "Who", Glob: "a*"}, {Path: "Who", Value: "b"}}, `is pinned to "b", which does not match "a*"`},
		{reflect.TypeFor[says](), []topic.Constraint{{Path: "Who", Glob: "*a"}, {Path: "Who", Glob: "*b*"}, {Path: "Who", Glob: "*c*"}, {Path: "Who", Glob: "*d*"}, {Path: "Who", Glob: "*e*"}}, "more than 4 globs"},
		{reflect.TypeFor[parcel](), []topic.Constraint{{Path: "To", Value: spot{"a", 80}}, {Path: "To.Port", Value: uint16(443)}}, "topic_test.parcel.To.Port is pinned to 80 and to 443"},
		{reflect.TypeFor[parcel](), []topic.Constraint{{Path: "To.Port", Glob: "4*"}}, "a glob is for a part that is a string, not a uint16"},
		{reflect.TypeFor[parcel](), []topic.Constraint{{Path: "Weight", Value: math.NaN()}}, "topic_test.parcel.Weight: the value is or contains NaN"},
		{reflect.TypeFor[parcel](), []topic.Constraint{{Path: "Kind", Value: []int{1}}}, "topic_test.parcel.Kind: the value, a []int, cannot be compared"},
		{reflect.TypeFor[mail](), []topic.Constraint{{Path: "Lines", Value: []string{}}}, "topic_test.mail.Lines: a []string cannot be compared"},
		{reflect.TypeFor[mail](), []topic.Constraint{{Path: "Shape", Value: 1}}, "topic_test.mail.Shape: the value is a int, not a interface"},
		{reflect.TypeFor[mail](), []topic.Constraint{{Path: "Names[0]", Value: "x"}}, `has no part "Names[0]"`},
		{reflect.TypeFor[mail](), []topic.Constraint{{Path: "_", Value: 1}}, `has no part "_"`},
		{reflect.TypeFor[wide](), []topic.Constraint{{Path: "Tail", Value: "x"}}, "reaches beyond the first 64"},
		{reflect.TypeFor[empty](), []topic.Constraint{{Path: "Mark", Value: struct{}{}}}, "only one value"},
	} {
		built, err := topic.Build(c.typ, c.cs...)
		if err == nil || !strings.Contains(err.Error(), c.want) || built.Valid() {
			t.Errorf("Build(%v, %v) = %v, %v\nwant an error with %q", c.typ, c.cs, built, err, c.want)
		}
	}
}

// TestPartOf: PartOf knows the parts that topics can name, and no others.
func TestPartOf(t *testing.T) {
	for path, want := range map[string]reflect.Type{
		"": reflect.TypeFor[mail](), "header": reflect.TypeFor[header](), "header.From": reflect.TypeFor[string](),
		"Grid[1]": reflect.TypeFor[int](), "Names": reflect.TypeFor[[9]string](), "Lines": reflect.TypeFor[[]string](),
	} {
		if got, ok := topic.PartOf(reflect.TypeFor[mail](), path); got != want || !ok {
			t.Errorf("PartOf(mail, %q) = %v, %v, want %v", path, got, ok, want)
		}
	}
	for _, path := range []string{"From", "header.", ".header", "header..From", "Grid[2]", "Grid[-1]", "Grid[+1]", "Grid.[1]", "Grid[1", "Grid[1]x", "Names[1]", "Ref.x", "_", "[0]"} {
		if got, ok := topic.PartOf(reflect.TypeFor[mail](), path); ok {
			t.Errorf("PartOf(mail, %q) = %v", path, got)
		}
	}
	if got, ok := topic.PartOf(nil, ""); ok {
		t.Errorf("PartOf(nil) = %v", got)
	}
	if got, ok := topic.PartOf(reflect.TypeFor[[2][2]says](), "[1][0].Who"); !ok || got != reflect.TypeFor[string]() {
		t.Errorf("PartOf of an array in an array = %v, %v", got, ok)
	}
}
