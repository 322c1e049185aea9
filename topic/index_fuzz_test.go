package topic_test

import (
	"cmp"
	"fmt"
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/topic"
)

// An item is what the index holds: compared by its key, so that Replace has
// something to do.
type item struct{ key, version int }

func byKey(a, b item) int { return cmp.Compare(a.key, b.key) }

// A finder is what an index can do.
type finder interface {
	Add(t topic.Topic, v item)
	Remove(t topic.Topic, v item) bool
	Replace(t topic.Topic, old, v item) bool
	Match(m topic.Message, buf *[]item) []item
	Related(t topic.Topic, buf *[]item) []item
	All() []item
	Len() int
}

// A scan finds things by looking at all of them.
type scan []struct {
	topic topic.Topic
	item  item
}

func (s scan) find(t topic.Topic, v item) int {
	for i, e := range s {
		if e.item.key == v.key && e.topic.Equivalent(t) {
			return i
		}
	}
	return -1
}

func (s scan) where(pass func(topic.Topic) bool) (found []item) {
	for _, e := range s {
		if pass(e.topic) {
			found = append(found, e.item)
		}
	}
	return found
}

// one is one of many message types, so that there are more than a few.
type one[T any] struct{ A, B int }

type oneOf struct {
	topic   func(*source) topic.Topic
	message func(*source) topic.Message
}

func newOneOf[T any]() oneOf {
	a := topic.FieldOf(func(o *one[T]) *int { return &o.A })
	b := topic.FieldOf(func(o *one[T]) *int { return &o.B })
	return oneOf{
		topic: func(s *source) topic.Topic {
			terms := []topic.Term[one[T]]{a.Is(s.pick(20)), b.Is(s.pick(2))}
			return topic.Where(terms[s.pick(3):]...).Topic()
		},
		message: func(s *source) topic.Message { return topic.MessageOf(one[T]{s.pick(20), s.pick(2)}) },
	}
}

var manyTypes = []oneOf{
	newOneOf[int](), newOneOf[int8](), newOneOf[int16](), newOneOf[int32](), newOneOf[int64](),
	newOneOf[uint](), newOneOf[uint8](), newOneOf[uint16](), newOneOf[uint32](), newOneOf[uint64](),
	newOneOf[string](), newOneOf[bool](),
}

func (s *source) wideTopic() topic.Topic {
	if s.pick(3) == 0 {
		return pickOf(s, manyTypes).topic(s)
	}
	return s.topic()
}

func (s *source) wideMessage() topic.Message {
	if s.pick(3) == 0 {
		return pickOf(s, manyTypes).message(s)
	}
	return everyMessage[(s.pick(256)<<8+s.pick(256))%len(everyMessage)]
}

// FuzzIndex checks that an index finds what a scan of everything finds,
// whatever has been added, removed and replaced before.
func FuzzIndex(f *testing.F) {
	for _, data := range someBytes(20, 600) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		data = data[:min(len(data), 2000)]
		if err := checkIndex(topic.NewIndex(byKey), &source{data}); err != nil {
			t.Error(err)
		}
	})
}

func checkIndex(x finder, s *source) error {
	var all scan
	var buf []item
	for step := 0; len(s.data) > 0; step++ {
		err := all.step(x, s, step, &buf)
		if err == nil {
			err = all.checkSize(x)
		}
		if err != nil {
			return fmt.Errorf("step %d: %w", step, err)
		}
	}
	// What is left goes in the order in which it came.
	for len(all) > 0 {
		if !x.Remove(all[0].topic, all[0].item) {
			return fmt.Errorf("%v under %v is gone", all[0].item, all[0].topic)
		}
		all = all[1:]
		if err := all.checkSize(x); err != nil {
			return err
		}
	}
	return nil
}

func (s *scan) checkSize(x finder) error {
	if x.Len() != len(*s) {
		return fmt.Errorf("Len is %d, want %d", x.Len(), len(*s))
	}
	return nil
}

// step does something to both, and compares.
func (s *scan) step(x finder, from *source, step int, buf *[]item) error {
	switch n := from.pick(16); {
	case n < 7:
		return s.add(x, from.wideTopic(), item{from.pick(8), step})
	case n < 10 && len(*s) > 0:
		return s.remove(x, pickOf(from, *s).topic, pickOf(from, *s).item)
	case n < 11:
		return s.remove(x, from.wideTopic(), item{from.pick(8), step})
	case n < 12 && len(*s) > 0:
		return s.replace(x, pickOf(from, *s).topic, item{pickOf(from, *s).item.key, step})
	case n < 14:
		t := from.wideTopic()
		want := s.where(func(u topic.Topic) bool { _, ok := u.Intersect(t); return ok })
		return compare("Related", t, x.Related(t, buf), want)
	case n < 15:
		return compare("All", nil, x.All(), s.where(func(topic.Topic) bool { return true }))
	default:
		m := from.wideMessage()
		return compare("Match", m, x.Match(m, buf), s.where(func(u topic.Topic) bool { return u.Matches(m) }))
	}
}

