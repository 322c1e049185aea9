package journal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/vm"
)

var everyConfig = []journal.Config{
	{Durability: journal.Sync},
	{Durability: journal.Batch, CheckEvery: 1},
	{Durability: journal.Memory, CheckEvery: 3},
	{Durability: journal.Memory, Trace: true},
	{Durability: journal.Memory, CheckEvery: 2, SegmentSize: 300},
}

var someSlips = []any{Slip{"ann", 0}, Slip{"ann", 5}, Slip{"bob", 0}, Slip{"bob", 7}, Slip{"ann", 3}, Slip{"bob", -1}, Slip{"bob", 9}}

// TestReplay: a history that is replayed does the same again.
func TestReplay(t *testing.T) {
	for _, c := range everyConfig {
		t.Run(fmt.Sprintf("%v,%d,%v", c.Durability, c.CheckEvery, c.Trace), func(t *testing.T) {
			dir := t.TempDir()
			receipts := record(t, dir, c, someSlips...)
			if want := []any{Receipt{"ann", 5}, Receipt{"bob", 7}, Receipt{"ann", 8}}; !slices.Equal(receipts, want) {
				t.Fatalf("receipts %v", receipts)
			}
			h := read(t, dir)
			var again []any
			report, err := h.Replay(t.Context(), bank(newStreet()), journal.ReplayConfig{Watch: func(_ uint64, r *vm.Record) {
				if r.Kind == vm.Commanded && r.Command.Kind == vm.Tell {
					again = append(again, r.Command.Value)
				}
			}})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(again, receipts) {
				t.Errorf("commands %v, not %v", again, receipts)
			}
			if report.Seq != 10 || report.Seq != h.Last() || c.CheckEvery < 10 && c.CheckEvery > 0 && report.Checks == 0 {
				t.Errorf("report %+v", report)
			}
		})
	}
}

// TestHistory: the inputs are in the journal, for any program to read.
func TestHistory(t *testing.T) {
	dir := t.TempDir()
	record(t, dir, journal.Config{SegmentSize: 200}, someSlips[:2]...)
	var got []string
	for in, err := range read(t, dir).Inputs(0) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, in.String())
	}
	want := []string{
		`start, incarnation 1`,
		`value of counter "north" for 2: journaltest.Open{}`,
		`value of counter "north" for 2: journaltest.Slip{Amount: 0, Account: "ann"}`,
		`value of counter "north" for 2: journaltest.Slip{Amount: 5, Account: "ann"}`,
		`end of counter "north" for 2`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestRecovery: a run that has been interrupted goes on where it was: the states
// are there, what was open is opened again, with another incarnation.
func TestRecovery(t *testing.T) {
	for _, c := range everyConfig {
		t.Run(fmt.Sprintf("%v,%d,%v", c.Durability, c.CheckEvery, c.Trace), func(t *testing.T) {
			dir := t.TempDir()
			var balance []any
			for incarnation := range 3 {
				s := newStreet()
				ctx, cancel := context.WithCancel(t.Context())
				err := run(ctx, dir, c, bank(s), func() {
					if incarnation == 0 {
						s.slips <- Slip{"ann", 0}
					}
					s.slips <- Slip{"ann", 1 << incarnation}
					<-s.got
					cancel()
				})
				if err != nil {
					t.Fatal(err)
				}
				balance = append(balance, s.seen()...)
			}
			if want := []any{Receipt{"ann", 1}, Receipt{"ann", 3}, Receipt{"ann", 7}}; !slices.Equal(balance, want) {
				t.Errorf("receipts %v", balance)
			}
			report, err := read(t, dir).Replay(t.Context(), bank(newStreet()), journal.ReplayConfig{})
			if err != nil {
				t.Error(err)
			}
			var starts uint64
			for _, k := range report.Kinds {
				if k.Kind == vm.Start {
					starts = k.Count
				}
			}
			if starts != 3 {
				t.Errorf("%+v", report)
			}
		})
	}
}

// TestNotRecordable: a value that cannot be written down is an error where it
// enters.
func TestNotRecordable(t *testing.T) {
	dir := t.TempDir()
	s := newStreet()
	var reason error
	err := run(t.Context(), dir, journal.Config{}, journal.Booting(endpoint.Device(counter{"c", s},
		endpoint.OnEnded(func(err error) actions.Action {
			reason = err
			return nil
		}))), func() { s.slips <- func() {} })
	if err != nil || !errors.Is(reason, vm.ErrNotRecordable) || !strings.Contains(reason.Error(), `counter "c"`) {
		t.Errorf("%v; the counter has ended because of %v", err, reason)
	}
}
