package journal_test

import (
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
)

// TestIssue14B4LargeValue: a value of 17 MiB, of which the text is several times as large,
// names a process and is in its topic and in the reason of its end. The run goes on, and the
// journal can be replayed, in little more than the size of the value.
func TestIssue14B4LargeValue(t *testing.T) {
	huge := strings.Repeat("\x00", 17<<20)
	other := huge + "\x01"
	slips := []any{Slip{huge, 0}, Slip{other, 0}, Slip{huge, 5}, Slip{huge, -1}, Slip{"ann", 0}}
	for _, trace := range []bool{false} {
		s := wal.NewMemory()
		d := drive(t, journal.Config{Trace: trace, SnapshotEvery: -1, CheckEvery: 1}, s, slips, func() {})
		must(t, d.err)
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
		ended, text := 0, 0
		for _, i := range presence.Intervals {
			text += len(i.Name) + len(i.Topic) + len(i.Reason)
			if !i.Still() {
				ended++
			}
		}
		if ended != 1 || len(presence.Intervals) != 4 || text > 100_000 {
			t.Errorf("%d intervals, of which %d have ended, with %d bytes of text", len(presence.Intervals), ended, text)
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
