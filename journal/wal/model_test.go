package wal_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/journal/wal/waltest"
)

// A model is what a log should be: some payloads in memory.
type model struct {
	disk     *waltest.Disk
	log      *wal.Log
	payloads []string // of records 1 and following
	synced   int      // how many of them are on disk for sure
	flushed  int      // how many can be read
	first    int      // the oldest record; segments holds where the others begin
	segments []int
	syncs    bool // Sync has been called since the log was opened
}

// TestModel: whatever is done with a log, it is what the model says; after a
// crash it has lost nothing but records at the end that were not synced.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{disk: waltest.NewDisk(), first: 1, segments: []int{1}}
		m.open(t)
		defer func() { m.log.Abandon() }()
		t.Repeat(map[string]func(*rapid.T){
			"":         m.check,
			"append":   m.append,
			"flush":    m.flush,
			"sync":     m.sync,
			"rotate":   m.rotate,
			"drop":     m.drop,
			"reopen":   m.reopen,
			"abandon":  m.abandon,
			"crash":    m.crash,
			"no space": m.fail,
		})
	})
}

func (m *model) open(t *rapid.T) wal.Recovery {
	l, r, err := wal.Open(m.disk, wal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	m.log = l
	m.syncs = false
	m.synced, m.flushed = len(m.payloads), len(m.payloads)
	return r
}

func (m *model) append(t *rapid.T) {
	p := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "payload")
	index, err := m.log.Append(p)
	m.payloads = append(m.payloads, string(p))
	if err != nil || index != uint64(len(m.payloads)) {
		t.Fatalf("index %d, %v", index, err)
	}
}

func (m *model) flush(t *rapid.T) {
	if err := m.log.Flush(); err != nil {
		t.Fatal(err)
	}
	m.flushed = len(m.payloads)
}

func (m *model) sync(t *rapid.T) {
	if err := m.log.Sync(); err != nil {
		t.Fatal(err)
	}
	m.syncs = true
	m.synced, m.flushed = len(m.payloads), len(m.payloads)
}

func (m *model) rotate(t *rapid.T) {
	if err := m.log.Rotate(); err != nil {
		t.Fatal(err)
	}
	m.synced, m.flushed = len(m.payloads), len(m.payloads)
	if next := len(m.payloads) + 1; m.segments[len(m.segments)-1] != next {
		m.segments = append(m.segments, next)
	}
}

func (m *model) drop(t *rapid.T) {
	before := rapid.IntRange(0, len(m.payloads)+2).Draw(t, "before")
	if err := m.log.DropBefore(uint64(before)); err != nil {
		t.Fatal(err)
	}
	for len(m.segments) > 1 && m.segments[1] <= before {
		m.segments = slices.Delete(m.segments, 0, 1)
	}
	m.first = m.segments[0]
}

func (m *model) reopen(t *rapid.T) {
	if err := m.log.Close(); err != nil {
		t.Fatal(err)
	}
	if r := m.open(t); r.Cut != nil {
		t.Fatal(r.Cut)
	}
}

func (m *model) abandon(t *rapid.T) {
	m.log.Abandon()
	m.payloads = m.payloads[:m.flushed]
	if r := m.open(t); r.Cut != nil {
		t.Fatal(r.Cut)
	}
}

// crash crashes the machine between two operations.
func (m *model) crash(t *rapid.T) {
	m.log.Abandon()
	m.disk = m.disk.Crash(func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "fate") })
	m.recover(t)
}

// fail makes a write fail, after some of it is written.
func (m *model) fail(t *rapid.T) {
	m.append(t)
	m.disk.Limit(rapid.Int64Range(0, 20).Draw(t, "space"))
	if err := m.log.Sync(); !errors.Is(err, wal.ErrFailed) || !errors.Is(err, waltest.ErrFull) {
		t.Fatal(err)
	}
	m.syncs = true
	m.disk.Limit(-1)
	m.log.Abandon()
	m.recover(t)
}

// recover opens a log that has lost something, and finds out what.
func (m *model) recover(t *rapid.T) {
	l, r, err := wal.Open(m.disk, wal.Options{})
	var d *wal.DamageError
	if errors.As(err, &d) && !m.syncs {
		// Nobody has relied on syncs, so the log cannot know that records may
		// be missing in the middle.
		l, r, err = wal.Open(m.disk, wal.Options{Cut: d.Index})
	}
	if err != nil {
		t.Fatal(err)
	}
	if int(r.Last) < m.synced || int(r.Last) > len(m.payloads) {
		t.Fatalf("up to %d, of %d, of which %d were synced", r.Last, len(m.payloads), m.synced)
	}
	m.log = l
	m.syncs = false
	m.payloads = m.payloads[:r.Last]
	m.synced, m.flushed = len(m.payloads), len(m.payloads)
}

// check compares the log to the model.
func (m *model) check(t *rapid.T) {
	if int(m.log.First()) != m.first || int(m.log.Last()) != len(m.payloads) || int(m.log.Synced()) != m.synced {
		t.Fatalf("from %d to %d, synced up to %d; want %d, %d and %d", m.log.First(), m.log.Last(), m.log.Synced(),
			m.first, len(m.payloads), m.synced)
	}
	r, err := wal.Read(m.disk)
	if err != nil {
		t.Fatal(err)
	}
	next := m.first
	for rec, err := range r.Records(0) {
		if err != nil {
			t.Fatal(err)
		}
		if int(rec.Index) != next || string(rec.Payload) != m.payloads[next-1] {
			t.Fatalf("record %d is %q, want record %d, %q", rec.Index, rec.Payload, next, m.payloads[next-1])
		}
		next++
	}
	if next != m.flushed+1 {
		t.Fatalf("read up to %d, want %d", next-1, m.flushed)
	}
}
