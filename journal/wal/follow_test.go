package wal_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/journal/wal/waltest"
)

// A following is what a goroutine in a bubble of testing/synctest gets from Follow.
type following struct {
	*testing.T
	stop context.CancelFunc
	end  chan struct{}
	err  error // at its end

	mu   sync.Mutex
	text string // the records, with a | when there are no more
	last uint64
}

// lag is how far a follower is behind at most, in a bubble, where nothing else takes time.
const lag = 5 * time.Millisecond

// follow begins to follow a log.
func follow(t *testing.T, s wal.Store, from uint64) *following {
	ctx, stop := context.WithCancel(t.Context())
	f := &following{T: t, stop: stop, end: make(chan struct{})}
	go func() {
		defer close(f.end)
		for r, err := range wal.Follow(ctx, s, from) {
			f.mu.Lock()
			switch {
			case err != nil:
				f.err = err
			case r.Index == 0:
				f.text += "|"
			default:
				f.text += fmt.Sprintf("%d:%s ", r.Index, r.Payload)
				f.last = r.Index
			}
			f.mu.Unlock()
		}
	}()
	return f
}

// take returns the records that have come since the last call, and the number of the last one.
func (f *following) take() (text string, last uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	text, f.text = f.text, ""
	return text, f.last
}

// wants says what has come since the last time.
func (f *following) wants(want string) {
	f.Helper()
	time.Sleep(lag)
	synctest.Wait()
	if text, _ := f.take(); text != want {
		f.Errorf("followed %q, want %q", text, want)
	}
}

// fails says why it ends.
func (f *following) fails(want error) {
	f.Helper()
	<-f.end
	if !errors.Is(f.err, want) {
		f.Errorf("it ends with %v, want %v", f.err, want)
	}
}

// TestFollow: records come in order, from any on, at most 5 ms after they were written, through
// new segments, drops and openings of the log, and the follower says when there are no more.
func TestFollow(t *testing.T) {
	for name, store := range map[string]func(t *testing.T) wal.Store{
		"memory": func(*testing.T) wal.Store { return wal.NewMemory() },
		"folder": func(t *testing.T) wal.Store { return wal.Dir(t.TempDir()) },
	} {
		t.Run(name, func(t *testing.T) {
			s := store(t)
			synctest.Test(t, func(t *testing.T) {
				l := mustOpen(t, s)
				appendAll(t, l, "a", "b")
				ok(t, l.Rotate())
				appendAll(t, l, "c", "d")
				ok(t, l.Flush())
				f, g := follow(t, s, 0), follow(t, s, 4)
				f.wants("1:a 2:b 3:c 4:d |")
				g.wants("4:d |")
				for _, publish := range []func() error{l.Flush, l.Sync, l.Rotate} {
					appendAll(t, l, "e")
					f.wants("")
					ok(t, publish())
					f.wants(fmt.Sprintf("%d:e |", l.Last()))
				}
				ok(t, l.DropBefore(l.Last()))
				f.wants("")
				appendAll(t, l, "f")
				ok(t, l.Close())
				f.wants("8:f |")
				l = mustOpen(t, s)
				appendAll(t, l, "g")
				ok(t, l.Rotate())
				f.wants("9:g |")
				ok(t, l.DropBefore(l.Last()+1))
				f.wants("")
				f.stop()
				f.fails(context.Canceled)
				g.stop()
				g.fails(context.Canceled)
				ok(t, l.Close())
			})
		})
	}
}

// TestFollowStops: a follower whose caller has enough does nothing more.
func TestFollowStops(t *testing.T) {
	s := write(t, "a", "b", "sync")
	n := 0
	for range wal.Follow(t.Context(), s, 0) {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("%d records", n)
	}
	for r, err := range wal.Follow(t.Context(), wal.NewMemory(), 0) {
		if !errors.Is(err, wal.ErrNoLog) {
			t.Errorf("%v, %v", r, err)
		}
	}
}

// TestFollowDropped: a follower that is too slow, or begins too early, hears what is gone.
func TestFollowDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := wal.NewMemory()
		l := mustOpen(t, s)
		appendAll(t, l, "a", "b")
		ok(t, l.Sync())
		var err error
		for r, e := range wal.Follow(t.Context(), s, 0) {
			if err = e; r.Index == 2 {
				for range 3 {
					appendAll(t, l, "c")
					ok(t, l.Rotate())
				}
				ok(t, l.DropBefore(l.Last()+1))
			}
		}
		if !errors.Is(err, wal.ErrDropped) || !strings.Contains(err.Error(), "record 3, the log begins with 6") {
			t.Errorf("got %v", err)
		}
		f := follow(t, s, 2)
		f.fails(wal.ErrDropped)
	})
}

