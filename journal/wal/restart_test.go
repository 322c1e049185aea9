package wal_test

import (
	"errors"
	"testing"

	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/journal/wal/waltest"
)

// TestIssue14B3KilledThenPowerCut: the process ends at each operation, by a kill or because
// the operation fails, and another one goes on with the same disk. What it was promised
// survives a power cut, at each of its operations.
func TestIssue14B3KilledThenPowerCut(t *testing.T) {
	faults := map[string]func(n int) func(waltest.Op) waltest.Fault{
		"killed": func(n int) func(waltest.Op) waltest.Fault {
			return func(op waltest.Op) waltest.Fault { return waltest.Fault{Crash: op.N == n, Written: n % 50} }
		},
		"failed": func(n int) func(waltest.Op) waltest.Fault {
			return func(op waltest.Op) waltest.Fault {
				if op.N != n {
					return waltest.Fault{}
				}
				return waltest.Fault{Err: waltest.ErrFault, Written: n % 50}
			}
		},
	}
	for how, fault := range faults {
		for n := 1; ; n++ {
			d := waltest.NewDisk()
			d.Plan(fault(n))
			var first story
			if first.live(d) == nil {
				break
			}
			for later := 1; ; later++ {
				d := waltest.NewDisk()
				d.Plan(fault(n))
				var st story
				if err := st.live(d); !errors.Is(err, waltest.ErrCrashed) && !errors.Is(err, waltest.ErrFault) {
					t.Fatalf("%s at operation %d: %v", how, n, err)
				}
				d.Restart()
				d.CrashAt(d.Ops()+later, 0)
				next := story{said: st.said, synced: st.synced, oldest: st.oldest}
				err := next.live(d)
				if err != nil && !errors.Is(err, waltest.ErrCrashed) {
					t.Fatalf("%s at operation %d, then %d: %v", how, n, later, err)
				}
				after := d.Crash(waltest.LoseAll)
				l, r, opened := wal.Open(after, wal.Options{})
				if opened == nil {
					l.Abandon()
					opened = next.check(after, r)
				}
				if opened != nil {
					t.Errorf("%s at operation %d, then a power cut at operation %d: %v", how, n, later, opened)
				}
				if err == nil {
					break
				}
			}
		}
	}
}
