package journal_test

import (
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
)

// TestIssue14B4LargeValue: a value of 17 MiB, of which the text has more bytes than a record
// can have, names a process and is in its topic. The run goes on.
func TestIssue14B4LargeValue(t *testing.T) {
	huge := strings.Repeat("\x00", 17<<20)
	must(t, drive(t, journal.Config{SnapshotEvery: -1}, wal.NewMemory(), []any{Slip{huge, 0}}, func() {}).err)
}

// TestIssue14B4LongTexts: values with long texts, which differ only at their ends, name
// processes and are in their topics and in the reasons of their ends. The journal can be
// replayed, and its presence log is short.
func TestIssue14B4LongTexts(t *testing.T) {
	const most = 4 << 10 // bytes of a text
	long := strings.Repeat("\x00", 10*most)
	other := long + "\x01"
	slips := []any{Slip{long, 0}, Slip{other, 0}, Slip{long, 5}, Slip{long, -1}, Slip{"ann", 0}}
	for _, trace := range []bool{false, true} {
		s := wal.NewMemory()
		must(t, drive(t, journal.Config{Trace: trace, SnapshotEvery: -1, CheckEvery: 1}, s, slips, func() {}).err)
		h, err := journal.ReadStore(s)
		must(t, err)
		p := bank(newStreet())
		p.Types = types(newStreet())
		report, err := h.Replay(t.Context(), p, journal.ReplayConfig{})
		if err != nil || report.Seq != uint64(len(slips))+1 {
			t.Fatalf("%d inputs: %v", report.Seq, err)
		}
		presence, err := h.Presence()
		must(t, err)
		ended, topics := 0, map[string]bool{}
		for _, i := range presence.Intervals {
			topics[i.Topic] = true
			if max(len(i.Name), len(i.Role()), len(i.Reason)) > most {
				t.Errorf("a name of %d bytes, a role of %d, a reason of %d", len(i.Name), len(i.Role()), len(i.Reason))
			}
			if !i.Still() {
				ended++
			}
		}
		if ended != 1 || len(presence.Intervals) != 4 || len(topics) != 4 {
			t.Errorf("%d intervals, of which %d have ended, with %d topics", len(presence.Intervals), ended, len(topics))
		}
	}
}

// TestIssue14B4LongTrace: an input with a very long trace does not end the run.
func TestIssue14B4LongTrace(t *testing.T) {
	const slips = 60_000
	s := wal.NewMemory()
	must(t, driveProgram(t, journal.Config{Trace: true, Logger: quiet}, s, flooding(slips), []any{Slip{"ann", 1}}, func() {}).err)
	h, err := journal.ReadStore(s)
	must(t, err)
	report, err := h.Replay(t.Context(), flooding(slips), journal.ReplayConfig{})
	if err != nil || report.Traced != report.Seq || report.LastCheck != report.Seq {
		t.Errorf("%+v, %v", report, err)
	}
	for d, err := range h.Details(2) {
		must(t, err)
		if d.Input.Seq == 2 && len(d.Steps) < slips {
			t.Errorf("the trace has %d steps", len(d.Steps))
		}
	}
	summary, err := h.Summary()
	must(t, err)
	if summary.Traces < 3 {
		t.Errorf("%d entries with traces", summary.Traces)
	}
}