// TestFollowChanged: a follower hears that records that it has read were cut off, although the
// log has as many again, and more.
func TestFollowChanged(t *testing.T) {
	for _, last := range []uint64{1, 2, 3} { // the record behind which the log is cut off
		synctest.Test(t, func(t *testing.T) {
			s := write(t, "a", "b", "rotate", "c", "d", "sync")
			f := follow(t, s, 0)
			f.wants("1:a 2:b 3:c 4:d |")
			l, _, err := wal.Open(s, wal.Options{Last: last})
			ok(t, err)
			appendAll(t, l, "x", "y", "z")
			ok(t, l.Close())
			f.fails(wal.ErrChanged)
			f.wants("")
		})
	}
	synctest.Test(t, func(t *testing.T) { // nothing is gone
		s := write(t, "a", "b", "rotate", "c", "d", "sync")
		f := follow(t, s, 0)
		f.wants("1:a 2:b 3:c 4:d |")
		l, _, err := wal.Open(s, wal.Options{Last: 4, Next: [][]byte{[]byte("e")}})
		ok(t, err)
		f.wants("5:e |")
		ok(t, l.Close())
		for _, name := range must[[]string](t)(s.List()) {
			ok(t, s.Remove(name))
		}
		f.fails(wal.ErrNoLog)
	})
}

// TestFollowReplaced: a follower does not take another log for the one that it follows.
func TestFollowReplaced(t *testing.T) {
	for _, other := range [][]string{{"a", "x", "y", "sync"}, {"x", "sync"}, {"x", "y", "rotate", "z", "sync"}, {"x", "rotate", "y", "z", "sync"}} {
		synctest.Test(t, func(t *testing.T) {
			s := write(t, "a", "b", "sync")
			f := follow(t, s, 0)
			f.wants("1:a 2:b |")
			o := write(t, other...)
			for _, name := range must[[]string](t)(o.List()) {
				s.WriteFile(name, o.ReadFile(name))
			}
			f.fails(wal.ErrChanged)
			f.wants("")
		})
	}
}

// TestFollowTorn: a follower waits while there is a half-written record, goes on with what takes
// its place, and says if it is damage.
func TestFollowTorn(t *testing.T) {
	whole := write(t, "a", "b", "c", "sync", "d", "e", "flush")
	file := whole.ReadFile(segmentFile(1))
	for _, cut := range []int{1, 5, 20, 30} {
		synctest.Test(t, func(t *testing.T) {
			s := copyOf(t, whole)
			s.WriteFile(segmentFile(1), file[:len(file)-cut])
			f := follow(t, s, 0)
			text, _ := contents(t, s)
			f.wants(text + "|")
			time.Sleep(5 * time.Second) // in which it looks whether that is damage
			f.wants("")
			l, _, err := wal.Open(s, wal.Options{})
			ok(t, err)
			appendAll(t, l, "x")
			ok(t, l.Close())
			f.wants(fmt.Sprintf("%d:x |", l.Last()))
			f.stop()
			f.fails(context.Canceled)
		})
	}
	synctest.Test(t, func(t *testing.T) {
		s := copyOf(t, whole)
		damaged := copyOf(t, whole).ReadFile(segmentFile(1))
		damaged[len(damaged)-63] ^= 1 // of the record c
		s.WriteFile(segmentFile(1), damaged)
		f := follow(t, s, 0)
		<-f.end
		if d := damageOf(t, f.err); d.Index != 3 || f.last != 2 {
			t.Errorf("damage at record %d, after %d", d.Index, f.last)
		}
	})
	synctest.Test(t, func(t *testing.T) { // the second segment does not follow
		s := write(t, "a", "rotate", "b")
		other := write(t, "x", "rotate", "b")
		s.WriteFile(segmentFile(2), other.ReadFile(segmentFile(2)))
		f := follow(t, s, 0)
		<-f.end
		if d := damageOf(t, f.err); d.Index != 2 || f.text != "1:a " {
			t.Errorf("damage at record %d, after %q", d.Index, f.text)
		}
	})
}

// TestFollowNewSegment: a follower does not mind that a segment is just being created, also if
// the writer ends before it has written the header.
func TestFollowNewSegment(t *testing.T) {
	whole := write(t, "a", "rotate", "b")
	file := whole.ReadFile(segmentFile(2))
	for _, n := range []int{0, 1, 47} {
		synctest.Test(t, func(t *testing.T) {
			s := copyOf(t, whole)
			s.WriteFile(segmentFile(2), file[:n])
			f, g := follow(t, s, 0), follow(t, s, 0)
			f.wants("1:a |")
			l, _, err := wal.Open(s, wal.Options{})
			ok(t, err)
			appendAll(t, l, "x")
			ok(t, l.Close())
			f.wants("2:x |")
			g.wants("1:a |2:x |")
			for _, f := range []*following{f, g} {
				f.stop()
				f.fails(context.Canceled)
			}
		})
	}
}

