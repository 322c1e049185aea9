package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

var everyConfig = []journal.Config{
	{Durability: journal.Sync},
	{Durability: journal.Batch, CheckEvery: 1},
	{Durability: journal.Memory, CheckEvery: 3},
	{Durability: journal.Memory, Trace: true},
	{Durability: journal.Memory, CheckEvery: 2, SegmentSize: 300},
}

var someSlips = []any{Slip{"ann", 0}, Slip{"ann", 5}, Slip{"bob", 0}, Slip{"bob", 7}, Slip{"ann", 3}, Slip{"bob", -1}, Slip{"bob", 9}}

// TestReplay: a history that is replayed does the same again. U-01.
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

// TestRecovery: a run that was interrupted goes on where it was: the states are
// restored, and devices are opened again, in another incarnation. U-07.
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

// TestNotRecordable: a value that cannot be encoded ends its device.
func TestNotRecordable(t *testing.T) {
	dir := t.TempDir()
	s := newStreet()
	var reason error
	err := run(t.Context(), dir, journal.Config{}, journal.Booting(endpoint.Device(counter{"c", s},
		endpoint.OnEnded(func(err error) actions.Action {
			reason = err
			return nil
		}))), func() { s.slips <- func() {} })
	if err != nil || !errors.Is(reason, world.ErrNotRecordable) || !strings.Contains(reason.Error(), `counter "c"`) {
		t.Errorf("%v; the counter has ended because of %v", err, reason)
	}
}

// visited runs a program with a journal, gives slips to the counter, waits for
// receipts, and stops the program. Without slips it waits until the program ends.
func visited(t *testing.T, dir string, c journal.Config, program func(*street) journal.Program, receipts int, slips ...Slip) ([]any, error) {
	t.Helper()
	s := newStreet()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	over := make(chan error, 1)
	go func() { over <- run(ctx, dir, c, program(s), func() {}) }()
	if len(slips) == 0 {
		return nil, <-over
	}
	for _, slip := range slips {
		select {
		case s.slips <- slip:
		case err := <-over:
			return nil, err
		}
	}
	for range receipts {
		<-s.got
	}
	cancel()
	err := <-over
	return s.seen(), err
}

// till is a program that adds up amounts, and returns the sum on request.
func till(s *street) journal.Program {
	d := counter{"till", s}
	return journal.Booting(actions.Spawn(actions.Next(0, endpoint.Device(d, endpoint.OnValueState(func(sum int, s Slip) actions.Transition[int] {
		switch s.Account {
		case "ping":
			return actions.Next(sum, actions.Tell(d, Receipt{"pong", 0}))
		case "sum":
			return actions.Next(sum, actions.Tell(d, Receipt{"sum", sum}))
		}
		return actions.Next(sum + s.Amount)
	})))).Named("till"))
}

// TestUpcast: values of an earlier version of the program are updated before the
// machine gets them, in a recovery and in a replay; values of this version stay as
// they are.
func TestUpcast(t *testing.T) {
	inCents := func(schema uint64, v any) any {
		if slip, ok := v.(Slip); ok && schema == 1 {
			return Slip{slip.Account, 100 * slip.Amount}
		}
		return v
	}
	dir := t.TempDir()
	if _, err := visited(t, dir, journal.Config{Schema: 1}, till, 1, Slip{"in", 3}, Slip{"ping", 0}); err != nil {
		t.Fatal(err)
	}
	got, err := visited(t, dir, journal.Config{Schema: 2, Upcast: inCents}, till, 1, Slip{"in", 25}, Slip{"sum", 0})
	if want := []any{Receipt{"sum", 325}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%v; receipts %v, not %v", err, got, want)
	}
	program := till(newStreet())
	program.Upcast = inCents
	if _, err := read(t, dir).Replay(t.Context(), program, journal.ReplayConfig{}); err != nil {
		t.Error(err)
	}
	if _, err := read(t, dir).Replay(t.Context(), till(newStreet()), journal.ReplayConfig{}); !errors.As(err, new(*journal.DivergenceError)) {
		t.Errorf("without Upcast it does the same: %v", err)
	}
}

