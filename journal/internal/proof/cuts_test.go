package proof

import (
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
)

// recorded is a run that is in a store.
type recorded struct {
	*life
	store *wal.Memory
	files []string
}

// record records two runs of the library, one after the other.
func record(t *testing.T, c journal.Config) recorded {
	t.Helper()
	store := wal.NewMemory()
	first := live(t, store, c, library, some...)
	second := live(t, store, c, library, some...)
	if first.err != nil || second.err != nil {
		t.Fatal(first.err, second.err)
	}
	whole, err := relive(t, store, library)
	if err != nil {
		t.Fatal(err)
	}
	if d := (&tape{append(slices.Clone(first.inputs), second.inputs...)}).differs(&whole.tape); d != "" {
		t.Fatal(d)
	}
	files, _ := store.List()
	return recorded{whole, store, files}
}

// with returns a copy of the store in which a file has another content.
func (r recorded) with(file string, content []byte) *wal.Memory {
	s := wal.NewMemory()
	for _, f := range r.files {
		s.WriteFile(f, r.store.ReadFile(f))
	}
	s.WriteFile(file, content)
	return s
}

// check checks that what is in a store is a prefix of the run, or that there is
// a reason why not. It returns how many inputs there are, and the reason.
func (r recorded) check(t *testing.T, what string, at int, s *wal.Memory) (int, error) {
	t.Helper()
	l, err := relive(t, s, library)
	if d := l.differs(&r.tape); d != "" {
		t.Fatalf("%s byte %d: the replay is of another run: %s", what, at, d)
	}
	if what == "changed" {
		if report, err := wal.Verify(s, nil); err == nil && report.Damage == nil && len(report.Headers) == 0 {
			t.Fatalf("changed byte %d: wal.Verify has not noticed", at)
		}
	}
	return len(l.inputs), err
}

// TestCuts: a journal whose last segment ends anywhere, in the middle of the
// results of an input or of a word, can be replayed up to there, and continued.
func TestCuts(t *testing.T) {
	for _, c := range []journal.Config{
		{Durability: journal.Memory},
		{Durability: journal.Sync},
		{Durability: journal.Memory, Trace: true},
		{Durability: journal.Sync, CheckEvery: 1, SegmentSize: 600},
	} {
		t.Run(name(c), func(t *testing.T) {
			r := record(t, c)
			last := r.files[len(r.files)-1]
			content := r.store.ReadFile(last)
			was := 0
			for n := 0; n < len(content); n += step() {
				s := r.with(last, content[:n])
				left, err := r.check(t, "cut at", n, s)
				if left < was {
					t.Fatalf("cut at byte %d: %d inputs are left, and %d if more is cut off", n, left, was)
				}
				was = left
				if err != nil && n > 48 && !refused(err) {
					t.Fatalf("cut at byte %d: %v", n, err)
				}
				next := live(t, s, c, library, Note{"carl", "after"})
				if next.err != nil {
					if !refused(next.err) {
						t.Fatalf("cut at byte %d: the run after it: %v", n, next.err)
					}
					continue
				}
				whole, err := relive(t, s, library)
				if err != nil {
					t.Fatalf("cut at byte %d: the replay of the result: %v", n, err)
				}
				want := tape{append(slices.Clone(r.inputs[:left]), next.inputs...)}
				if d := whole.differs(&want); d != "" || len(whole.inputs) != len(want.inputs) {
					t.Fatalf("cut at byte %d: %d inputs, not %d: %s", n, len(whole.inputs), len(want.inputs), d)
				}
			}
			if was < len(r.inputs)-1 {
				t.Errorf("without its last byte it has %d inputs of %d", was, len(r.inputs))
			}
		})
	}
}

// TestFlips: when a byte of a journal changes, whichever it is, either somebody
// notices, or what is there is the beginning of the run. It never appears to be
// another run. U-13.
func TestFlips(t *testing.T) {
	for _, c := range []journal.Config{
		{Durability: journal.Sync, CheckEvery: 2, SegmentSize: 600},
		{Durability: journal.Memory, Trace: true},
	} {
		t.Run(name(c), func(t *testing.T) {
			r := record(t, c)
			noticed := 0
			for _, file := range r.files {
				content := r.store.ReadFile(file)
				for n := 0; n < len(content); n += step() {
					for _, flip := range []byte{1, 0x80, 0xff} {
						changed := slices.Clone(content)
						changed[n] ^= flip
						s := r.with(file, changed)
						left, err := r.check(t, "changed", n, s)
						if err != nil {
							noticed++
						}
						next := live(t, s, c, library)
						if next.err != nil {
							continue // refused
						}
						whole, err := relive(t, s, library)
						if err != nil {
							t.Fatalf("changed byte %d of %s: %d inputs are taken up, and cannot be replayed: %v", n, file, left, err)
						}
						if d := (&tape{r.inputs[:left]}).differs(&whole.tape); d != "" {
							t.Fatalf("changed byte %d of %s: another run is taken up: %s", n, file, d)
						}
					}
				}
			}
			if noticed == 0 {
				t.Error("nobody has ever noticed")
			}
		})
	}
}
