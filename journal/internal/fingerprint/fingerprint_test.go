package fingerprint_test

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/journal/internal/fingerprint"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func of(v any) string { return string(fingerprint.V2.Append(nil, v)) }

// versions has the file of digests of each version.
var versions = map[fingerprint.Version]string{fingerprint.V1: "digests.txt", fingerprint.V2: "digests2.txt"}

// onlyTypes are the examples that differ from others in nothing but types that have
// no names.
var onlyTypes = []string{"one of another type", "another any"}

func TestDifferentValuesDiffer(t *testing.T) {
	for version := range versions {
		seen := map[string]string{}
		for _, e := range examples() {
			if version == fingerprint.V2 && slices.Contains(onlyTypes, e.name) {
				continue
			}
			got := string(version.Append(nil, e.v))
			if other, ok := seen[got]; ok {
				t.Errorf("%s and %s have the same bytes: %q", e.name, other, got)
			}
			seen[got] = e.name
			for other, name := range seen {
				if name != e.name && (strings.HasPrefix(got, other) || strings.HasPrefix(other, got)) {
					t.Errorf("the bytes of one of %s and %s begin with those of the other", e.name, name)
				}
			}
		}
	}
}

func TestEqualValuesAreAlike(t *testing.T) {
	again := examples()
	for i, e := range examples() {
		if a, b := of(e.v), of(again[i].v); a != b {
			t.Errorf("%s has the bytes %q, and then %q", e.name, a, b)
		}
	}
	negative := math.Float64frombits(math.Float64bits(math.NaN()) | 1<<63)
	for _, test := range []struct {
		name string
		a, b any
	}{
		{"places on earth", noon, noon.In(time.FixedZone("x", 3600))},
		{"monotonic reading", time.Unix(0, 0), time.Unix(0, 0).Local()},
		{"the stack of a panic", &vm.PanicError{Value: "a", Stack: []byte{1}}, &vm.PanicError{Value: "a"}},
		{"what is no number", math.NaN(), negative},
		{"addresses", state{address: 1}, state{address: 2}},
		{"a field that tells nothing", state{cache: 1}, state{cache: 2}},
		{"capacity", make([]string, 1), make([]string, 1, 9)},
		{"functions", func() {}, func() { fmt.Println() }},
		{"clocks of one name", labelled{Clock: world.NewManualClock("a", noon)}, labelled{Clock: world.NewManualClock("a", noon.Add(1))}},
		{"types", reflect.TypeFor[says](), reflect.TypeOf(says{})},
		{"reflections", reflect.ValueOf(1), reflect.ValueOf(ptr(1)).Elem()},
	} {
		if a, b := of(test.a), of(test.b); a != b {
			t.Errorf("%s: %q and %q", test.name, a, b)
		}
	}
}

// TestStability: the bytes are the same in every process, on every computer,
// and in the next release, or journals cannot be compared with it. The files of
// earlier versions never change.
func TestStability(t *testing.T) {
	for version, name := range versions {
		var b bytes.Buffer
		for _, e := range examples() {
			fmt.Fprintf(&b, "%s: %x\n", e.name, sha256.Sum256(version.Append(nil, e.v)))
		}
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, b.Bytes(), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		got, wanted := strings.Split(b.String(), "\n"), strings.Split(string(want), "\n")
		for i := range max(len(got), len(wanted)) {
			if i >= len(got) || i >= len(wanted) || got[i] != wanted[i] {
				t.Fatalf("line %d of %s differs: if that is on purpose, run with -update", i+1, file)
			}
		}
	}
}

func TestDeepAndLargeValuesEnd(t *testing.T) {
	var deep *node
	for range 100_000 {
		deep = &node{next: deep}
	}
	wide := &node{} // 2^40 ways lead to the last one
	for range 40 {
		wide = &node{next: wide, all: []*node{wide}}
	}
	for name, v := range map[string]any{"deep": deep, "wide": wide} {
		if got := of(v); len(got) > 100<<20 {
			t.Errorf("%s: %d bytes", name, len(got))
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	want := of(examples())
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			if of(examples()) != want {
				t.Error("different bytes")
			}
		})
	}
	all.Wait()
}

