package journal_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
)

// types are those of the bank, on a street.
func types(s *street) []actions.Type {
	opened := func(p actions.Process) actions.Action {
		_, as := p.Erase()
		return as
	}
	return []actions.Type{
		actions.Define("journaltest.clerk", func(c clerk) actions.Action { return opened(c.process(s)) }).Type,
		actions.Define("journaltest.account", func(a account) actions.Action { return opened(a.process()) }).Type,
	}
}

// stretch runs the bank for some slips, and then stops it. Now and then it waits
// until snapshots are written, because a fast counter outruns a slow disk.
func stretch(t *testing.T, dir string, c journal.Config, slips ...any) (receipts []any) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newStreet()
		c.Types = types(s)
		ctx, cancel := context.WithCancel(t.Context())
		if err := run(ctx, dir, c, bank(s), func() {
			for i, slip := range slips {
				s.slips <- slip
				if i%25 == 24 {
					synctest.Wait()
				}
			}
			s.slips <- Slip{"last", 1}
			for seen := s.seen(); len(seen) == 0 || seen[len(seen)-1].(Receipt).Account != "last"; seen = s.seen() {
				<-s.got
			}
			cancel()
		}); err != nil {
			t.Fatal(err)
		}
		receipts = s.seen()
	})
	return receipts
}

func filesIn(t *testing.T, dir, suffix string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestRecoveryFromSnapshot: a machine goes on from a snapshot as it does from its
// whole history; old segments may be missing; bad snapshots do no harm, but are
// reported.
func TestRecoveryFromSnapshot(t *testing.T) {
	slips := manySlips(400)
	want := func() []any {
		dir := t.TempDir()
		c := journal.Config{Durability: journal.Memory, SnapshotEvery: -1}
		stretch(t, dir, c, append([]any{Slip{"last", 0}}, slips...)...)
		return stretch(t, dir, c, slips...)
	}()
	for _, tt := range []struct {
		name    string
		drop    bool
		spoil   int // snapshots, the newest first
		warns   string
		refused bool
	}{
		{name: "newest"},
		{name: "older", spoil: 1, warns: "cannot be used"},
		{name: "none", spoil: 2, warns: "cannot be used"},
		{name: "newest, old segments dropped", drop: true},
		{name: "older, old segments dropped", drop: true, spoil: 1, warns: "cannot be used"},
		{name: "none, old segments dropped", drop: true, spoil: 3, warns: "cannot be used", refused: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			var log bytes.Buffer
			c := journal.Config{
				Durability: journal.Batch, SnapshotEvery: 20, SegmentSize: 1000, DropOld: tt.drop,
				Logger: slog.New(slog.NewTextHandler(&log, nil)),
			}
			stretch(t, dir, c, append([]any{Slip{"last", 0}}, slips...)...)
			snapshots := filesIn(t, dir, ".snapshot")
			if n := len(snapshots); n != 2 && (n != 3 || !tt.drop) {
				t.Fatalf("snapshots %v, log:\n%s", snapshots, &log)
			}
			h := read(t, dir)
			if tt.drop != (h.First() > 1) {
				t.Errorf("the history begins with %d", h.First())
			}
			slices.Reverse(snapshots)
			for _, name := range snapshots[:min(tt.spoil, len(snapshots))] {
				b, err := os.ReadFile(name)
				if err != nil {
					t.Fatal(err)
				}
				b[len(b)/2] ^= 1
				if err := os.WriteFile(name, b, 0o666); err != nil {
					t.Fatal(err)
				}
			}
			log.Reset()
			if tt.refused {
				s := newStreet()
				c.Types = types(s)
				err := run(t.Context(), dir, c, bank(s), func() {})
				if err == nil || !strings.Contains(err.Error(), "no snapshot can be used") || !strings.Contains(err.Error(), "checksum") {
					t.Errorf("error %v", err)
				}
				return
			}
			got := stretch(t, dir, c, slips...)
			if !slices.Equal(got, want) {
				t.Errorf("%d receipts, and not the same %d", len(got), len(want))
			}
			if tt.warns == "" && strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), tt.warns) {
				t.Errorf("log:\n%s", &log)
			}
		})
	}
}

