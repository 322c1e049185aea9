package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
)

// An attic is an archive, or several, by name.
type attic struct {
	mu    sync.Mutex
	files map[string]*wal.Memory
	got   []string // names, in the order in which they came
	fails func(f journal.File) error
}

func (a *attic) archive(ctx context.Context, f journal.File) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.got = append(a.got, f.Name)
	if a.fails != nil {
		if err := a.fails(f); err != nil {
			return err
		}
	}
	c, err := f.Open()
	if err != nil {
		return err
	}
	defer c.Close()
	b := make([]byte, f.Size)
	if _, err := io.ReadFull(io.NewSectionReader(c, 0, f.Size), b); err != nil || c.Size() != f.Size {
		return fmt.Errorf("%s has %d bytes, of %d: %w", f.Name, c.Size(), f.Size, err)
	}
	if a.files[f.Archive] == nil {
		if a.files == nil {
			a.files = map[string]*wal.Memory{}
		}
		a.files[f.Archive] = wal.NewMemory()
	}
	a.files[f.Archive].WriteFile(f.Name, b)
	return nil
}

func (a *attic) names() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.got)
}

// only returns the archive, if there is one.
func (a *attic) only(t *testing.T) *wal.Memory {
	t.Helper()
	if len(a.files) != 1 {
		t.Fatalf("there are %d archives", len(a.files))
	}
	for _, s := range a.files {
		return s
	}
	return nil
}

// works gives slips to a bank that archives what it writes, and stops it.
func (a *attic) works(t *testing.T, s wal.Store, c journal.Config, slips int) {
	t.Helper()
	c.SegmentSize, c.SnapshotEvery, c.Archive = 400, 10, a.archive
	r := open(t, s, c)
	for _, slip := range manySlips(slips) {
		r.gives(slip)
		time.Sleep(time.Second)
	}
	synctest.Wait()
	must(t, r.stop())
}

// segmentNames returns the names of the segments in a store, in order.
func segmentNames(t *testing.T, s wal.Store) (all []string) {
	t.Helper()
	segments, err := wal.Segments(s)
	must(t, err)
	for _, s := range segments {
		all = append(all, s.Name)
	}
	return all
}

// TestIssue14Archive: an archive gets each segment when the next one has begun, in order, once, and
// snapshots; what is in it is a journal, from which the program goes on. It is the same whether
// segments are dropped or not.
func TestIssue14Archive(t *testing.T) {
	for _, drop := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var a attic
			s := wal.NewMemory()
			for range 3 { // runs
				a.works(t, s, journal.Config{DropOld: drop}, 40)
			}
			r := open(t, s, journal.Config{SegmentSize: 400, Archive: a.archive}) // archives what the run before has left
			must(t, r.stop())
			got := a.names()
			segments := slices.DeleteFunc(slices.Clone(got), func(name string) bool { return !strings.HasSuffix(name, ".journal") })
			if !slices.IsSorted(segments) || len(slices.Compact(slices.Clone(segments))) != len(segments) || len(segments) < 30 {
				t.Errorf("the archive got %v", segments)
			}
			is := segmentNames(t, s)
			if segments[len(segments)-1] != is[len(is)-2] {
				t.Errorf("the last archived segment is %s, of %v", segments[len(segments)-1], is)
			}
			archive := a.only(t)
			if n := len(snapshotsOf(t, archive)); n < 3 {
				t.Errorf("the archive has %d snapshots", n)
			}
			sound(t, archive)
			h, err := journal.ReadStore(archive)
			must(t, err)
			if h.First() != 1 || h.Last() < 100 {
				t.Errorf("the archive has the inputs %d to %d", h.First(), h.Last())
			}
			to := wal.NewMemory()
			_, err = journal.RestoreStore(to, archive, h.Last()-20)
			must(t, err)
			must(t, driveOn(t, journal.Config{}, to).err)
			if first := segmentNames(t, s)[0]; drop != (first != segments[0]) {
				t.Errorf("drop: %v, and the journal begins with %s", drop, first)
			}
		})
	}
}

// TestIssue14ArchiveFails: a failing archive never stops the machine; the log says so once, and
// nothing is dropped; the archive gets the same file until it succeeds, also after a restart, and
// then all others.
func TestIssue14ArchiveFails(t *testing.T) {
	for _, unarchived := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var log bytes.Buffer
			var mu sync.Mutex
			full := errors.New("the attic is full")
			a := attic{fails: func(journal.File) error { return full }}
			s := wal.NewMemory()
			c := journal.Config{DropOld: true, Retention: journal.Retention{Unarchived: unarchived}, Logger: slog.New(slog.NewTextHandler(lockedWriter{&mu, &log}, nil))}
			a.works(t, s, c, 60)
			got := a.names()
			first := got[0]
			if len(slices.Compact(slices.Clone(got))) != 1 && !unarchived || len(got) < 6 {
				t.Errorf("the archive got %v", got)
			}
			if n := strings.Count(log.String(), first+": the attic is full"); n != 1 {
				t.Errorf("the log says %d times: %s", n, &log)
			}
			if dropped := segmentNames(t, s)[0] != first; dropped != unarchived {
				t.Errorf("unarchived: %v, dropped: %v", unarchived, dropped)
			}
			if unarchived {
				return
			}
			a.works(t, s, c, 20)
			a.fails = nil
			a.works(t, s, c, 60)
			archive := a.only(t)
			sound(t, archive)
			if got := segmentNames(t, archive); got[0] != first {
				t.Errorf("the archive begins with %s", got[0])
			}
			if segmentNames(t, s)[0] == first {
				t.Error("nothing is dropped, although it is archived")
			}
		})
	}
}

// TestIssue14ArchiveAfterCut: what is written after inputs were cut off goes to an archive of its
// own, with what was before the cut, because it does not fit the former one.
func TestIssue14ArchiveAfterCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var a attic
		s := wal.NewMemory()
		a.works(t, s, journal.Config{}, 60)
		_, err := journal.TruncateStore(s, 30)
		must(t, err)
		a.works(t, s, journal.Config{}, 60)
		branch := wal.NewMemory()
		_, err = journal.RestoreStore(branch, s, 50)
		must(t, err)
		a.works(t, branch, journal.Config{}, 60)
		if len(a.files) != 3 {
			t.Fatalf("there are %d archives", len(a.files))
		}
		for name, archive := range a.files {
			sound(t, archive)
			if d := driveOn(t, journal.Config{}, archive); d.err != nil {
				t.Errorf("%s: %v", name, d.err)
			}
		}
	})
}

// TestIssue14ArchiveAtEnd: the end of a run ends an Archive that is busy, and waits for it.
func TestIssue14ArchiveAtEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := wal.NewMemory()
		begun, ended := false, false
		c := journal.Config{SegmentSize: 200, Archive: func(ctx context.Context, f journal.File) error {
			begun = true
			<-ctx.Done()
			time.Sleep(time.Second)
			ended = true
			return ctx.Err()
		}}
		r := open(t, s, c)
		r.gives(manySlips(20)...)
		must(t, r.stop())
		if !begun || !ended {
			t.Errorf("begun: %v, ended: %v", begun, ended)
		}
	})
}
