package topic_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/topic"
)

// says is what most tables talk about.
type says struct{ Who, What string }

var (
	who  = topic.FieldOf(func(s *says) *string { return &s.Who })
	what = topic.FieldOf(func(s *says) *string { return &s.What })
)

// A parcel has one of everything: fields that overlap, a struct in a struct, an
// interface, a float and a short array. With a label and tuples it makes up the
// small world over which laws are checked by looking at every message.
type parcel struct {
	To     spot
	Kind   any
	Weight float64
	Bits   [2]bool
}

type spot struct {
	Host string
	Port uint16
}

type label string

var (
	whole  = topic.FieldOf(func(p *parcel) *[2]bool { return &p.Bits })
	bit    = topic.FieldOf(func(p *parcel) *bool { return &p.Bits[1] })
	to     = topic.FieldOf(func(p *parcel) *spot { return &p.To })
	host   = topic.FieldOf(func(p *parcel) *string { return &p.To.Host })
	port   = topic.FieldOf(func(p *parcel) *uint16 { return &p.To.Port })
	kind   = topic.FieldOf(func(p *parcel) *any { return &p.Kind })
	weight = topic.FieldOf(func(p *parcel) *float64 { return &p.Weight })
	ticket = topic.FieldOf(func(l *label) *label { return l })
)

var negativeZero = math.Copysign(0, -1)

// What patterns pin is a part of what messages have, so that there is always
// something else.
var (
	pinnedTexts   = []string{"", "a", "ab", "b"}
	pinnedKinds   = []any{nil, 1, negativeZero, spot{"a", 1}}
	pinnedWeights = []float64{0, negativeZero, 1.5}
	globs         = []string{"*", "a*", "*b", "*a*", "?", "??", "?*", "a?", "?b", `a\*`}
)

// texts returns all short texts over a small alphabet: enough to tell any two
// of the globs apart, and any two and another one.
func texts() []string {
	all, last := []string{"a*", ""}, []string{""}
	for range 3 {
		var next []string
		for _, s := range last {
			next = append(next, s+"a", s+"b", s+"x")
		}
		all, last = append(all, next...), next
	}
	return all
}

// universe returns every message of the small world.
func universe() []topic.Message {
	var all []topic.Message
	for _, s := range texts() {
		all = append(all, topic.MessageOf(label(s)))
		for n := range 3 * 6 * 4 * 4 {
			all = append(all, topic.MessageOf(parcel{
				To:     spot{s, []uint16{0, 1, 7}[n%3]},
				Kind:   []any{nil, 1, int8(1), []int{1}, spot{"a", 1}, 0.0}[n/3%6],
				Weight: []float64{0, negativeZero, 1.5, math.NaN()}[n/18%4],
				Bits:   [2]bool{n/72%2 == 1, n/144 == 1},
			}))
		}
	}
	values := []any{nil, 1, "a", 0.0, math.NaN()}
	for _, t := range tuples(values) {
		values = append(values, t)
	}
	all = append(all, topic.MessageOf(topic.Tuple{1, 1, 1}))
	for _, t := range tuples(values) {
		all = append(all, topic.MessageOf(t))
	}
	return all
}

// tuples returns the tuples of up to two values.
func tuples(values []any) []topic.Tuple {
	all := []topic.Tuple{{}}
	for _, v := range values {
		all = append(all, topic.Tuple{v})
		for _, w := range values {
			all = append(all, topic.Tuple{v, w})
		}
	}
	return all
}

var everyMessage = universe()

// A source makes choices, by the bytes that a fuzzer provides.
type source struct{ data []byte }

func (s *source) pick(n int) int {
	if len(s.data) == 0 {
		return 0
	}
	b := s.data[0]
	s.data = s.data[1:]
	return int(b) % n
}

func pickOf[T any](s *source, from []T) T { return from[s.pick(len(from))] }

func (s *source) spot() spot { return spot{pickOf(s, pinnedTexts), uint16(s.pick(2))} }

func (s *source) parcelTerms() []topic.Term[parcel] {
	terms := make([]topic.Term[parcel], s.pick(5))
	for i := range terms {
		switch s.pick(9) {
		case 0:
			terms[i] = to.Is(s.spot())
		case 1:
			terms[i] = port.Is(uint16(s.pick(2)))
		case 2:
			terms[i] = kind.Is(pickOf(s, pinnedKinds))
		case 3:
			terms[i] = weight.Is(pickOf(s, pinnedWeights))
		case 4:
			terms[i] = whole.Is([2]bool{s.pick(2) == 1, s.pick(2) == 1})
		case 5:
			terms[i] = bit.Is(s.pick(2) == 1)
		case 6:
			terms[i] = host.Is(pickOf(s, pinnedTexts))
		default:
			terms[i] = topic.Glob(host, pickOf(s, globs))
		}
	}
	return terms
}

func (s *source) labelTerms() []topic.Term[label] {
	terms := make([]topic.Term[label], s.pick(3))
	for i := range terms {
		if g := pickOf(s, globs); s.pick(3) > 0 {
			terms[i] = topic.Glob(ticket, g)
		} else {
			terms[i] = ticket.Is(label(pickOf(s, pinnedTexts)))
		}
	}
	return terms
}

func (s *source) tuple(depth int) topic.Tuple {
	t := make(topic.Tuple, s.pick(3))
	for i := range t {
		switch n := s.pick(8); {
		case n < 3:
			t[i] = topic.Wild
		case n < 6 || depth == 0:
			t[i] = pickOf(s, []any{nil, 1, "a", negativeZero})
		default:
			t[i] = s.tuple(depth - 1)
		}
	}
	return t
}

// topic returns a topic about the small world.
func (s *source) topic() topic.Topic {
	switch s.pick(10) {
	case 0:
		return topic.Any.Topic()
	case 1:
		return topic.All[topic.Tuple]().Topic()
	case 2, 3:
		return topic.Like(s.tuple(1)).Topic()
	case 4:
		return conjunction(s.labelTerms())
	default:
		return conjunction(s.parcelTerms())
	}
}

// conjunction returns the topic of as many of terms as do not contradict those
// before them.
func conjunction[M any](terms []topic.Term[M]) topic.Topic {
	p := topic.All[M]()
	for _, t := range terms {
		if q, ok := p.Intersect(topic.Where(t)); ok {
			p = q
		}
	}
	return p.Topic()
}

// someBytes returns what a fuzzer might provide, the same every time.
func someBytes(n, length int) [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	all := make([][]byte, n)
	for i := range all {
		all[i] = make([]byte, length)
		for j := range all[i] {
			all[i][j] = byte(r.Uint32())
		}
	}
	return all
}

// panicOf returns what f panics with, or "".
func panicOf(f func()) (text string) {
	defer func() {
		if p := recover(); p != nil {
			text = fmt.Sprint(p)
		}
	}()
	f()
	return ""
}

// wantPanic checks that f panics with a text of this package that has parts in
// it: what is wrong, and what to do.
func wantPanic(t *testing.T, f func(), parts ...string) {
	t.Helper()
	text := panicOf(f)
	if text == "" {
		t.Fatalf("no panic, want one with %q", parts)
	}
	for _, part := range slices.Concat([]string{"topic: "}, parts) {
		if !strings.Contains(text, part) {
			t.Errorf("panic %q\nlacks %q", text, part)
		}
	}
}