// A shape has parts of many kinds.
type shape struct {
	Name  string
	Size  int8
	Flag  bool
	Raw   []byte
	Parts []part
	By    map[string]part
	Next  *shape
	Any   any
	inner [2]float32
}

type part struct {
	X, Y uint16
	when time.Time
}

func anyShape(t *rapid.T, depth int) shape {
	part := rapid.Custom(func(t *rapid.T) part {
		return part{rapid.Uint16().Draw(t, "x"), rapid.Uint16().Draw(t, "y"), noon.Add(time.Duration(rapid.Int32().Draw(t, "when")))}
	})
	s := shape{
		Name: rapid.String().Draw(t, "name"), Size: rapid.Int8().Draw(t, "size"), Flag: rapid.Bool().Draw(t, "flag"),
		Raw: rapid.SliceOfN(rapid.Byte(), 0, 3).Draw(t, "raw"), Parts: rapid.SliceOfN(part, 0, 2).Draw(t, "parts"),
		By:    rapid.MapOfN(rapid.StringN(0, 2, -1), part, 0, 3).Draw(t, "by"),
		Any:   rapid.SampledFrom([]any{nil, 1, "x", noon, []string{"a"}}).Draw(t, "any"),
		inner: [2]float32{rapid.Float32().Draw(t, "inner"), 1},
	}
	if depth < 2 && rapid.Bool().Draw(t, "next") {
		s.Next = ptr(anyShape(t, depth+1))
	}
	return s
}

func copyOf(s shape) shape {
	s.Raw, s.Parts = bytes.Clone(s.Raw), append(s.Parts[:0:0], s.Parts...)
	by := map[string]part{}
	for k, v := range s.By {
		by[k] = v
	}
	if s.By != nil {
		s.By = by
	}
	if s.Next != nil {
		s.Next = ptr(copyOf(*s.Next))
	}
	return s
}

// changes are ways to change one thing in a shape, if it is there.
var changes = []func(s *shape) bool{
	func(s *shape) bool { s.Name += "x"; return true },
	func(s *shape) bool { s.Size ^= 1; return true },
	func(s *shape) bool { s.Flag = !s.Flag; return true },
	func(s *shape) bool { s.Raw = append(s.Raw, 0); return true },
	func(s *shape) bool { s.Parts = append(s.Parts, part{}); return true },
	func(s *shape) bool { s.Any = []any{s.Any}; return true },
	func(s *shape) bool { s.inner[1]++; return true },
	func(s *shape) bool { s.Next = &shape{Next: s.Next}; return true },
	func(s *shape) bool {
		if len(s.Parts) == 0 {
			return false
		}
		s.Parts[0].when = s.Parts[0].when.Add(1)
		return true
	},
	func(s *shape) bool {
		for k, p := range s.By {
			p.Y++
			s.By[k] = p
			return true
		}
		return false
	},
	func(s *shape) bool {
		if s.Next == nil {
			return false
		}
		s.Next.Name += "x"
		return true
	},
}

func TestOneChangeShows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := anyShape(t, 0)
		b := copyOf(a)
		if of(a) != of(b) || of(&a) != of(&b) {
			t.Fatal("a copy has other bytes")
		}
		if rapid.SampledFrom(changes).Draw(t, "change")(&b) == (of(a) == of(b)) {
			t.Fatalf("%+v and %+v", a, b)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	for name, v := range map[string]any{
		"struct":  says{"tony", "hello, world", []byte("0123456789abcdef")},
		"pointer": &says{"tony", "hello, world", []byte("0123456789abcdef")},
		"send":    actions.Send(says{Who: "tony", What: "hello, world"}),
		"shape":   &shape{Name: "a", Parts: make([]part, 3), Next: &shape{}, By: map[string]part{"a": {}, "b": {}}},
	} {
		b.Run(name, func(b *testing.B) {
			var dst []byte
			b.ReportAllocs()
			for b.Loop() {
				dst = fingerprint.V2.Append(dst[:0], v)
			}
		})
	}
}
