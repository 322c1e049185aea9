package wal

import (
	"errors"
	"fmt"
	"testing"
)

// TestOpenFrom: Open does not check old records that the caller does not want,
// and the caller sees the rest of the log.
func TestOpenFrom(t *testing.T) {
	store := NewMemory()
	l, _, err := Open(store, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 9 {
		if i%3 == 0 && i > 0 {
			if err := l.Rotate(); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := l.Append(fmt.Appendf(nil, "record %d", i+1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	spoil := func(first uint64) {
		b := store.ReadFile(segmentName(first))
		b[len(b)-20] ^= 1
		store.WriteFile(segmentName(first), b)
	}
	spoil(1)
	if _, _, err := Open(store, Options{}); !errors.As(err, new(*DamageError)) {
		t.Fatalf("a damaged log is opened: %v", err)
	}
	for from := uint64(1); from < 12; from++ {
		l, r, err := Open(store, Options{From: from})
		if from < 4 {
			if !errors.As(err, new(*DamageError)) {
				t.Errorf("from %d: %v", from, err)
			}
			continue
		}
		if err != nil || r.First != 1 || r.Last != 9 || r.Records != 9 || l.First() != 1 {
			t.Fatalf("from %d: %v, %+v", from, err, r)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// A segment that was being created when the system failed.
	store.WriteFile(segmentName(10), []byte("market"))
	l, r, err := Open(store, Options{From: 9})
	if err != nil || r.Last != 9 || r.Cut == nil {
		t.Fatalf("%v, %+v", err, r)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestFlushDuringSync: a flush does not wait for the disk.
func TestFlushDuringSync(t *testing.T) {
	store := &slowStore{Store: NewMemory(), syncing: make(chan struct{}), go_: make(chan struct{})}
	l, _, err := Open(store, Options{})
	if err != nil {
		t.Fatal(err)
	}
	store.slow = true
	append_ := func(text string) {
		t.Helper()
		if _, err := l.Append([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	append_("one")
	synced := make(chan error, 1)
	go func() { synced <- l.Sync() }()
	<-store.syncing
	append_("two")
	if err := l.Flush(); err != nil {
		t.Fatal(err)
	}
	if r, err := Read(store); err != nil || r.Last() != 2 {
		t.Errorf("%v; %d records are written", err, r.Last())
	}
	if l.Synced() != 0 {
		t.Error("it is on disk already")
	}
	close(store.go_)
	if err := <-synced; err != nil || l.Synced() != 1 {
		t.Errorf("%v; synced up to %d", err, l.Synced())
	}
	store.slow = false
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// A slowStore has files whose Sync waits.
type slowStore struct {
	Store
	slow    bool
	syncing chan struct{}
	go_     chan struct{}
}

type slowFile struct {
	File
	s *slowStore
}

func (s *slowStore) Create(name string) (File, error) {
	f, err := s.Store.Create(name)
	return slowFile{f, s}, err
}

func (f slowFile) Sync() error {
	if f.s.slow {
		f.s.syncing <- struct{}{}
		<-f.s.go_
	}
	return f.File.Sync()
}

// TestOpenFromTorn: if the last segment was just being created when the system
// crashed, what is before it stays, whichever records the caller wants.
func TestOpenFromTorn(t *testing.T) {
	for from := uint64(0); from < 12; from++ {
		for _, torn := range [][]byte{nil, make([]byte, 10), make([]byte, headerSize)} {
			store := NewMemory()
			l, _, err := Open(store, Options{})
			if err != nil {
				t.Fatal(err)
			}
			for i := range 6 {
				if i == 3 {
					err = l.Rotate()
				}
				if _, err2 := l.Append(fmt.Appendf(nil, "record %d", i+1)); err != nil || err2 != nil {
					t.Fatal(err, err2)
				}
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			store.WriteFile(segmentName(7), torn)
			l, r, err := Open(store, Options{From: from})
			if err != nil {
				t.Fatalf("from %d: %v", from, err)
			}
			if r.First != 1 || r.Last != 6 {
				t.Errorf("from %d, with %d bytes: %+v is left", from, len(torn), r)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
