package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// tasting is a bank in which a process calls taste for each slip.
func tasting(taste func(Slip)) journal.Program {
	return journal.Booting(
		actions.Spawn(clerk{"north"}.process(newStreet())).Named("clerk"),
		actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[Slip](), endpoint.OnMessage(func(s Slip) actions.Action {
			taste(s)
			return nil
		})))).Named("taster"),
	)
}

// flooding is a bank in which a process answers each positive slip with many others.
func flooding(n int) journal.Program {
	return journal.Booting(
		actions.Spawn(clerk{"north"}.process(newStreet())).Named("clerk"),
		actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[Slip](), endpoint.OnMessage(func(s Slip) actions.Action {
			var all actions.Tree
			for range max(0, s.Amount*n) {
				all = append(all, actions.Send(Slip{"bob", -2}))
			}
			return all
		})))).Named("flooder"),
	)
}

// poisonSlips are slips of which the last one is poison.
var poisonSlips = []any{Slip{"ann", 0}, Slip{"ann", 3}, Slip{"ann", 4}, Slip{"ann", 13}}

const poison = 5 // the input with the last slip

func isPoison(s Slip) bool { return s.Amount == 13 }

// poisoned is a journal that ends with poison.
func poisoned(t *testing.T) *wal.Memory {
	t.Helper()
	s := wal.NewMemory()
	must(t, driveProgram(t, journal.Config{Logger: quiet}, s, tasting(func(Slip) {}), poisonSlips, func() {}).err)
	return s
}

// TestIssue14B5Hangs: if a transition function does not return in a recovery, the log says
// so after 10 s, with the input and the process, and the recovery can be interrupted.
func TestIssue14B5Hangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		defer close(release)
		var mu sync.Mutex
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(lockedWriter{&mu, &log}, nil))
		j, err := journal.Config{Logger: logger}.OpenStore(poisoned(t))
		must(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error)
		go func() {
			_, _, err := j.Begin(ctx, vm.Limits{}, tasting(func(s Slip) {
				if isPoison(s) {
					<-release
				}
			}).Boot)
			result <- err
		}()
		said := func() string {
			mu.Lock()
			defer mu.Unlock()
			return log.String()
		}
		time.Sleep(9 * time.Second)
		if strings.Contains(said(), "takes long") {
			t.Errorf("it is said too early: %s", said())
		}
		time.Sleep(2 * time.Second)
		for _, want := range []string{"takes long", fmt.Sprint("input=", poison), "name=taster", "Slip", "marketplace journal skip DIR 5", "truncate -after 4 DIR"} {
			if !strings.Contains(said(), want) {
				t.Errorf("%q is not in the log: %s", want, said())
			}
		}
		cancel()
		begun := time.Now()
		if err := <-result; !errors.Is(err, context.Canceled) || time.Since(begun) > 2*time.Second {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
	})
}

type lockedWriter struct {
	mu *sync.Mutex
	w  *bytes.Buffer
}

