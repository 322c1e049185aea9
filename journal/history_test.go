package journal_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
)

// metered is a store that counts the bytes that were read.
type metered struct {
	wal.Store
	read int64 // bytes
}

func (m *metered) Open(name string) (wal.Content, error) {
	c, err := m.Store.Open(name)
	return meteredContent{c, m}, err
}

type meteredContent struct {
	wal.Content
	meter *metered
}

func (c meteredContent) ReadAt(b []byte, at int64) (int, error) {
	n, err := c.Content.ReadAt(b, at)
	c.meter.read += int64(n)
	return n, err
}

// threeRuns returns a journal with three runs, each with another schema, and the
// first input of each.
func threeRuns(t *testing.T, store wal.Store, segmentSize int64) (firsts []uint64) {
	t.Helper()
	for schema := range uint64(3) {
		c := journal.Config{Durability: journal.Memory, Schema: schema, SegmentSize: segmentSize}
		last := uint64(0)
		if schema > 0 {
			h, err := journal.ReadStore(store)
			must(t, err)
			last = h.Last()
		}
		firsts = append(firsts, last+1)
		if d := drive(t, c, store, manySlips(5000), func() {}); d.err != nil {
			t.Fatal(d.err)
		}
	}
	return firsts
}

// TestFromTheMiddle: a reader from the middle of a history gets the same inputs as
// one from its beginning, also with other readers at the same time; and a second read
// of a few inputs does not read a large segment again.
func TestFromTheMiddle(t *testing.T) {
	for _, size := range []int64{30_000, 1 << 30} {
		store := &metered{Store: wal.NewMemory()}
		firsts := threeRuns(t, store, size)
		h, err := journal.ReadStore(store)
		must(t, err)
		text := func(d journal.Details) string {
			return fmt.Sprint(d.Input.Seq, &d.Input, d.PresenceChanges, d.Digest, d.Checked)
		}
		var want []string
		store.read = 0
		for d, err := range h.Details(1) {
			must(t, err)
			want = append(want, text(d))
		}
		all := store.read
		h.Last() // which has to read the last segment
		look := func(from uint64) {
			n := int(from) - 1
			for d, err := range h.Details(from) {
				if err != nil {
					t.Error(err)
				} else if got := text(d); got != want[n] {
					t.Errorf("from %d: input %s, and not %s", from, got, want[n])
				}
				if n++; n == int(from)+9 || n == len(want) {
					return
				}
			}
			t.Errorf("nothing more comes after %d", n)
		}
		random := rand.New(rand.NewPCG(3, 4))
		for range 200 {
			store.read = 0
			look(1 + random.Uint64N(h.Last()))
			const chunks = 2 * 256 << 10
			if store.read > chunks || all < 4*chunks/3 {
				t.Errorf("%d bytes are read, of %d", store.read, all)
			}
		}
		// From now on nobody looks at the meter.
		if h, err = journal.ReadStore(store.Store); err != nil {
			t.Fatal(err)
		}
		var readers sync.WaitGroup
		for i := range 4 {
			readers.Go(func() {
				random := rand.New(rand.NewPCG(5, uint64(i)))
				for range 20 {
					look(1 + random.Uint64N(h.Last()))
				}
			})
		}
		readers.Wait()
		// Who has written an input is known as well.
		var schema uint64
		program := bank(newStreet())
		program.Upcast = func(by uint64, v any) any { schema = by; return v }
		r, err := h.Record(program)
		must(t, err)
		for range 20 {
			seq := 1 + random.Uint64N(h.Last())
			m := moment(t, r, seq)
			wrote, found := slices.BinarySearch(firsts, seq)
			if !found {
				wrote--
			}
			if v, err := m.Input.Value(); err == nil && v != nil && schema != uint64(wrote) {
				t.Errorf("input %d has schema %d", seq, schema)
			}
		}
	}
}