// TestAdopt: a program that differs from the one that has written the journal is
// refused, unless it adopts the history; inputs from there on are its own, and are
// compared.
func TestAdopt(t *testing.T) {
	// At the other bank, bob has had an account from the beginning.
	other := func(s *street) journal.Program {
		return journal.Booting(
			actions.Spawn(account{Name: "bob"}.process()).Named("bob"),
			actions.Spawn(clerk{"north"}.process(s)).Named("clerk"),
		)
	}
	for _, trace := range []bool{false, true} {
		dir := t.TempDir()
		c := journal.Config{CheckEvery: 1, Trace: trace}
		if _, err := visited(t, dir, c, bank, 1, Slip{"ann", 0}, Slip{"ann", 3}); err != nil {
			t.Fatal(err)
		}
		if _, err := visited(t, dir, c, other, 0); !errors.As(err, new(*journal.DivergenceError)) {
			t.Fatalf("another program goes on: %v", err)
		}
		c.Adopt = true
		receipts, err := visited(t, dir, c, other, 2, Slip{"bob", 0}, Slip{"bob", 5})
		if want := []any{Receipt{"bob", 5}, Receipt{"bob", 5}}; err != nil || !slices.Equal(receipts, want) {
			t.Fatalf("%v; receipts %v", err, receipts)
		}
		c.Adopt = false
		receipts, err = visited(t, dir, c, other, 4, Slip{"bob", 0}, Slip{"bob", 5}, Slip{"ann", 4})
		if want := []any{Receipt{"bob", 10}, Receipt{"bob", 5}, Receipt{"bob", 10}, Receipt{"ann", 7}}; err != nil || !slices.Equal(receipts, want) {
			t.Fatalf("%v; receipts %v", err, receipts)
		}
		report, err := read(t, dir).Replay(t.Context(), other(newStreet()), journal.ReplayConfig{})
		if err != nil || report.Checks == 0 {
			t.Errorf("%v, %+v", err, report)
		}
		if _, err := read(t, dir).Replay(t.Context(), bank(newStreet()), journal.ReplayConfig{}); !errors.As(err, new(*journal.DivergenceError)) {
			t.Errorf("the old program does the same: %v", err)
		}
	}
}

// TestTold: the log of Open says from which input the machine goes on, and warns if
// there is nothing to do.
func TestTold(t *testing.T) {
	dir := t.TempDir()
	for _, tt := range []struct {
		want  []string
		close bool // the counter
	}{
		{[]string{"a new journal"}, false},
		{[]string{"goes on", "input=7 incarnation=2\n"}, true},
		{[]string{"goes on", "incarnation=3", "WARN", "nothing can happen", `end="end of counter \"north\" for 2"`}, true},
	} {
		var log bytes.Buffer
		s := newStreet()
		ctx, cancel := context.WithCancel(t.Context())
		if err := run(ctx, dir, journal.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}, bank(s), func() {
			if tt.close {
				close(s.slips)
				return
			}
			s.slips <- Slip{"ann", 0}
			s.slips <- Slip{"ann", 3}
			<-s.got
			cancel()
		}); err != nil {
			t.Fatal(err)
		}
		cancel()
		for _, want := range tt.want {
			if !strings.Contains(log.String(), want) {
				t.Errorf("want %q, log:\n%s", want, &log)
			}
		}
	}
}

// TestIssue14DigestOfWhatIsSeen: except with Memory, everything that the world has seen has a
// digest behind it, so a crash leaves nothing that cannot be compared.
func TestIssue14DigestOfWhatIsSeen(t *testing.T) {
	for _, durability := range []journal.Durability{journal.Sync, journal.Batch, journal.Memory} {
		synctest.Test(t, func(t *testing.T) {
			s := wal.NewMemory()
			c := journal.Config{Durability: durability}
			r := open(t, s, c)
			r.gives(Slip{"ann", 0}, Slip{"ann", 3})
			r.gives(Slip{"ann", 4})
			crashed := copied(t, s)
			must(t, r.stop())
			if durability == journal.Memory {
				crashed = copied(t, s)
			}
			h, err := journal.ReadStore(crashed)
			must(t, err)
			checked := 0
			for d, err := range h.Details(1) {
				must(t, err)
				if d.Checked {
					checked++
				}
			}
			if want := durability != journal.Memory; (checked == int(h.Last())) != want {
				t.Errorf("%v: %d of %d inputs have digests", durability, checked, h.Last())
			}
		})
	}
}

// TestDigestEverySecond: if there are few inputs, each has a digest soon.
func TestDigestEverySecond(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		s := newStreet()
		if err := run(t.Context(), dir, journal.Config{Durability: journal.Memory}, bank(s), func() {
			for i := range 8 {
				time.Sleep(time.Duration(i%2) * 1200 * time.Millisecond)
				s.slips <- Slip{fmt.Sprint("account ", i), 0}
			}
			close(s.slips)
		}); err != nil {
			t.Fatal(err)
		}
	})
	var checked []uint64
	for d, err := range read(t, dir).Details(1) {
		if must(t, err); d.Checked {
			checked = append(checked, d.Input.Seq)
		}
	}
	// The first two inputs are the start and the opening of the counter; the end is
	// that of the run.
	if want := []uint64{4, 6, 8, 10, 11}; !slices.Equal(checked, want) {
		t.Errorf("inputs %v have digests, and not %v", checked, want)
	}
}
