package topic_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/topic"
)

// orders has the orders in which n values can come and go.
var orders = []struct {
	name string
	of   func(n int) []int
}{
	{"first to last", upTo},
	{"last to first", func(n int) []int {
		order := upTo(n)
		slices.Reverse(order)
		return order
	}},
	{"random", func(n int) []int { return rand.New(rand.NewPCG(9, 4)).Perm(n) }},
}

func upTo(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}

// crowds has the topics under which there may be many values, and messages that
// match them.
var crowds = []struct {
	name    string
	topic   topic.Topic
	message topic.Message
}{
	{"type", topic.All[says]().Topic(), topic.MessageOf(says{"tony", "tea"})},
	{"field", topic.Where(who.Is("tony")).Topic(), topic.MessageOf(says{"tony", "tea"})},
	{"glob", topic.Where(topic.Glob(who, "t*")).Topic(), topic.MessageOf(says{"tony", "tea"})},
	{"tuple", topic.Like(topic.Tuple{"says", topic.Wild}).Topic(), topic.MessageOf(topic.Tuple{"says", "tea"})},
	{"any", topic.Any.Topic(), topic.MessageOf(1)},
}

// TestIndexChangesMoveFew is for Issue 9.4: what a change under a topic costs
// does not grow with the number of values there. The test counts the values that
// a change moves in the memory of an earlier result.
func TestIndexChangesMoveFew(t *testing.T) {
	const n, most = 2048, 600
	for _, c := range crowds {
		if c.name == "glob" {
			continue // its results are always copies
		}
		for _, o := range orders {
			t.Run(c.name+"/"+o.name, func(t *testing.T) {
				x := topic.NewIndex(cmp.Compare[int])
				for i := range 2 * n {
					x.Add(c.topic, i)
				}
				memory := x.Match(c.message, new([]int))
				before := slices.Clone(memory)
				check := func(what string, v int) {
					t.Helper()
					moved := 0
					for i, v := range memory {
						if v != before[i] {
							moved++
						}
					}
					if moved > most {
						t.Fatalf("%s %d moves %d values among %d; want at most %d", what, v, moved, len(memory), most)
					}
					copy(before, memory)
				}
				order := o.of(n)
				for _, i := range order {
					x.Remove(c.topic, 2*i+1)
					check("Remove of", 2*i+1)
				}
				memory = x.Match(c.message, new([]int))
				before = slices.Clone(memory)
				for _, i := range order {
					x.Add(c.topic, 2*i+1)
					check("Add of", 2*i+1)
				}
			})
		}
	}
}

// TestIndexCrowd: many values under one topic come, go and are replaced in every
// way, and all results are in order, and what they should be. B-M15.
func TestIndexCrowd(t *testing.T) {
	for _, c := range crowds {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(4, 9))
			x := topic.NewIndex(byKey)
			var want []item
			buf := []item{}
			find := func(key int) (int, bool) {
				return slices.BinarySearchFunc(want, item{key: key}, byKey)
			}
			check := func() {
				t.Helper()
				if got := x.Match(c.message, &buf); !slices.Equal(got, want) {
					t.Fatalf("Match finds %d values that are not the %d that there are", len(got), len(want))
				}
				if got := x.Related(c.topic, &buf); !slices.Equal(got, want) {
					t.Fatalf("Related finds %d values that are not the %d that there are", len(got), len(want))
				}
				if x.Len() != len(want) {
					t.Fatalf("Len is %d, want %d", x.Len(), len(want))
				}
			}
			const keys = 3000
			for phase := range 24 {
				// A phase mostly adds, or mostly removes; it looks at what there
				// is often, now and then, or only at its end.
				adds := []int{95, 50, 5}[phase%3]
				looks := []int{40, 300, 1 << 30}[phase/3%3]
				at := 0
				for step := range 2000 {
					key := random.IntN(keys)
					if phase >= 12 { // in order, up or down
						at++
						key = at * 3 % keys
						if phase%2 == 0 {
							key = keys - 1 - key
						}
					}
					i, there := find(key)
					switch {
					case there && random.IntN(4) == 0:
						next := item{key, step + 1}
						if !x.Replace(c.topic, want[i], next) {
							t.Fatalf("Replace does not find %v", want[i])
						}
						want[i] = next
					case random.IntN(100) >= adds:
						if x.Remove(c.topic, item{key: key}) != there {
							t.Fatalf("Remove of %d says %v", key, !there)
						}
						if there {
							want = slices.Delete(want, i, i+1)
						}
					case there:
						wantPanic(t, func() { x.Add(c.topic, item{key: key}) }, "already")
					default:
						x.Add(c.topic, item{key: key})
						want = slices.Insert(want, i, item{key: key})
					}
					if step%looks == looks-1 {
						check()
					}
				}
				check()
			}
		})
	}
}