// TestFollowReadsWhatIsNew: following reads and opens nothing of older segments, and each byte
// of a new record a few times at most.
func TestFollowReadsWhatIsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &meter{Store: wal.NewMemory(), opened: map[string]int{}}
		l := mustOpen(t, s)
		for range 10 {
			appendAll(t, l, strings.Repeat("x", 1<<16))
			ok(t, l.Rotate())
		}
		f := follow(t, s, l.Last()+1)
		f.wants("|")
		s.mu.Lock()
		s.read, s.opened = 0, map[string]int{}
		s.mu.Unlock()
		written := 0
		for i := range 2000 {
			appendAll(t, l, strings.Repeat("y", 100))
			written += 121
			if i%500 == 0 {
				ok(t, l.Rotate())
			}
			ok(t, l.Sync())
			time.Sleep(time.Millisecond)
		}
		time.Sleep(lag)
		f.stop()
		f.fails(context.Canceled)
		if f.last != l.Last() {
			t.Errorf("followed up to %d of %d", f.last, l.Last())
		}
		if s.read > 6*written {
			t.Errorf("%d bytes were read, of %d", s.read, written)
		}
		for first := range 10 {
			if n := s.opened[segmentFile(first+1)]; n > 0 {
				t.Errorf("segment %d was opened %d times", first+1, n)
			}
		}
	})
}

// meter is a store that counts what is opened and read.
type meter struct {
	wal.Store
	mu     sync.Mutex
	opened map[string]int
	read   int
}

func (m *meter) Open(name string) (wal.Content, error) {
	m.mu.Lock()
	m.opened[name]++
	m.mu.Unlock()
	c, err := m.Store.Open(name)
	return metered{c, m}, err
}

type metered struct {
	wal.Content
	meter *meter
}

func (c metered) ReadAt(b []byte, at int64) (int, error) {
	n, err := c.Content.ReadAt(b, at)
	c.meter.mu.Lock()
	c.meter.read += n
	c.meter.mu.Unlock()
	return n, err
}

// TestFollowProves: while the writer syncs, its records prove what is on disk, and the follower
// need not sync. When the writer does not, the follower does.
func TestFollowProves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := waltest.NewDisk()
		var syncs atomic.Int64
		d.Plan(func(op waltest.Op) waltest.Fault {
			if op.Kind == waltest.Sync {
				syncs.Add(1)
			}
			return waltest.Fault{}
		})
		l := mustOpen(t, d)
		f := follow(t, d, 0)
		f.wants("|")
		syncs.Store(0)
		for range 100 {
			appendAll(t, l, "a")
			ok(t, l.Sync())
			time.Sleep(busyPoll / 3)
		}
		if _, last := f.take(); syncs.Load() != 100 || last < 95 {
			t.Errorf("%d syncs, up to record %d", syncs.Load(), last)
		}
		time.Sleep(lag)
		syncs.Store(0)
		for range 10 {
			appendAll(t, l, "b")
			ok(t, l.Flush())
			time.Sleep(lag)
		}
		if _, last := f.take(); syncs.Load() != 10 || last != 110 {
			t.Errorf("%d syncs, up to record %d", syncs.Load(), last)
		}
		f.stop()
		f.fails(context.Canceled)
	})
}

const busyPoll = time.Millisecond

// TestFollowDiskFails: a follower yields nothing that it cannot sync, and says why.
func TestFollowDiskFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := waltest.NewDisk()
		l := mustOpen(t, d)
		f := follow(t, d, 0)
		f.wants("|")
		d.Plan(func(op waltest.Op) waltest.Fault {
			if op.Kind == waltest.Sync {
				return waltest.Fault{Err: waltest.ErrFault}
			}
			return waltest.Fault{}
		})
		appendAll(t, l, "a")
		ok(t, l.Flush())
		f.fails(waltest.ErrFault)
		f.wants("")
	})
}

// readOnly is a store in which nothing can be opened for writing.
type readOnly struct{ wal.Store }

func (r readOnly) OpenAppend(name string) (wal.File, error) {
	return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
}

// TestFollowReadOnly: a follower that may not write syncs files that it has open for reading, if
// the store can do that.
func TestFollowReadOnly(t *testing.T) {
	dir := wal.Dir(t.TempDir())
	synctest.Test(t, func(t *testing.T) {
		l := mustOpen(t, dir)
		appendAll(t, l, "a")
		ok(t, l.Flush())
		f := follow(t, readOnly{dir}, 0)
		f.wants("1:a |")
		f.stop()
		f.fails(context.Canceled)
		ok(t, l.Close())

		s := write(t, "a", "sync")
		f = follow(t, readOnly{s}, 0)
		f.fails(fs.ErrPermission)
	})
}
