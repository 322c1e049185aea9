package wal_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/journal/wal/waltest"
)

// pausing is a store whose writer takes its time, so that followers look in between.
type pausing struct {
	wal.Store
	random *rand.Rand
}

func (p pausing) pause() { time.Sleep(time.Duration(p.random.IntN(4000)) * time.Microsecond) }

func (p pausing) Create(name string) (wal.File, error) {
	p.pause()
	f, err := p.Store.Create(name)
	return pausingFile{f, p}, err
}

func (p pausing) OpenAppend(name string) (wal.File, error) {
	p.pause()
	f, err := p.Store.OpenAppend(name)
	return pausingFile{f, p}, err
}

func (p pausing) Remove(name string) error { p.pause(); return p.Store.Remove(name) }
func (p pausing) SyncDir() error           { p.pause(); return p.Store.SyncDir() }

type pausingFile struct {
	wal.File
	pausing
}

func (f pausingFile) Write(b []byte) (int, error) { f.pause(); return f.File.Write(b) }
func (f pausingFile) Sync() error                 { f.pause(); return f.File.Sync() }

// TestFollowCrash: wherever the system crashes, among the operations of the writer and those of
// a follower, and whatever survives, the log has every record that the follower has yielded.
func TestFollowCrash(t *testing.T) {
	followed := 0
	for seed := range uint64(5) {
		for n, whole := 1, false; !whole; n++ {
			synctest.Test(t, func(t *testing.T) {
				d := waltest.NewDisk()
				mustOpen(t, d).Abandon()
				f := follow(t, d, 0)
				d.CrashAt(d.Ops()+n, n%50)
				var st story
				err := st.live(pausing{d, rand.New(rand.NewPCG(seed, uint64(n)))})
				whole = err == nil
				d.Crash(waltest.LoseAll) // or the follower would wait for more
				<-f.end
				if err != nil && !errors.Is(err, waltest.ErrCrashed) || !errors.Is(f.err, waltest.ErrCrashed) {
					t.Fatal(n, err, f.err)
				}
				st.synced = max(st.synced, f.last)
				followed += int(f.last)
				for name, fate := range fates(uint64(n)) {
					after := d.Crash(fate)
					l, r, err := wal.Open(after, wal.Options{})
					if err == nil {
						l.Abandon()
						err = st.check(after, r)
					}
					if err != nil {
						t.Errorf("seed %d, crash at operation %d, the rest is %s, followed up to %d: %v", seed, n, name, f.last, err)
					}
				}
			})
		}
	}
	if followed < 1000 {
		t.Errorf("only %d records were followed", followed)
	}
}

// TestFollowKilled: wherever the writer is killed, its follower goes on with what the next
// writer does, and yields each record once, as it is in the log.
func TestFollowKilled(t *testing.T) {
	for seed := range uint64(5) {
		for n, whole := 1, false; !whole; n++ {
			synctest.Test(t, func(t *testing.T) {
				d := waltest.NewDisk()
				mustOpen(t, d).Abandon()
				f := follow(t, d, 0)
				random := rand.New(rand.NewPCG(seed, uint64(n)))
				ops := 0
				d.Plan(func(op waltest.Op) waltest.Fault {
					if ops++; ops == n {
						return waltest.Fault{Crash: true, Written: n % 50}
					}
					return waltest.Fault{}
				})
				var st story
				err := st.live(pausing{d, random})
				whole = err == nil
				d.Restart()
				select {
				case <-f.end:
					return // the follower was killed, and not the writer
				default:
				}
				if err := st.live(pausing{d, random}); err != nil {
					t.Fatal(n, err)
				}
				time.Sleep(lag)
				f.stop()
				<-f.end
				want := ""
				for i := range st.said {
					want += fmt.Sprintf("%d:%s ", i+1, text(uint64(i+1)))
				}
				if got := withoutMarks(f.text); got != want {
					t.Errorf("seed %d, killed at operation %d: followed %q, want %q (%v)", seed, n, got, want, f.err)
				}
			})
		}
	}
}

// withoutMarks removes what says that there were no more records.
func withoutMarks(text string) string {
	b := []byte{}
	for _, c := range []byte(text) {
		if c != '|' {
			b = append(b, c)
		}
	}
	return string(b)
}