func (l lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// killedEnv makes the test program recover the journal in that folder, and exit at poison.
const killedEnv = "JOURNAL_TEST_KILLED"

func recoverAndDie(dir string) {
	j, err := journal.Open(dir)
	if err == nil {
		_, _, err = j.Begin(context.Background(), vm.Limits{}, tasting(func(s Slip) {
			if isPoison(s) {
				os.Exit(7)
			}
		}).Boot)
	}
	fmt.Println("it has survived", err)
}

// TestIssue14B5Kills: if an input ends the process in each recovery, the second one says
// that the first has not ended, and the third says at which input.
func TestIssue14B5Kills(t *testing.T) {
	dir := t.TempDir()
	must(t, driveProgram(t, journal.Config{Logger: quiet}, wal.Dir(dir), tasting(func(Slip) {}), poisonSlips, func() {}).err)
	for _, want := range []string{"", "next says at which input", fmt.Sprint("ends the process, remove the input: see hint input=", poison)} {
		program := exec.Command(os.Args[0])
		program.Env = append(os.Environ(), killedEnv+"="+dir)
		out, err := program.CombinedOutput()
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 7 || !strings.Contains(string(out), want) || want == "" && len(out) > 0 {
			t.Errorf("%v: %s", err, out)
		}
	}
	_, err := journal.Skip(dir, poison)
	must(t, err)
	program := exec.Command(os.Args[0])
	program.Env = append(os.Environ(), killedEnv+"="+dir)
	if out, err := program.CombinedOutput(); err != nil || !strings.Contains(string(out), "it has survived <nil>") {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := os.Stat(dir + "/recovery"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the trail is still there: %v", err)
	}
}

// TestIssue14B5KillsEarly: if an input at the beginning of a long journal ends the process in
// each recovery, the fourth one says which.
func TestIssue14B5KillsEarly(t *testing.T) {
	const long = 10_000 // inputs
	for _, early := range []int{2, 3, 5000} {
		dir := t.TempDir()
		slips := []any{Slip{"ann", 0}}
		for len(slips) < long {
			slips = append(slips, Slip{"ann", 1})
		}
		slips[early-2] = Slip{"ann", 13}
		c := journal.Config{Logger: quiet, Durability: journal.Memory}
		must(t, driveProgram(t, c, wal.Dir(dir), tasting(func(Slip) {}), slips, func() {}).err)
		exact := fmt.Sprint("remove the input: see hint input=", early, " ")
		for start := range 5 {
			program := exec.Command(os.Args[0])
			program.Env = append(os.Environ(), killedEnv+"="+dir)
			out, err := program.CombinedOutput()
			says := strings.Contains(string(out), exact)
			if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 7 || says != (start >= 3) {
				t.Errorf("start %d, at input %d: %v: %s", start+1, early, err, out)
			}
		}
	}
}

// hates fails the test at poison.
func hates(t *testing.T) journal.Program {
	return tasting(func(s Slip) {
		if isPoison(s) {
			t.Error("poison")
		}
	})
}

// TestIssue14B5Skip: an input that is skipped stays in the journal, and no machine gets it,
// in recoveries and replays, whatever comes later.
func TestIssue14B5Skip(t *testing.T) {
	s := poisoned(t)
	r, err := journal.SkipStore(s, poison)
	if err != nil || r.Kind != journal.RepairSkip || r.First != poison || r.Last != poison || r.Time.IsZero() {
		t.Fatalf("%+v, %v", r, err)
	}
	for range 2 { // runs
		must(t, driveProgram(t, journal.Config{Logger: quiet}, s, hates(t), []any{Slip{"ann", 5}}, func() {}).err)
	}
	h, err := journal.ReadStore(s)
	must(t, err)
	report, err := h.Replay(t.Context(), hates(t), journal.ReplayConfig{})
	if err != nil || report.Skipped != 1 || report.Seq != h.Last() || report.LastCheck != h.Last() || h.Last() != poison+4 {
		t.Errorf("%+v, %v", report, err)
	}
	rec, err := h.Record(hates(t))
	must(t, err)
	if got, want := outline(moment(t, rec, rec.Last()).State().Machine(nil)), outline(report.State.Machine(nil)); got != want || !strings.Contains(got, "{ann 17}") {
		t.Errorf("the machine is\n%s\nand not\n%s", got, want)
	}
	b, err := rec.Branch(t.Context(), journal.Branch{From: 2, Edit: journal.Drop(3)})
	must(t, err)
	if got := outline(moment(t, b, b.Last()).State().Machine(nil)); !strings.Contains(got, "{ann 14}") {
		t.Errorf("the machine of the branch is\n%s", got)
	}
	for in, err := range h.Inputs(0) {
		must(t, err)
		if in.Skipped != (in.Seq == poison) {
			t.Errorf("input %d: %v", in.Seq, in.Skipped)
		}
	}
	for _, wrong := range []uint64{0, 1, poison, poison + 1, 99} { // two of them are starts
		if _, err := journal.SkipStore(s, wrong); err == nil {
			t.Errorf("input %d is skipped", wrong)
		}
	}
}

// TestIssue14B5Truncate: a journal that was truncated goes on behind the last input that is
// left, and says what was done.
func TestIssue14B5Truncate(t *testing.T) {
	s := poisoned(t)
	r, err := journal.TruncateStore(s, poison-1)
	if err != nil || r.Kind != journal.RepairTruncate || r.First != poison || r.Last != poison {
		t.Fatalf("%+v, %v", r, err)
	}
	must(t, driveProgram(t, journal.Config{Logger: quiet}, s, hates(t), []any{Slip{"ann", 5}}, func() {}).err)
	h, err := journal.ReadStore(s)
	must(t, err)
	report, err := h.Replay(t.Context(), hates(t), journal.ReplayConfig{})
	if err != nil || report.Seq != poison+1 || !strings.Contains(outline(report.State.Machine(nil)), "{ann 12}") {
		t.Errorf("%+v, %v", report, err)
	}
	summary, err := h.Summary()
	must(t, err)
	if got := summary.Heads[len(summary.Heads)-1].Repairs; !slices.Equal(got, []journal.Repair{r}) {
		t.Errorf("repairs %v", got)
	}
	saved := 0
	for x, err := range journal.SalvageStore(s) {
		must(t, err)
		if x.Input.Seq == poison && x.Input.Kind == vm.Value {
			saved++
			// It is read with the names and the time of the inputs before it, which are not in its file.
			if v, err := x.Input.Value(); err != nil || !isPoison(v.(Slip)) || x.Input.Time.IsZero() {
				t.Errorf("what was cut off is %v, of %v, error %v", v, x.Input.Time, err)
			}
		}
	}
	if saved != 1 {
		t.Error("what was cut off is not there")
	}
	for _, wrong := range []uint64{0, poison + 1, 99} {
		if _, err := journal.TruncateStore(s, wrong); err == nil {
			t.Errorf("truncated after %d", wrong)
		}
	}
}

// TestIssue14B5TruncateSnapshots: a truncated journal does not use snapshots of what was cut
// off, wherever it is cut, and skip refuses inputs whose results are in a snapshot.
func TestIssue14B5TruncateSnapshots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		whole := toBeDamaged(t)
		h, err := journal.ReadStore(whole)
		must(t, err)
		if _, err := journal.SkipStore(whole, 50); err == nil || !strings.Contains(err.Error(), "snapshot") {
			t.Errorf("skipped in spite of a snapshot: %v", err)
		}
		rec, err := h.Record(bank(newStreet()))
		must(t, err)
		for after := uint64(1); after < h.Last(); after += 7 {
			s := copied(t, whole.Memory)
			_, err := journal.TruncateStore(s, after)
			must(t, err)
			again := driveOn(t, journal.Config{}, s)
			must(t, again.err)
			if got, want := outline(again.m), outline(moment(t, rec, after).State().Machine(nil)); got != want {
				t.Errorf("after %d the machine is\n%s\nand not\n%s", after, got, want)
			}
		}
	})
}