func compare(what string, of any, got, want []item) error {
	if !slices.IsSortedFunc(got, byKey) {
		return fmt.Errorf("%s(%v) = %v, which is not in order", what, of, got)
	}
	// Equal values are there under different topics, in any order.
	exactly := func(a, b item) int { return cmp.Or(byKey(a, b), cmp.Compare(a.version, b.version)) }
	got = slices.SortedFunc(slices.Values(got), exactly)
	slices.SortFunc(want, exactly)
	if !slices.Equal(got, want) {
		return fmt.Errorf("%s(%v) = %v, want %v", what, of, got, want)
	}
	return nil
}

func (s *scan) add(x finder, t topic.Topic, v item) error {
	text := panicOf(func() { x.Add(t, v) })
	if there := s.find(t, v) >= 0; there != (text != "") {
		return fmt.Errorf("Add(%v, %v): %v is there: %v, but panic is %q", t, v, v, there, text)
	} else if !there {
		*s = append(*s, struct {
			topic topic.Topic
			item  item
		}{t, v})
	}
	return nil
}

func (s *scan) remove(x finder, t topic.Topic, v item) error {
	i := s.find(t, v)
	if got := x.Remove(t, v); got != (i >= 0) {
		return fmt.Errorf("Remove(%v, %v) = %v", t, v, got)
	}
	if i >= 0 {
		*s = slices.Delete(*s, i, i+1)
	}
	return nil
}

func (s *scan) replace(x finder, t topic.Topic, v item) error {
	i := s.find(t, v)
	if got := x.Replace(t, item{v.key, -1}, v); got != (i >= 0) {
		return fmt.Errorf("Replace(%v, %v) = %v", t, v, got)
	}
	if i >= 0 {
		(*s)[i].item = v
	}
	return nil
}

// faulty is an index with a fault.
type faulty struct {
	*topic.Index[item]
	match   func(m topic.Message, found []item) []item
	related func(t topic.Topic, found []item) []item
	remove  func(t topic.Topic, v item) bool
	replace func(t topic.Topic, old, v item) bool
}

func (x faulty) Match(m topic.Message, buf *[]item) []item {
	return x.match(m, slices.Clone(x.Index.Match(m, buf)))
}
func (x faulty) Related(t topic.Topic, buf *[]item) []item {
	return x.related(t, slices.Clone(x.Index.Related(t, buf)))
}
func (x faulty) Remove(t topic.Topic, v item) bool       { return x.remove(t, v) }
func (x faulty) Replace(t topic.Topic, old, v item) bool { return x.replace(t, old, v) }

// TestIndexLawsNotice plants faults and checks that the comparison with a scan
// catches them.
func TestIndexLawsNotice(t *testing.T) {
	faults := map[string]func(x *faulty){
		"finds the first only": func(x *faulty) {
			x.match = func(_ topic.Message, found []item) []item { return found[:min(1, len(found))] }
		},
		"finds in the wrong order": func(x *faulty) {
			x.match = func(_ topic.Message, found []item) []item { slices.Reverse(found); return found }
		},
		"relates all of a type": func(x *faulty) {
			x.related = func(t topic.Topic, found []item) []item {
				if p, ok := topic.Typed[parcel](t); ok && p.String() != topic.All[parcel]().String() {
					return x.Index.Related(topic.All[parcel]().Topic(), new([]item))
				}
				return found
			}
		},
		"relates nothing to Any": func(x *faulty) {
			x.related = func(t topic.Topic, found []item) []item {
				if t.MessageType() == nil {
					return nil
				}
				return found
			}
		},
		"removes nothing": func(x *faulty) {
			x.remove = func(topic.Topic, item) bool { return true }
		},
		"removes from all topics of the type": func(x *faulty) {
			x.remove = func(t topic.Topic, v item) bool {
				return x.Index.Remove(t, v) || x.Index.Remove(topic.All[parcel]().Topic(), v)
			}
		},
		"replaces nothing": func(x *faulty) {
			x.replace = func(t topic.Topic, old, v item) bool { return x.Index.Replace(t, old, old) }
		},
	}
	inputs := someBytes(30, 1000)
	for name, plant := range faults {
		t.Run(name, func(t *testing.T) {
			for _, data := range inputs {
				x := topic.NewIndex(byKey)
				f := faulty{x, func(_ topic.Message, found []item) []item { return found },
					func(_ topic.Topic, found []item) []item { return found }, x.Remove, x.Replace}
				if checkIndex(f, &source{data}) != nil {
					t.Fatal("notices without a fault")
				}
				f.Index = topic.NewIndex(byKey)
				f.remove, f.replace = f.Index.Remove, f.Index.Replace
				plant(&f)
				if checkIndex(&f, &source{data}) != nil {
					return
				}
			}
			t.Error("no comparison has noticed")
		})
	}
}
