package wal_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/journal/wal/waltest"
)

// stores are the stores on which a log has to work the same.
var stores = map[string]func(t *testing.T) wal.Store{
	"folder": func(t *testing.T) wal.Store { return wal.Dir(filepath.Join(t.TempDir(), "a", "b")) },
	"memory": func(*testing.T) wal.Store { return wal.NewMemory() },
	"disk":   func(*testing.T) wal.Store { return waltest.NewDisk() },
}

func onStores(t *testing.T, test func(t *testing.T, s wal.Store)) {
	for name, store := range stores {
		t.Run(name, func(t *testing.T) { test(t, store(t)) })
	}
}

// TestAppend: what is appended and synced can be read, now and after the log
// was opened again, and goes on where it was.
func TestAppend(t *testing.T) {
	onStores(t, func(t *testing.T, s wal.Store) {
		l := mustOpen(t, s)
		appendAll(t, l, "a", "", "c")
		wantContents(t, s, "")
		ok(t, l.Flush())
		wantContents(t, s, "1:a 2: 3:c ")
		if l.Synced() != 0 {
			t.Errorf("synced up to %d after Flush", l.Synced())
		}
		ok(t, l.Sync())
		if l.First() != 1 || l.Last() != 3 || l.Synced() != 3 {
			t.Errorf("from %d to %d, synced up to %d", l.First(), l.Last(), l.Synced())
		}
		appendAll(t, l, "d")
		ok(t, l.Close())
		if err := l.Close(); !errors.Is(err, wal.ErrClosed) {
			t.Errorf("closed twice: %v", err)
		}
		if _, err := l.Append(nil); !errors.Is(err, wal.ErrClosed) {
			t.Errorf("append after Close: %v", err)
		}

		again, r, err := wal.Open(s, wal.Options{})
		ok(t, err)
		defer again.Abandon()
		if want := (wal.Recovery{First: 1, Last: 4, Records: 4}); !reflect.DeepEqual(r, want) {
			t.Errorf("recovery %+v, want %+v", r, want)
		}
		if i := must[uint64](t)(again.Append([]byte("e"))); i != 5 {
			t.Errorf("the index is %d", i)
		}
		ok(t, again.Sync())
		wantContents(t, s, "1:a 2: 3:c 4:d 5:e ")
	})
}

// TestAbandon: what was not flushed is gone.
func TestAbandon(t *testing.T) {
	s := wal.NewMemory()
	l := mustOpen(t, s)
	appendAll(t, l, "a")
	ok(t, l.Flush())
	appendAll(t, l, "b")
	l.Abandon()
	l.Abandon()
	if err := l.Sync(); !errors.Is(err, wal.ErrClosed) {
		t.Errorf("sync after Abandon: %v", err)
	}
	ok(t, mustOpen(t, s).Close())
	wantContents(t, s, "1:a ")
}

// TestTooLong: a record that is too long is refused, and the log goes on.
func TestTooLong(t *testing.T) {
	s := wal.NewMemory()
	l, _, err := wal.Open(s, wal.Options{MaxRecord: 3})
	ok(t, err)
	defer l.Abandon()
	if _, err := l.Append([]byte("four")); !errors.Is(err, wal.ErrTooLong) {
		t.Errorf("got %v", err)
	}
	appendAll(t, l, "abc")
	ok(t, l.Close())
	wantContents(t, s, "1:abc ")
	for _, max := range []int{-1, 1<<30 + 1} {
		if _, _, err := wal.Open(s, wal.Options{MaxRecord: max}); err == nil {
			t.Errorf("MaxRecord %d is accepted", max)
		}
	}
}

// TestSegments: rotation begins a segment, and segments with old records can be
// dropped, but not the current one.
func TestSegments(t *testing.T) {
	onStores(t, func(t *testing.T, s wal.Store) {
		l := mustOpen(t, s)
		empty := l.SegmentSize()
		appendAll(t, l, "a", "b")
		if got := l.SegmentSize(); got != empty+2*(4+2+16) {
			t.Errorf("the segment has %d bytes, %d when empty", got, empty)
		}
		ok(t, l.Rotate())
		ok(t, l.Rotate()) // has nothing to do
		if l.SegmentSize() != empty || l.Synced() != 2 {
			t.Errorf("size %d, synced up to %d after Rotate", l.SegmentSize(), l.Synced())
		}
		appendAll(t, l, "c")
		ok(t, l.Rotate())
		appendAll(t, l, "d")
		ok(t, l.Sync())
		wantContents(t, s, "1:a 2:b 3:c 4:d ")

		ok(t, l.DropBefore(2))
		wantContents(t, s, "1:a 2:b 3:c 4:d ")
		ok(t, l.DropBefore(3))
		wantContents(t, s, "3:c 4:d ")
		ok(t, l.DropBefore(1000))
		wantContents(t, s, "4:d ")
		if l.First() != 4 {
			t.Errorf("the log begins with %d", l.First())
		}
		ok(t, l.Close())
		l = mustOpen(t, s)
		appendAll(t, l, "e")
		ok(t, l.Close())
		wantContents(t, s, "4:d 5:e ")
		rep := must[wal.Report](t)(wal.Verify(s, nil))
		if rep.Segments != 1 || rep.First != 4 || rep.Records != 2 || rep.Damage != nil {
			t.Errorf("report %+v", rep)
		}
	})
}

