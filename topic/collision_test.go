package topic

import (
	"cmp"
	"math"
	"slices"
	"testing"
)

// TestCollisions stores topics whose pinned values differ and have equal
// hashes, which take some arithmetic to find.
func TestCollisions(t *testing.T) {
	type pair struct{ A, B, C uint64 }
	a := FieldOf(func(p *pair) *uint64 { return &p.A })
	b := FieldOf(func(p *pair) *uint64 { return &p.B })
	c := FieldOf(func(p *pair) *uint64 { return &p.C })
	twin := func(n, c uint64) pair { return pair{n, mix(0, n), c} } // hashes like every other n
	x := NewIndex(cmp.Compare[int])
	under := func(n int) Topic {
		p := twin(uint64(n), 5)
		return Where(a.Is(p.A), b.Is(p.B), c.Is(p.C)).Topic()
	}
	const many = 40 // enough for a bag that remembers positions
	var buf []int
	check := func(there func(int) bool) {
		t.Helper()
		for n := range many {
			want := []int{}
			if there(n) {
				want = []int{n}
			}
			m := twin(uint64(n), 5)
			for what, got := range map[string][]int{
				"match":        x.Match(MessageOf(m), &buf),
				"related":      x.Related(under(n), new([]int)),
				"related by 2": x.Related(Where(a.Is(m.A), b.Is(m.B)).Topic(), new([]int)),
				"related by 1": x.Related(Where(a.Is(m.A)).Topic(), new([]int)),
			} {
				if !slices.Equal(got, want) {
					t.Fatalf("%s for %d: %v, want %v", what, n, got, want)
				}
			}
		}
		if got := x.Related(Where(c.Is(5)).Topic(), &buf); len(got) != x.Len() {
			t.Fatalf("related by 5: %v of %d", got, x.Len())
		}
	}
	for n := range many {
		x.Add(under(n), n)
		if n%8 == 0 {
			check(func(i int) bool { return i <= n })
		}
	}
	if n := len(x.shelves[0].shapes[0].table); n != 1 {
		t.Fatalf("%d hashes, want a single one", n)
	}
	// From the middle, from the ends.
	order := []int{20, 0, 39}
	for n := range many {
		if !slices.Contains(order, n) {
			order = append(order, n)
		}
	}
	gone := map[int]bool{}
	for i, n := range order {
		if !x.Remove(under(n), n) || x.Remove(under(n), n) {
			t.Fatalf("%d is not removed once", n)
		}
		if gone[n] = true; i%8 < 3 {
			check(func(i int) bool { return !gone[i] })
		}
	}
	if x.Len() != 0 || len(x.shelves) != 0 {
		t.Errorf("%d left on %d shelves", x.Len(), len(x.shelves))
	}
}

// Equal leaves hash alike, whatever they look like.
func TestHashOfEquals(t *testing.T) {
	type odd struct {
		F float64
		G float32
		I any
		C complex128
		A [9]float64
	}
	minus := math.Copysign(0, -1)
	l := layoutFor[odd]()
	p, q := MessageOf(odd{}), MessageOf(odd{minus, float32(minus), nil, complex(minus, minus), [9]float64{minus}})
	for i := range l.leaves {
		f := &l.leaves[i]
		m, n := address(&p.ref), address(&q.ref)
		if !f.equal(m, n) || f.hash(m, 1) != f.hash(n, 1) {
			t.Errorf("%s: equal %v, hashes %x and %x", f.path, f.equal(m, n), f.hash(m, 1), f.hash(n, 1))
		}
	}
}
