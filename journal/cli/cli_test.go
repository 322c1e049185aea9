package cli_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/cli"
	"github.com/go-marketplace/marketplace/vm"
)

// TestIssue14B9NewJournal: a program that begins a journal warns, and names the folder,
// which may be mistyped.
func TestIssue14B9NewJournal(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kithcen.journal")
	for _, want := range []bool{true, false} {
		var log bytes.Buffer
		synctest.Test(t, func(t *testing.T) {
			f := parsed(t, "-journal", dir)
			f.Config.Logger = slog.New(slog.NewTextHandler(&log, nil))
			if _, err := f.Run(t.Context(), kitchen("soup", "pie")); err != nil {
				t.Error(err)
			}
		})
		if got := strings.Contains(log.String(), "level=WARN msg=\"journal: a new journal begins") && strings.Contains(log.String(), "folder="+dir); got != want {
			t.Errorf("the log is %s", &log)
		}
	}
}

// With permission to cut an intact journal, the program says that it has cut
// nothing (Issue 9.12).
func TestCutOfWhole(t *testing.T) {
	dir := cooked(t)
	for _, tt := range []struct {
		args string
		want bool
	}{{"-cut 3@00000000", true}, {"", false}} {
		var log bytes.Buffer
		f := parsed(t, append([]string{"-journal", dir}, strings.Fields(tt.args)...)...)
		f.Config.Logger = slog.New(slog.NewTextHandler(&log, nil))
		if _, err := f.Run(t.Context(), kitchen("soup", "pie")); err != nil {
			t.Error(err)
		}
		if got := strings.Contains(log.String(), "nothing was cut"); got != tt.want || tt.want && (!strings.Contains(log.String(), "cut=3@00000000") || !strings.Contains(log.String(), "level=WARN")) {
			t.Errorf("%q: %s", tt.args, &log)
		}
	}
}

// With permission to cut a damaged journal, the program says what it has cut,
// and not that it has cut nothing (Issue 9.12).
func TestCutOfDamaged(t *testing.T) {
	dir := cooked(t)
	files, err := filepath.Glob(filepath.Join(dir, "*.journal"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 1
	if err := os.WriteFile(files[0], data, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = parsed(t, "-journal", dir).Run(t.Context(), kitchen("soup", "pie"))
	if err == nil || !strings.Contains(err.Error(), "set Config.Cut to ") {
		t.Fatal(err)
	}
	_, number, _ := strings.Cut(err.Error(), "set Config.Cut to ")
	number, _, _ = strings.Cut(number, " ")
	var log bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		f := parsed(t, "-journal", dir, "-cut", number)
		f.Config.Logger = slog.New(slog.NewTextHandler(&log, nil))
		if _, err := f.Run(t.Context(), kitchen("soup", "pie")); err != nil {
			t.Error(err)
		}
	})
	if strings.Contains(log.String(), "nothing was cut") || !strings.Contains(log.String(), "was cut off") {
		t.Error(log.String())
	}
}

// TestWrongFlags: flags that make no sense are refused, with status 2.
func TestWrongFlags(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"-step", "-step needs -replay"},
		{"-trace", "-trace needs -journal"},
		{"-cut 3@00000000", "-cut needs -journal"},
		{"-adopt -replay a", "-adopt needs -journal"},
		{"-settle -replay a", "-settle needs -journal"},
		{"-settle -adopt -journal a", "either -settle or -adopt"},
		{"-journal=", "-journal needs a folder"},
		{"-replay=", "-replay needs a folder"},
		{"-replay b -until 0", "the first input is 1"},
		{"-journal a -replay b", "either -journal or -replay"},
		{"-replay b -step -diff 1,2", "either -step or -diff"},
		{"-replay b -diff 1", "the numbers of two inputs"},
		{"-journal a -durability none", "no durability"},
	} {
		if status, out, e := call(t, kitchen(), "", strings.Fields(tt.args)...); status != 2 || !strings.Contains(e, tt.want) {
			t.Errorf("%s: status %d\n%s%s", tt.args, status, out, e)
		}
	}
}

// TestStop: a program that somebody has stopped has done what it should.
func TestStop(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var f cli.Flags
	f.Register(flag.NewFlagSet("", flag.ContinueOnError))
	if status := f.Main(ctx, kitchen("soup")); status != 0 {
		t.Error(status)
	}
}

// TestStopDuringRecovery: a program that is stopped while it replays its
// journal has done what it should.
func TestStopDuringRecovery(t *testing.T) {
	for _, tt := range []struct {
		name string
		stop func(p *journal.Program, cancel func())
	}{
		{"while inputs are read", func(p *journal.Program, cancel func()) {
			p.Upcast = func(_ uint64, v any) any {
				cancel()
				return v
			}
		}},
		{"while the last are applied", func(p *journal.Program, cancel func()) {
			boot := p.Boot
			p.Boot = func(self actions.PID) actions.Process {
				cancel()
				return boot(self)
			}
		}},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		p := kitchen("soup", "pie")
		tt.stop(&p, cancel)
		var e bytes.Buffer
		f := parsed(t, "-journal", cooked(t))
		f.Err = &e
		if status := f.Main(ctx, p); status != 0 || e.Len() > 0 || ctx.Err() == nil {
			t.Errorf("%s: status %d, %v: %s", tt.name, status, ctx.Err(), &e)
		}
	}
}

// TestRefused: a Ground that refuses its settings leaves the journal to others.
func TestRefused(t *testing.T) {
	for _, tt := range []struct {
		name, level string
		ground      ground.Ground
	}{
		{"a level that is none", "loud", ground.Ground{}},
		{"a negative limit", "", ground.Ground{KeepLimit: -1}},
	} {
		t.Setenv("MARKETPLACE_LOG", tt.level)
		dir := filepath.Join(t.TempDir(), "kitchen.journal")
		f := parsed(t, "-journal", dir)
		f.Ground = tt.ground
		if ran, err := f.Run(t.Context(), kitchen("soup")); err == nil || !ran {
			t.Errorf("%s: it has run: %v, %v", tt.name, ran, err)
		}
		j, err := f.Config.Open(dir)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestFailDuringRecovery: a stop does not hide that a program does not do the same
// as its journal.
func TestFailDuringRecovery(t *testing.T) {
	dir := cooked(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p := kitchen("soup", "tea")
	boot := p.Boot
	p.Boot = func(self actions.PID) actions.Process {
		cancel() // the first input is there already
		return boot(self)
	}
	_, err := parsed(t, "-journal", dir).Run(ctx, p)
	if _, diverged := errors.AsType[*journal.DivergenceError](err); !diverged {
		t.Error(err)
	}
}

// TestStopReplay: a replay that has applied all inputs is whole, though its context
// is done by then. One whose context is done before that is not.
func TestStopReplay(t *testing.T) {
	h, err := journal.Read(cooked(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ until, stop, want uint64 }{{0, 7, 7}, {3, 3, 3}, {0, 0, 0}} {
		ctx, cancel := context.WithCancel(t.Context())
		stop := func(seq uint64, _ vm.Digest) {
			if seq == tt.stop {
				cancel()
			}
		}
		stop(0, 0)
		report, err := h.Replay(ctx, kitchen("soup", "pie"), journal.ReplayConfig{Until: tt.until, Digests: stop})
		if whole := tt.want > 0; report.Seq != tt.want || whole && err != nil || !whole && !errors.Is(err, context.Canceled) || ctx.Err() == nil {
			t.Errorf("until %d, stopped after %d: %d inputs, %v", tt.until, tt.stop, report.Seq, err)
		}
	}
}