// TestForeignFiles: files that are not segments are left alone.
func TestForeignFiles(t *testing.T) {
	s := wal.NewMemory()
	names := []string{"1.journal", "00000000000000000000.journal", "00000000000000000001.journal.tmp",
		"99999999999999999999.journal", "+0000000000000000001.journal", "snapshot"}
	for _, name := range names {
		s.WriteFile(name, []byte("foreign"))
	}
	l := mustOpen(t, s)
	appendAll(t, l, "a")
	ok(t, l.Close())
	wantContents(t, s, "1:a ")
	for _, name := range names {
		if string(s.ReadFile(name)) != "foreign" {
			t.Errorf("%s has changed", name)
		}
	}
}

// TestSharedSync: several goroutines append and sync; all of it is there, in
// the order of the indices, and takes fewer syncs than records.
func TestSharedSync(t *testing.T) {
	d := waltest.NewDisk()
	l := mustOpen(t, d)
	const workers, each = 8, 50
	var mu sync.Mutex
	want := map[uint64]string{}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				p := fmt.Sprint(w, "-", i)
				index, err := l.Append([]byte(p))
				if err == nil {
					err = l.Sync()
				}
				if err != nil || l.Synced() < index {
					t.Errorf("record %d, synced up to %d: %v", index, l.Synced(), err)
					return
				}
				mu.Lock()
				want[index] = p
				mu.Unlock()
				if i == each/2 {
					if err := l.Rotate(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	ok(t, l.Close())
	r := must[*wal.Reader](t)(wal.Read(d.Crash(waltest.LoseAll)))
	n := 0
	for rec, err := range r.Records(0) {
		ok(t, err)
		if want[rec.Index] != string(rec.Payload) {
			t.Errorf("record %d is %q, want %q", rec.Index, rec.Payload, want[rec.Index])
		}
		n++
	}
	if n != workers*each {
		t.Errorf("%d records, want %d", n, workers*each)
	}
}

// TestOneSyncForMany: those who call Sync while another one is at it share the
// next one.
func TestOneSyncForMany(t *testing.T) {
	d := waltest.NewDisk()
	l := mustOpen(t, d)
	entered, leave := make(chan bool), make(chan bool)
	syncs := 0
	slow := &slowStore{Disk: d, sync: func() {
		syncs++
		if syncs == 1 {
			entered <- true
			<-leave
		}
	}}
	l.Abandon()
	l = mustOpenSlow(t, slow)
	syncs = 0

	appendAll(t, l, "first")
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := l.Sync(); err != nil {
			t.Error(err)
		}
	})
	<-entered
	const many = 20
	appended := make(chan bool)
	for range many {
		wg.Go(func() {
			_, err := l.Append([]byte("x")) // while the disk is busy
			appended <- true
			if err == nil {
				err = l.Sync()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	for range many {
		<-appended
	}
	close(leave)
	wg.Wait()
	if syncs != 2 {
		t.Errorf("%d syncs, want 2", syncs)
	}
	if l.Synced() != many+1 {
		t.Errorf("synced up to %d", l.Synced())
	}
}

// slowStore calls a function in each sync of a file.
type slowStore struct {
	*waltest.Disk
	sync func()
}

type slowFile struct {
	wal.File
	sync func()
}

func (s *slowStore) OpenAppend(name string) (wal.File, error) {
	f, err := s.Disk.OpenAppend(name)
	return slowFile{f, func() { s.sync() }}, err
}

func (f slowFile) Sync() error {
	f.sync()
	return f.File.Sync()
}

func mustOpenSlow(t *testing.T, s *slowStore) *wal.Log {
	t.Helper()
	sync := s.sync
	s.sync = func() {}
	l := mustOpen(t, s)
	s.sync = sync
	return l
}

// TestAppendCopies: the log has its own copy of what is appended.
func TestAppendCopies(t *testing.T) {
	s := wal.NewMemory()
	l := mustOpen(t, s)
	p := []byte("abc")
	_, err := l.Append(p)
	ok(t, err)
	copy(p, "xyz")
	ok(t, l.Close())
	wantContents(t, s, "1:abc ")
}

// TestAppendAllocates: appending and flushing takes no memory for each record.
func TestAppendAllocates(t *testing.T) {
	l := mustOpen(t, discard{wal.NewMemory()})
	p := bytes.Repeat([]byte("x"), 100)
	for range 100 {
		_, err := l.Append(p)
		ok(t, err)
	}
	ok(t, l.Flush())
	ok(t, l.Flush())
	n := testing.AllocsPerRun(100, func() {
		for range 50 {
			if _, err := l.Append(p); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Flush(); err != nil {
			t.Fatal(err)
		}
	})
	if n > 0 {
		t.Errorf("%v allocations for 50 records", n)
	}
}

// discard is a store whose files forget what is written.
type discard struct{ *wal.Memory }

type discardFile struct{ wal.File }

func (d discard) Create(name string) (wal.File, error) {
	f, err := d.Memory.Create(name)
	return discardFile{f}, err
}

func (discardFile) Write(b []byte) (int, error) { return len(b), nil }

// TestNames: a folder has no files outside of it.
func TestNames(t *testing.T) {
	s := wal.Dir(t.TempDir())
	for _, name := range []string{"", ".", "..", "a/b", "../a", "/a"} {
		if _, err := s.Create(name); err == nil || !strings.Contains(err.Error(), "name") {
			t.Errorf("create %q: %v", name, err)
		}
	}
}
