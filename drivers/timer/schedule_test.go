package timer

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A list is a schedule that is as simple as possible.
type list []change

func (l list) add(cs []change) list {
	l = slices.Clone(l)
	for _, c := range cs {
		l = slices.DeleteFunc(l, func(o change) bool { return o.label == c.label })
		if !c.gone {
			l = append(l, c)
		}
	}
	slices.SortFunc(l, func(a, b change) int {
		return cmp.Or(a.at.time().Compare(b.at.time()), cmp.Compare(a.seq, b.seq))
	})
	return l
}

func (l list) due(now instant, limit int) (due []change, _ list) {
	n := 0
	for n < len(l) && n < limit && !l[n].at.time().After(now.time()) {
		n++
	}
	return l[:n], l[n:]
}

// A version is a schedule, and the list that it stands for.
type version struct {
	schedule
	list
}

// check checks a version.
func (v version) check(t *rapid.T) {
	switch {
	case v.empty() != (len(v.list) == 0):
		t.Fatalf("empty is %v of %d timers", v.empty(), len(v.list))
	case v.sure > len(v.list):
		t.Fatalf("sure of %d of %d timers", v.sure, len(v.list))
	case !v.empty() && v.list[0].at.before(v.soonest):
		t.Fatalf("the soonest is %v, and not %v", v.list[0].at, v.soonest)
	case v.total+v.logged > 8*len(v.list)+200:
		t.Fatalf("%d changes for %d timers", v.total+v.logged, len(v.list))
	}
}

func (v version) drain(t *rapid.T, limit int) {
	for !v.empty() {
		var due, want []change
		due, v.schedule = v.schedule.due(instant{1 << 40, 0}, limit)
		want, v.list = v.list.due(instant{1 << 40, 0}, limit)
		if !slices.Equal(due, want) {
			t.Fatalf("%v are due; want %v", due, want)
		}
		v.check(t)
	}
}

// DR-44, B-D15: a schedule is the same as a list, whatever is done to it, and the
// versions of it from before stay what they were.
func TestBD15ScheduleIsAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		labels := rapid.SampledFrom([]int{1, 3, 40, 500}).Draw(t, "labels")
		hashes := rapid.SampledFrom([]uint64{1, 4, 1 << 40}).Draw(t, "hashes")
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		var v version
		seq := uint64(0)
		versions := []version{v}
		some := func(most int) []change {
			cs := make([]change, random.IntN(most))
			for i := range cs {
				n := random.IntN(labels)
				seq++
				cs[i] = change{
					name: name{fmt.Sprint(n), uint64(n) * 0x9e3779b97f4a7c15 % hashes << 20},
					at:   instant{int64(random.IntN(8)), int32(random.IntN(2))},
					seq:  seq,
					gone: random.IntN(3) == 0,
				}
			}
			return cs
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			switch random.IntN(6) {
			case 0, 1, 2:
				cs := some([]int{2, 10, 100}[random.IntN(3)])
				v = version{v.schedule.add(slices.Clone(cs)), v.list.add(cs)}
			case 3, 4:
				now, limit := instant{int64(random.IntN(8)), 0}, 1+random.IntN(20)
				due, s := v.schedule.due(now, limit)
				want, l := v.list.due(now, limit)
				if !slices.Equal(due, want) {
					t.Fatalf("%v are due; want %v", due, want)
				}
				v = version{s, l}
			case 5:
				keep := func(label string) bool { return len(label) != 1 || label[0]%3 > 0 }
				l := slices.DeleteFunc(slices.Clone(v.list), func(c change) bool { return !keep(c.label) })
				v = version{v.schedule.only(keep), l}
			}
			v.check(t)
			versions = append(versions, v)
		}
		for _, v := range versions {
			v.drain(t, 1+random.IntN(50))
		}
	})
}

// A schedule forgets timers that were cancelled, and timers that were replaced.
func TestScheduleForgets(t *testing.T) {
	var s schedule
	at := instant{1000, 0}
	s = s.add([]change{{name: nameOf("kept"), at: at}})
	for i := range uint64(10_000) {
		s = s.add([]change{{name: nameOf("same"), at: instant{1000 + int64(i), 0}, seq: i}})
		c := change{name: nameOf(fmt.Sprint(i)), at: at, seq: i}
		s = s.add([]change{c})
		c.gone = true
		s = s.add([]change{c})
		if n := s.total + s.logged; n > 100 {
			t.Fatalf("%d changes for two timers", n)
		}
	}
}

// A schedule forgets timers that have expired, too.
func TestScheduleForgetsWhatHasExpired(t *testing.T) {
	var s schedule
	const n = 10_000
	for i := range n {
		s = s.add([]change{{name: nameOf(fmt.Sprint(i)), at: instant{int64(i), 0}, seq: uint64(i)}})
	}
	for i := range n - 2 {
		_, s = s.due(instant{int64(i), 0}, n)
		if got, left := s.total+s.logged, n-1-i; got > 8*left+100 {
			t.Fatalf("%d changes for %d timers", got, left)
		}
	}
}

func TestInstant(t *testing.T) {
	anyTime := rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(rapid.Int64Range(-1<<36, 1<<38).Draw(t, "sec"), rapid.Int64Range(0, 1e9-1).Draw(t, "nsec")).UTC()
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyTime.Draw(t, "a"), anyTime.Draw(t, "b")
		i, j := instantOf(a), instantOf(b)
		if i.time() != a || i.compare(j) != a.Compare(b) || i.before(j) != a.Before(b) || earlier(i, j) != earlier(j, i) {
			t.Fatalf("%v is %v, and %v is %v", a, i, b, j)
		}
	})
}

// Times of a periodic timer are whole intervals apart.
func TestFollowing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		every := time.Duration(rapid.Int64Range(1, 1<<62).Draw(t, "every"))
		at := time.Unix(rapid.Int64Range(-1<<36, 1<<36).Draw(t, "at"), 0)
		now := time.Unix(rapid.Int64Range(-1<<36, 1<<36).Draw(t, "now"), 5)
		next := following(at, every, now).time()
		if !next.After(now) || next.Before(at) || next.Add(-every).After(now) && !next.Equal(at) {
			t.Fatalf("%v, every %v, at %v: next is %v", at, every, now, next)
		}
		if d := next.Sub(at); d < 1<<62 && d%every != 0 {
			t.Fatalf("%v is not a number of %v after %v", next, every, at)
		}
	})
}
