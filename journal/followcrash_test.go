package journal_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal/waltest"
)

// TestIssue14FollowCrashes: wherever the system crashes while a journal with any durability is
// written, takes snapshots, drops what is old, and is followed, and whatever part of the unsynced
// data survives, the journal has all inputs that the follower has had, and the follower goes on
// from there with those that come.
func TestIssue14FollowCrashes(t *testing.T) {
	followed := 0
	for _, durability := range []journal.Durability{journal.Sync, journal.Batch, journal.Memory} {
		c := journal.Config{Durability: durability, SnapshotEvery: 7, SegmentSize: 600, DropOld: true, CheckEvery: 5}
		step := 1
		if testing.Short() {
			step = 7
		}
		for n, whole := 1, false; !whole; n += step {
			synctest.Test(t, func(t *testing.T) {
				disk := waltest.NewDisk()
				disk.CrashAt(n, 13)
				random := rand.New(rand.NewPCG(uint64(n), 0))
				f := follow(t, disk, journal.Position{})
				pause := func() { time.Sleep(time.Duration(random.IntN(4000)) * time.Microsecond) }
				d := drive(t, c, disk, manySlips(60), pause)
				if whole = d.err == nil && disk.Ops() < n; whole {
					disk.Plan(func(waltest.Op) waltest.Fault { return waltest.Fault{Crash: true} })
				}
				f.stop() // it may be idle
				if err := f.fails(); !errors.Is(err, waltest.ErrCrashed) && !errors.Is(err, context.Canceled) {
					t.Fatalf("operation %d: %v", n, err)
				}
				followed += len(f.inputs)
				fates := []func(int) int{waltest.LoseAll, waltest.KeepAll, random.IntN}
				if durability == journal.Memory {
					fates = fates[:2] // a log that is never synced has no holes
				}
				for _, left := range fates {
					after := disk.Crash(left)
					must(t, driveOn(t, c, after).err)
					all := inputsIn(t, after, 0)
					if len(all) == 0 && len(f.inputs) == 0 {
						continue
					}
					first := uint64(1)
					if h, err := journal.ReadStore(after); err == nil {
						first = h.First()
					}
					if uint64(len(f.inputs)) > first-1+uint64(len(all)) {
						t.Fatalf("operation %d: followed up to input %d, and there are those up to %d", n, len(f.inputs), int(first)-1+len(all))
					}
					if len(f.inputs) >= int(first) && !slices.Equal(f.inputs[first-1:], all[:len(f.inputs)-int(first)+1]) {
						t.Fatalf("operation %d: followed %v, and there are %v", n, f.inputs[first-1:], all)
					}
					if len(f.at) == 0 || f.last < first {
						continue
					}
					g := follow(t, after, f.at[len(f.at)-1])
					g.wants(first - 1 + uint64(len(all)))
					g.ends()
					if !slices.Equal(g.inputs, all[len(f.inputs)-int(first)+1:]) {
						t.Errorf("operation %d: it goes on with %v", n, g.inputs)
					}
				}
			})
		}
	}
	if followed < 1000 {
		t.Errorf("only %d inputs were followed", followed)
	}
}

// TestIssue14FollowKilled: wherever a program is killed, its follower goes on with the next run.
func TestIssue14FollowKilled(t *testing.T) {
	c := journal.Config{SnapshotEvery: 7, SegmentSize: 600, CheckEvery: 5}
	for n, whole := 1, false; !whole; n += 3 {
		synctest.Test(t, func(t *testing.T) {
			disk := waltest.NewDisk()
			f := follow(t, disk, journal.Position{})
			var killed atomic.Bool
			disk.Plan(func(op waltest.Op) waltest.Fault {
				if op.N == n {
					killed.Store(true)
				}
				return waltest.Fault{Crash: killed.Load(), Written: 13}
			})
			random := rand.New(rand.NewPCG(uint64(n), 0))
			pause := func() { time.Sleep(time.Duration(random.IntN(4000)) * time.Microsecond) }
			d := drive(t, c, disk, manySlips(60), pause)
			whole = !killed.Load()
			disk.Restart()
			if d.err != nil && !errors.Is(d.err, waltest.ErrCrashed) {
				t.Fatal(d.err)
			}
			if f.ended() { // it was the follower that was killed
				at := journal.Position{}
				if len(f.at) > 0 {
					at = f.at[len(f.at)-1]
				}
				f = follow(t, disk, at, f.inputs...)
			}
			must(t, drive(t, c, disk, manySlips(20), pause).err)
			all := inputsIn(t, disk, 0)
			f.wants(uint64(len(all)))
			f.ends()
			if !slices.Equal(f.inputs, all) {
				t.Errorf("operation %d: followed %v, and there are %v", n, f.inputs, all)
			}
		})
	}
}
