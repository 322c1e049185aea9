package proof

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal/waltest"
)

// What a disk is like after a crash: what each choice has left of what was not
// synced.
func aftermaths(seed uint64) map[string]func(int) int {
	random := rand.New(rand.NewPCG(seed, 1))
	return map[string]func(int) int{"nothing": waltest.LoseAll, "everything": waltest.KeepAll, "some": random.IntN}
}

var synced = []journal.Config{
	{Durability: journal.Sync},
	{Durability: journal.Sync, Trace: true},
	{Durability: journal.Sync, CheckEvery: 1, SegmentSize: 400},
}

func name(c journal.Config) string {
	return fmt.Sprintf("%v,trace=%v,every=%d,segment=%d", c.Durability, c.Trace, c.CheckEvery, c.SegmentSize)
}

// survives checks what is left of a journal after a run: the inputs are the
// first ones of the run, with the same results; what the world has seen
// resulted from them; and a new run goes on from there.
func survives(t *testing.T, run *life, disk *waltest.Disk, c journal.Config, after string) {
	t.Helper()
	left, err := relive(t, disk, library)
	if err != nil && !strings.Contains(err.Error(), "there is no journal") {
		t.Fatalf("what survives cannot be replayed: %v", err)
	}
	if d := left.differs(&run.tape); d != "" {
		t.Fatal("what survives is another run: ", d)
	}
	if c.Durability == journal.Memory || c.Durability == journal.Batch && after != "everything" {
		run.acks = nil // nothing is promised
	}
	if len(run.acks) > len(left.acks) || !slices.Equal(left.acks[:len(run.acks)], run.acks) {
		t.Fatalf("the world has seen %v, and what survives results in %v", run.acks, left.acks)
	}
	next := live(t, disk, c, library, Note{"carl", "after"})
	if next.err != nil {
		t.Fatal("the run after it: ", next.err)
	}
	want := tape{append(slices.Clone(left.inputs), next.inputs...)}
	whole, err := relive(t, disk, library)
	if err != nil {
		t.Fatal("the replay of both runs: ", err)
	}
	if d := whole.differs(&want); d != "" || len(whole.inputs) != len(want.inputs) {
		t.Fatalf("%d inputs of two runs are not the %d that were recorded: %s", len(whole.inputs), len(want.inputs), d)
	}
	if len(next.acks) != 1 || next.acks[0].(Ack).N != len(left.acks)+1 {
		t.Fatalf("after %d notes, the next has %v", len(left.acks), next.acks)
	}
}

// TestFaults: when an operation of the disk fails, whichever it is, the run ends
// with an error that says so, and nothing that the world has seen is lost.
func TestFaults(t *testing.T) {
	for _, c := range append(slices.Clone(synced), journal.Config{Durability: journal.Batch, BatchEvery: time.Millisecond}, journal.Config{Durability: journal.Memory}) {
		t.Run(name(c), func(t *testing.T) {
			for n := 1; ; n++ {
				disk := waltest.NewDisk()
				var fault waltest.Op
				disk.Plan(func(op waltest.Op) waltest.Fault {
					if op.N < n || fault.N > 0 {
						return waltest.Fault{}
					}
					fault = op
					return waltest.Fault{Err: waltest.ErrFault, Written: n % 50}
				})
				run := live(t, disk, c, library, some...)
				disk.Plan(nil)
				if fault.N == 0 {
					if run.err != nil || len(run.acks) != len(some) {
						t.Fatalf("without a fault: %v, %v", run.acks, run.err)
					}
					return
				}
				if !errors.Is(run.err, waltest.ErrFault) || !strings.Contains(run.err.Error(), "journal") {
					t.Fatalf("%v number %d has failed, and the run has ended with %v", fault.Kind, n, run.err)
				}
				survives(t, run, disk.Crash(waltest.KeepAll), c, "everything")
			}
		})
	}
}

// TestCrashes: the machine crashes at any operation of the disk, with any part of
// it done. Whatever is left of what was not synced, the journal is the beginning
// of the run, and nothing that the world has seen is lost, as far as that was
// promised.
func TestCrashes(t *testing.T) {
	for _, c := range append(slices.Clone(synced), journal.Config{Durability: journal.Batch, BatchEvery: time.Millisecond}) {
		t.Run(name(c), func(t *testing.T) {
			for n := 1; ; n++ {
				crashes, length := false, 0
				for written := 0; written <= length; written += step() {
					for after, choose := range aftermaths(uint64(n)) {
						disk := waltest.NewDisk()
						crashes = false
						disk.Plan(func(op waltest.Op) waltest.Fault {
							if op.N != n {
								return waltest.Fault{}
							}
							crashes, length = true, len(op.Bytes)
							return waltest.Fault{Crash: true, Written: written}
						})
						run := live(t, disk, c, library, some...)
						if !crashes {
							break
						}
						if !errors.Is(run.err, waltest.ErrCrashed) {
							t.Fatalf("crash at operation %d, %d bytes: the run has ended with %v", n, written, run.err)
						}
						t.Logf("crash at operation %d, with %d bytes written, and %s left", n, written, after)
						survives(t, run, disk.Crash(choose), c, after)
					}
				}
				if !crashes {
					return
				}
			}
		})
	}
}

// thorough makes tests try every byte, and not only some.
var thorough = flag.Bool("thorough", false, "try every byte")

// step is how far apart the bytes are that are tried.
func step() int {
	if *thorough {
		return 1
	}
	return 61
}

// TestFull: the disk is full, at whatever byte.
func TestFull(t *testing.T) {
	for _, c := range synced {
		t.Run(name(c), func(t *testing.T) {
			for room := int64(0); ; room += int64(step()) {
				disk := waltest.NewDisk()
				disk.Limit(room)
				run := live(t, disk, c, library, some...)
				if run.err == nil {
					return
				}
				if !errors.Is(run.err, waltest.ErrFull) || !strings.Contains(run.err.Error(), "journal") {
					t.Fatalf("with room for %d bytes the run has ended with %v", room, run.err)
				}
				disk.Limit(-1)
				survives(t, run, disk.Crash(waltest.KeepAll), c, "everything")
			}
		})
	}
}