// TestUnregistered: a machine with processes of unknown types takes no snapshots, and
// the log names the processes.
func TestUnregistered(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		s := newStreet()
		if err := run(t.Context(), dir, journal.Config{
			SnapshotEvery: 2, Types: types(s)[:1], Logger: slog.New(slog.NewTextHandler(&log, nil)),
		}, journal.Booting(
			actions.Spawn(clerk{"north"}.process(s)).Named("clerk"),
			actions.Spawn(actions.Next(0, endpoint.Subscriber(topic.All[int]()))).Named("stranger"),
		), func() {
			for i := range 20 {
				name := fmt.Sprint("a", i)
				s.slips <- Slip{name, 0}
				s.slips <- Slip{name, 1}
				<-s.got
				synctest.Wait() // until the snapshot has been tried
			}
			close(s.slips)
		}); err != nil {
			t.Fatal(err)
		}
	})
	if text := log.String(); !strings.Contains(text, "stranger") || !strings.Contains(text, "a0") || strings.Contains(text, "2 clerk") {
		t.Errorf("log:\n%s", text)
	}
	if names := filesIn(t, dir, ".snapshot"); len(names) > 0 {
		t.Errorf("snapshots %v", names)
	}
}

// TestTravelFromSnapshots: a run whose beginning has been dropped can be inspected
// from its oldest snapshot on; a run with snapshots is the same as without.
func TestTravelFromSnapshots(t *testing.T) {
	for _, drop := range []bool{false, true} {
		dir := t.TempDir()
		c := journal.Config{Durability: journal.Batch, SnapshotEvery: 40, SegmentSize: 1000, DropOld: drop}
		stretch(t, dir, c, append([]any{Slip{"last", 0}}, manySlips(300)...)...)
		s := newStreet()
		program := bank(s)
		program.Types = types(s)
		r, err := read(t, dir).Record(program)
		if err != nil {
			t.Fatal(err)
		}
		if drop != (r.First() > 0) {
			t.Errorf("it begins with %d", r.First())
		}
		end := moment(t, r, r.Last()-3) // before the stop, from a snapshot
		again, err := read(t, dir).Record(program)
		if err != nil {
			t.Fatal(err)
		}
		for seq := again.First(); seq < end.Seq; seq++ {
			moment(t, again, seq)
		}
		if other := moment(t, again, end.Seq); inFull(other) != inFull(end) || other.Digest != end.Digest {
			t.Errorf("moment %d from the beginning:\n%s\nfrom a snapshot:\n%s", end.Seq, inFull(other), inFull(end))
		}
		if drop {
			if _, err := r.At(t.Context(), r.First()-1); err == nil {
				t.Error("there is a moment before the first one")
			}
			if _, err := r.Branch(t.Context(), journal.Branch{From: r.Last(), Program: &program}); err == nil {
				t.Error("another program has lived through what is not there")
			}
		}
	}
}

// TestGoldenSnapshots: from journals of earlier releases, whose beginning has been
// dropped, a machine is recovered from its snapshots, and the presence history begins
// there. The folders are never changed, like those of TestGoldenJournals.
func TestGoldenSnapshots(t *testing.T) {
	const folder = "testdata/goldensnapshots"
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		store := wal.NewMemory()
		synctest.Test(t, func(t *testing.T) {
			c := journal.Config{Program: "golden", ID: journal.ID{14}, SnapshotEvery: 40, SegmentSize: 4000, DropOld: true}
			must(t, drive(t, c, store, manySlips(190), synctest.Wait).err)
		})
		dir := filepath.Join(folder, "v5")
		must(t, os.RemoveAll(dir))
		writeFiles(t, dir, store)
	}
	dirs, err := filepath.Glob(filepath.Join(folder, "v*"))
	if err != nil || len(dirs) != 5 {
		t.Fatal(dirs, err)
	}
	for _, dir := range dirs {
		h := read(t, dir)
		var b strings.Builder
		fmt.Fprintf(&b, "inputs %d to %d\n", h.First(), h.Last())
		store := wal.NewMemory()
		for _, suffix := range []string{".journal", ".snapshot"} {
			for _, name := range filesIn(t, dir, suffix) {
				content, err := os.ReadFile(name)
				must(t, err)
				store.WriteFile(filepath.Base(name), content)
			}
		}
		var log bytes.Buffer
		d := driveOn(t, journal.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}, store)
		must(t, d.err)
		if !strings.Contains(log.String(), " snapshot=") {
			t.Errorf("it does not begin with a snapshot: %s", &log)
		}
		b.WriteString(outline(d.m))
		p, err := h.Presence()
		must(t, err)
		for _, i := range p.Intervals {
			fmt.Fprintln(&b, &i, i.From.Seq, i.Earlier, i.To.Seq, i.Reason)
		}
		vmtest.Golden(t, filepath.Join(dir, "report.txt"), b.String())
	}
}