// TestIndexGlobsOfOneValue: one value may be under many topics that pin the same,
// among many other values.
func TestIndexGlobsOfOneValue(t *testing.T) {
	const n = 700
	x := topic.NewIndex(byKey)
	under := func(i int) topic.Topic { return topic.Where(topic.Glob(who, fmt.Sprint("t*", i))).Topic() }
	others := topic.Where(topic.Glob(who, "*")).Topic()
	for i := range n {
		x.Add(others, item{key: 2 * i})
	}
	for i := range n {
		x.Add(under(i), item{n + 1, i})
		if i > 0 {
			x.Remove(others, item{key: 2 * i}) // leaves it in pieces
		}
	}
	for _, i := range []int{0, n - 1, n / 2, 511, 512} {
		wantPanic(t, func() { x.Add(under(i), item{n + 1, 0}) }, "already")
		if !x.Replace(under(i), item{key: n + 1}, item{n + 1, -i}) {
			t.Errorf("number %d is not replaced", i)
		}
		if got := x.Related(topic.Where(who.Is(fmt.Sprint("t", i))).Topic(), new([]item)); !slices.Contains(got, item{n + 1, -i}) {
			t.Errorf("number %d is not there: %v", i, got)
		}
		if !x.Remove(under(i), item{key: n + 1}) || x.Remove(under(i), item{key: n + 1}) {
			t.Errorf("number %d is not removed once", i)
		}
	}
	if got := x.All(); len(got) != n-5+1 || x.Len() != len(got) {
		t.Errorf("%d values are left, and Len is %d; want %d", len(got), x.Len(), n-5+1)
	}
}

// BenchmarkIndexCrowd has many values come or go under one topic. The time is
// that of all of them.
func BenchmarkIndexCrowd(b *testing.B) {
	tony := topic.Where(who.Is("tony")).Topic()
	for _, n := range []int{40_000, 160_000} {
		for _, o := range orders {
			order := o.of(n)
			b.Run(fmt.Sprintf("leave %s/%d", o.name, n), func(b *testing.B) {
				for b.Loop() {
					b.StopTimer()
					x := topic.NewIndex(cmp.Compare[int])
					for i := range n {
						x.Add(tony, i)
					}
					b.StartTimer()
					for _, i := range order {
						x.Remove(tony, i)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/value")
			})
			b.Run(fmt.Sprintf("come %s/%d", o.name, n), func(b *testing.B) {
				for b.Loop() {
					x := topic.NewIndex(cmp.Compare[int])
					for _, i := range order {
						x.Add(tony, i)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/value")
			})
		}
	}
}

// BenchmarkIndexFanOut finds all of many values, while one goes and comes again
// between two looks, or none does.
func BenchmarkIndexFanOut(b *testing.B) {
	tony, m := topic.Where(who.Is("tony")).Topic(), topic.MessageOf(says{"tony", "tea"})
	for _, n := range []int{2, 100, 10_000} {
		x := topic.NewIndex(cmp.Compare[int])
		for i := range n {
			x.Add(tony, i)
		}
		var buf []int
		look := func(b *testing.B) {
			sum := 0
			for _, v := range x.Match(m, &buf) {
				sum += v
			}
			if sum != n*(n-1)/2 {
				b.Fatal("not found")
			}
		}
		b.Run(fmt.Sprintf("still/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				look(b)
			}
		})
		b.Run(fmt.Sprintf("moving/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x.Remove(tony, n/2)
				x.Match(m, &buf)
				x.Add(tony, n/2)
				look(b)
			}
		})
	}
}
