package topic

import (
	"cmp"
	"slices"
	"testing"
)

// TestOrderedKeepsNothing: what has been removed is not kept from the garbage
// collector, and neither is much more memory than needed.
func TestOrderedKeepsNothing(t *testing.T) {
	const n = 5000
	for name, looks := range map[string]int{"never read": 1 << 30, "read now and then": 300, "read always": 1} {
		t.Run(name, func(t *testing.T) {
			var o ordered[*int]
			compare := func(a, b *int) int { return cmp.Compare(*a, *b) }
			there := map[*int]bool{}
			all := make([]*int, n)
			steps := 0
			step := func(i int, add bool) {
				s, found := o.seek(all[i], compare)
				switch {
				case found == add:
					t.Fatalf("%d is there: %v", i, found)
				case add:
					o.insert(s, all[i])
				default:
					o.remove(s)
				}
				if steps++; steps%looks == 0 {
					o.all()
				}
			}
			for i := range all {
				all[i] = new(int)
				*all[i] = i
				step(i, true)
			}
			for i := range n {
				step(i*7%n, false)
				if i%3 == 0 {
					step(i*7%n, true)
					there[all[i*7%n]] = true
				}
			}
			if got := slices.Clone(o.all()); len(got) != len(there) || !slices.IsSortedFunc(got, compare) {
				t.Errorf("%d values are left, want %d in order", len(got), len(there))
			}
			for i, v := range o.flat[:cap(o.flat)] {
				if (v != nil) != (i < o.size) || v != nil && !there[v] {
					t.Fatalf("slot %d of %d holds %v", i, o.size, v)
				}
			}
			for v := range there {
				step(*v, false)
			}
			if c := cap(o.all()); o.size > 0 || len(o.all()) > 0 || c > 4*pieceSize {
				t.Errorf("of %d values, %d are left, in memory for %d", n, o.size, c)
			}
			for _, v := range o.flat[:cap(o.flat)] {
				if v != nil {
					t.Fatalf("%d is kept", *v)
				}
			}
		})
	}
}

// TestOrderedReads: a read takes no memory, whatever has changed.
func TestOrderedReads(t *testing.T) {
	const n = 3000
	var o ordered[int]
	for i := range n {
		o.insert(spot{at: i}, 2*i)
	}
	changes := 0
	for _, many := range []int{1, 40, n} {
		for i := range many {
			s, _ := o.seek(2*(i*37%n), cmp.Compare[int])
			o.remove(s)
			s, _ = o.seek(2*(i*37%n)+1, cmp.Compare[int])
			o.insert(s, 2*(i*37%n)+1)
			changes++
		}
		if len(o.pieces) == 0 {
			t.Fatal("there is nothing to put together")
		}
		calls := 0
		got := testing.AllocsPerRun(1, func() { // which does not count the first call
			if calls++; calls == 2 {
				o.all()
			}
		})
		if got > 0 || len(o.pieces) > 0 {
			t.Errorf("a read after %d changes allocates %v times, and leaves %d pieces", changes, got, len(o.pieces))
		}
		if len(o.all()) != n || !slices.IsSorted(o.all()) {
			t.Errorf("after %d changes there are %d values, want %d in order", changes, len(o.all()), n)
		}
		for i := range many { // back again
			s, _ := o.seek(2*(i*37%n)+1, cmp.Compare[int])
			o.remove(s)
			s, _ = o.seek(2*(i*37%n), cmp.Compare[int])
			o.insert(s, 2*(i*37%n))
		}
	}
}

// TestTableShrinks: a shape from which most has gone is not slow to go through,
// because its table is as large as what is in it.
func TestTableShrinks(t *testing.T) {
	type at struct{ N int }
	n := FieldOf(func(a *at) *int { return &a.N })
	x := NewIndex(cmp.Compare[int])
	for i := range 10_000 {
		x.Add(Where(n.Is(i)).Topic(), i)
	}
	for i := range 9_999 {
		x.Remove(Where(n.Is(i)).Topic(), i)
	}
	sh := x.shelves[0].shapes[0]
	if sh.most > 64 {
		t.Errorf("the table with %d buckets is large enough for %d", len(sh.table), sh.most)
	}
	if got := x.All(); !slices.Equal(got, []int{9_999}) {
		t.Errorf("left are %v", got)
	}
}
