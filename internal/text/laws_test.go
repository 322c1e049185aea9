package text

import (
	"errors"
	"fmt"
	"hash/fnv"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

type pair struct {
	A, B  any
	inner map[string]celsius
	At    time.Time
	D     world.Device
}

// strange is drawn as a text with what is hard to quote or to cut.
var strange = rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-c]{0,40}`), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))

// anything draws a value of any sort, a few levels deep.
func anything(t *rapid.T, depth int) any {
	draw := func() any { return anything(t, depth-1) }
	most := 17
	if depth > 0 {
		most = 24
	}
	n := rapid.IntRange(0, 4).Draw(t, "length")
	s := strange.Draw(t, "text")
	switch rapid.IntRange(0, most).Draw(t, "kind") {
	case 0:
		return nil
	case 1:
		return rapid.Int().Draw(t, "number")
	case 2:
		return celsius(rapid.Float64().Draw(t, "number"))
	case 3, 4:
		return s
	case 5, 6:
		return []byte(s)
	case 7:
		return hiddenString(s)
	case 8:
		return hiddenBytes(s)
	case 9:
		return time.Unix(int64(n), 5).UTC()
	case 10:
		return world.Alarm{Label: s}
	case 11:
		return errors.New(s)
	case 12:
		return topic.Where(tupleFree.Is(free{n, s}))
	case 13:
		return topic.Role{Orientation: topic.Orientation(n & 1), Topic: topic.Like(topic.Tuple{s, topic.Wild, n}).Topic()}
	case 14:
		return topic.Tuple{s, n}
	case 15:
		return [][]int(nil)
	case 16:
		return mute{}
	case 17:
		return make([]struct{}, n)
	case 18:
		return &pair{A: draw(), B: draw(), inner: map[string]celsius{s: 1, "b": 2}}
	case 19:
		return pair{A: draw(), D: world.Alarm{Label: s}}
	case 20:
		all := make([]any, n)
		for i := range all {
			all[i] = draw()
		}
		return all
	case 21:
		all := map[string]any{}
		for range n {
			all[strange.Draw(t, "key")] = draw()
		}
		return all
	case 22:
		all := map[any]int{1: 0, 10: 2}
		for range n {
			if k := draw(); k == nil || reflect.TypeOf(k).Comparable() && !strings.Contains(fmt.Sprintf("%T", k), "pair") {
				all[k] = n
			}
		}
		return all
	case 23:
		all := map[hiddenString]any{}
		for range n {
			all[hiddenString(strange.Draw(t, "key"))] = draw()
		}
		return all
	default:
		loop := &pair{B: draw()}
		loop.A = loop
		return [2]any{loop, s}
	}
}

// free is a message; a topic about it can pin all of it.
type free struct {
	N int
	S string
}

type holder struct{ F free }

var tupleFree = topic.FieldOf(func(h *holder) *free { return &h.F })

// aPrinter draws any printer.
func aPrinter(t *rapid.T) Printer {
	p := Printer{Limits: Limits{rapid.IntRange(0, 6).Draw(t, "depth"), rapid.IntRange(0, 6).Draw(t, "parts"), rapid.IntRange(0, 300).Draw(t, "bytes")}}
	if seed := rapid.IntRange(0, 6).Draw(t, "hide"); seed > 0 {
		p.Hide = func(of, typ, field string) bool {
			h := fnv.New32a()
			fmt.Fprint(h, seed, of, typ, field)
			return h.Sum32()%11 == 0
		}
	}
	return p
}

// The text of a value is that of its parts, for every printer.
func TestTextOfParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, v := aPrinter(t), anything(t, 4)
		if text, node := p.String(Message, v), p.Node(Message, v).String(); text != node {
			t.Fatalf("of %#v:\ntext %s\nnode %s", p.Limits, text, node)
		}
		describe := func(w *Writer) {
			w.Word("tell ")
			w.Device(world.Alarm{Label: "a\nb"})
			w.Named(" as ", v)
			w.Value(Command, v)
			w.Role(topic.Role{Topic: topic.Where(tupleFree.Is(free{1, "x"})).Topic()})
			w.Plain(Name, "a name")
			w.Because(errors.New("no\nmore"))
		}
		text, line := p.Text(describe), p.Line(describe).String()
		if text != line || strings.Contains(text, "\n") {
			t.Fatalf("of %#v:\ntext %s\nline %s", p.Limits, text, line)
		}
	})
}

// The zero Printer has the texts that are in journals.
func TestZeroPrinter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anything(t, 4)
		want := naive(reflect.ValueOf(v), true, 0)
		if got := Value(v); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
		p := Printer{Hide: func(string, string, string) bool { return false }}
		if got := p.String(Message, v); got != want {
			t.Fatalf("a printer that hides nothing:\ngot  %s\nwant %s", got, want)
		}
	})
}

// Limits hold, and what is within them is as it would be without.
func TestLimits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, v := aPrinter(t), anything(t, 4)
		checkLimits(t, p, p.Node(State, v), 0)
		if text := p.String(State, v); p.Bytes > 0 && len(text) > p.Bytes+slack(p) {
			t.Fatalf("%d bytes of %d: %s", len(text), p.Bytes, text)
		}
		p = Printer{Limits: Limits{Bytes: 1 + p.Bytes}}
		const boundary = 11 // no character is cut, and none takes more in quotes
		whole, text := Value(v), p.String(State, v)
		if n := min(len(whole), p.Bytes-boundary); n > 0 && !strings.HasPrefix(text, whole[:n]) {
			t.Fatalf("within %d bytes:\ngot  %s\nwant %s", p.Bytes, text, whole)
		}
		if len(whole) <= p.Bytes && text != whole {
			t.Fatalf("within %d bytes:\ngot  %s\nwant %s", p.Bytes, text, whole)
		}
	})
}

// What is counted is what is written, so a text within a limit is no shorter than
// need be, and goes on for no more than a piece beyond it.
func TestLimitsAreUsed(t *testing.T) {
	one := celsius(1)
	var pointers []*celsius
	var nested, numbers []any
	table := map[string][]any{}
	for i := range 40 {
		pointers, numbers = append(pointers, &one), append(numbers, one)
		nested = append(nested, pair{A: []any{one}}, tree{Extra: map[string]int{"a": 1}})
		table[fmt.Sprint(i)] = []any{"x", one, nil, true}
	}
	for _, v := range []any{pointers, numbers, nested, table} {
		whole := Value(v)
		for n := 1; n < len(whole); n++ {
			text := Printer{Limits: Limits{Bytes: n}}.String(State, v)
			if same := min(n, len(text)); text[:same] != whole[:same] || len(text) < n {
				t.Fatalf("%T within %d bytes: %s", v, n, text)
			}
			const piece = 25
			if more := n + piece; more < min(len(text), len(whole)) && text[:more] == whole[:more] {
				t.Fatalf("%T within %d bytes: %s", v, n, text)
			}
		}
	}
}

// slack is how much longer than its limit a text can be.
func slack(p Printer) int {
	depth := p.Depth
	if depth == 0 {
		depth = deepest
	}
	return 100 + 40*(depth+1)
}

func checkLimits(t *rapid.T, p Printer, n Node, depth int) {
	most := p.Depth
	if most == 0 {
		most = deepest
	}
	if depth > most || p.Parts > 0 && len(n.Parts) > p.Parts {
		t.Fatalf("%d deep, %d parts", depth, len(n.Parts))
	}
	for _, part := range n.Parts {
		checkLimits(t, p, part.Value, depth+1)
	}
}

// Values of any size are described in a bounded text, with a bounded effort.
func TestHugeValues(t *testing.T) {
	const size = 100 << 20
	p := Printer{Limits: Limits{Parts: 200, Bytes: 16 << 10}}
	list := &tree{}
	for range 1000 {
		list = &tree{Extra: list}
	}
	wide := make([]any, 1000)
	for i := range wide {
		wide[i] = wide // 1000 to the 12th
	}
	table := map[int]string{}
	for i := range 10000 {
		table[i] = strings.Repeat("x", 100)
	}
	bytes := make([]byte, size)
	long := strings.Repeat("x", size)
	for name, v := range map[string]any{
		"bytes": bytes, "named": blob(bytes), "string": long, "numbers": make([]int, size/8), "nothing": make([]struct{}, size),
		"list": list, "wide": wide, "map": table, "array": new([1 << 20]byte), "inside": tree{Extra: []any{long, bytes}},
	} {
		for _, p := range []Printer{p, {Limits: Limits{Bytes: p.Bytes}}, {Limits: p.Limits, Hide: func(_, _, field string) bool { return field == "quiet" }}} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			text, node := p.String(State, v), p.Node(State, v)
			runtime.ReadMemStats(&after)
			if len(text) > p.Bytes+slack(p) || text != node.String() || text == "" {
				t.Errorf("%s: %d bytes", name, len(text))
			}
			if taken := after.TotalAlloc - before.TotalAlloc; taken > 16<<20 {
				t.Errorf("%s: %d bytes were allocated", name, taken)
			}
		}
	}
	if text := p.String(State, errors.New(long)); len(text) > p.Bytes+slack(p) {
		t.Errorf("an error: %d bytes", len(text))
	}
	if text, want := p.String(State, bytes), fmt.Sprintf("… %d more", size-p.Bytes/4); !strings.HasSuffix(text, want) {
		t.Errorf("the text ends with %q, want %q", text[len(text)-20:], want)
	}
}

type blob []byte
