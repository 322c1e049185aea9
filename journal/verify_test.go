package journal_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/vm"
)

// TestVerify: a journal that is intact is said to be; of one that is not, the
// first damage is said, and what is good before it.
func TestVerify(t *testing.T) {
	for _, tt := range []struct {
		name      string
		harm      func(t *testing.T, file string, size int64)
		ambiguous bool
		damage    string // empty for none
	}{
		{"nothing", nil, false, ""},
		{"the end is torn off", func(t *testing.T, file string, size int64) { must(t, os.Truncate(file, size-5)) }, true, "torn"},
		{"a byte in the middle", func(t *testing.T, file string, size int64) { flip(t, file, size/2) }, false, "prove"},
		{"a byte of the last record", func(t *testing.T, file string, size int64) { flip(t, file, size-20) }, true, "torn"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			record(t, dir, journal.Config{CheckEvery: 2}, someSlips...)
			files, err := filepath.Glob(filepath.Join(dir, "*.journal"))
			if err != nil || len(files) != 1 {
				t.Fatal(files, err)
			}
			info, err := os.Stat(files[0])
			must(t, err)
			if tt.harm != nil {
				tt.harm(t, files[0], info.Size())
			}
			calls := 0
			v, err := journal.Verify(dir, func(done, total int64) {
				if calls++; done > total {
					t.Errorf("%d of %d is done", done, total)
				}
			})
			must(t, err)
			if tt.damage == "" {
				if v.Damage != nil || v.Summary.Last.Seq != 10 || v.Summary.Checks != 5 || len(v.Summary.Starts) != 1 || v.Summary.Stopped() {
					t.Errorf("%+v", v)
				}
				return
			}
			if v.Damage == nil || v.Ambiguous != tt.ambiguous || !strings.Contains(v.Damage.Error(), tt.damage) || v.Damage.Segment != filepath.Base(files[0]) {
				t.Errorf("damage %v, ambiguous: %v", v.Damage, v.Ambiguous)
			}
			if v.Damage.Index != v.Log.Last+1 || v.Synced == 0 {
				t.Errorf("%+v", v)
			}
		})
	}
}

// TestDetails: the journal tells what came of its inputs, in any program.
func TestDetails(t *testing.T) {
	dir := t.TempDir()
	record(t, dir, journal.Config{Trace: true}, someSlips...)
	n := 0
	for d, err := range read(t, dir).Details(0) {
		must(t, err)
		n++
		if !d.Checked || len(d.Steps) == 0 {
			t.Errorf("input %d: %+v", d.Input.Seq, d)
		}
		if d.Input.Seq == 8 && (len(d.RollCalls) != 1 || d.RollCalls[0] != "4 bob is gone: bob was closed with 7") {
			t.Errorf("roll calls %q", d.RollCalls)
		}
	}
	s, err := read(t, dir).Summary()
	must(t, err)
	if n != 10 || s.Traces != 10 || s.First.Kind != vm.Start || s.Last.Kind != vm.End || !s.Heads[0].Trace {
		t.Errorf("%d details; %+v", n, s)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// flip changes a byte of a file.
func flip(t *testing.T, file string, at int64) {
	t.Helper()
	b, err := os.ReadFile(file)
	must(t, err)
	b[at] ^= 0xff
	must(t, os.WriteFile(file, b, 0o600))
}
