package cli_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/cli"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/world"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The program of the tests is a kitchen: a cook for each order, which comes in
// every second; a plate goes out, unless the order cannot be met.

type dish struct {
	Name  string
	Count int
}

type plate struct{ Name string }

func init() {
	world.Register[dish]("kitchen.dish")
	world.Register[plate]("kitchen.plate")
}

type hatch struct{}

func (hatch) DeviceName() string { return "hatch" }

func (hatch) Open(context.Context, world.Env) (world.Handle, error) {
	return &window{dishes: []dish{{"soup", 1}, {"soup", 2}, {"pie", 1}, {"soup", 0}, {"pie", 2}}, closed: make(chan struct{})}, nil
}

type window struct {
	dishes []dish
	closed chan struct{}
}

func (w *window) Recv() (any, error) {
	select {
	case <-time.After(time.Second):
	case <-w.closed:
		return nil, world.ErrClosed
	}
	if len(w.dishes) == 0 {
		return nil, io.EOF
	}
	d := w.dishes[0]
	w.dishes = w.dishes[1:]
	return d, nil
}

func (w *window) Do(any) error { return nil }

func (w *window) Try(commands []any) (int, error) { return len(commands), nil }

func (w *window) Close() error {
	close(w.closed)
	return nil
}

// A pot is the state of a cook.
type pot struct {
	Name string
	Made int
}

func (p pot) cook() actions.Process { return actions.Next(p, p.endpoints()) }

func (p pot) endpoints() actions.Action {
	name := topic.FieldOf(func(d *dish) *string { return &d.Name })
	return endpoint.Subscriber(topic.Where(name.Is(p.Name)), endpoint.OnMessageState(func(p pot, d dish) actions.Transition[pot] {
		if d.Count == 0 {
			return actions.Next(p, actions.Fail(errors.New("no more "+p.Name)))
		}
		p.Made += d.Count
		return actions.Next(p, actions.Send(plate{fmt.Sprint(d.Count, " of ", p.Made, " ", p.Name)}))
	})).As("pot")
}

func kitchen(dishes ...string) journal.Program {
	var all actions.Tree
	for _, d := range dishes {
		all = append(all, actions.Spawn(pot{Name: d}.cook()).Named(d))
	}
	return journal.Booting(append(all, actions.Spawn(actions.Stateless(
		endpoint.Device(hatch{},
			endpoint.OnValue(func(d dish) actions.Action { return actions.Send(d) }),
			endpoint.OnEnded(func(error) actions.Action { return actions.Quit() })),
		endpoint.Subscriber(topic.All[plate](), endpoint.OnMessage(func(p plate) actions.Action { return actions.Tell(hatch{}, p) })),
	)).Named("waiter"))...)
}

// call runs a program with a command line, and what the user types.
func call(t *testing.T, p journal.Program, typed string, args ...string) (status int, out, stderr string) {
	t.Helper()
	var o, e bytes.Buffer
	f := cli.Flags{In: strings.NewReader(typed), Out: &o, Err: &e, Config: journal.Config{Program: "kitchen@v1", CheckEvery: 2, Logger: slog.New(slog.DiscardHandler)}}
	set := flag.NewFlagSet("kitchen", flag.ContinueOnError)
	set.SetOutput(&e)
	f.Register(set)
	if err := set.Parse(args); err != nil {
		return 2, o.String(), e.String()
	}
	if f.Given() != (len(args) > 0) {
		t.Errorf("%q: it says that flags are given: %v", args, f.Given())
	}
	status = f.Main(t.Context(), p)
	return status, o.String(), e.String()
}

// parsed returns flags that have been read from a command line.
func parsed(t *testing.T, args ...string) *cli.Flags {
	t.Helper()
	f := &cli.Flags{Config: journal.Config{Logger: slog.New(slog.DiscardHandler)}}
	set := flag.NewFlagSet("kitchen", flag.ContinueOnError)
	f.Register(set)
	if err := set.Parse(args); err != nil {
		t.Fatal(err)
	}
	return f
}

// cooked is the journal of a run.
func cooked(t *testing.T, flags ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "kitchen.journal")
	synctest.Test(t, func(t *testing.T) {
		// The run comes to rest, though nobody has stopped it.
		if status, _, e := call(t, kitchen("soup", "pie"), "", append([]string{"-journal", dir}, flags...)...); status != 1 || !strings.HasSuffix(e, ": "+cli.ErrEnded.Error()+"\n") {
			t.Fatal(status, e)
		}
	})
	return dir
}

func TestReplay(t *testing.T) {
	dir := cooked(t, "-durability", "memory", "-trace")
	for _, tt := range []struct {
		name   string
		p      journal.Program
		args   []string
		status int
		want   string
	}{
		{"the same", kitchen("soup", "pie"), nil, 0, "replayed 7 inputs: no difference in what was compared, checks: 7\n  up to input 7: every event, action and command, with its content\n  not compared: states\ndigest "},
		{"a part", kitchen("soup", "pie"), []string{"-until", "3"}, 0, "replayed 3 inputs: no difference in what was compared, checks: 3\n  up to input 3: every event, action and command, with its content\n  not compared: states\ndigest "},
		{"another program", kitchen("soup", "tea"), nil, 1, "recorded: 1 boot: spawn pie"},
		{"a difference", kitchen("soup", "pie"), []string{"-diff", "2,3"}, 0, "2 soup changed\n\t- state cli_test.pot{Name: \"soup\", Made: 1}\n\t+ state cli_test.pot{Name: \"soup\", Made: 3}\n"},
		{"no difference", kitchen("soup", "pie"), []string{"-diff", "3,3"}, 0, "no process is different\n"},
		{"too late", kitchen("soup", "pie"), []string{"-diff", "3,30"}, 1, "no state after input 30"},
		{"more than all", kitchen("soup", "pie"), []string{"-until", "30"}, 1, "there is no input 30: the last one is 7"},
	} {
		status, out, e := call(t, tt.p, "", append([]string{"-replay", dir}, tt.args...)...)
		if status != tt.status || !strings.Contains(out+e, tt.want) {
			t.Errorf("%s: status %d\n%s%s", tt.name, status, out, e)
		}
	}
}

// digested is what a digest stands for, and what it does not.
const digested = "which endpoints came and went, which kinds of events and actions there were, in which order, and commands with their content\n" +
	"  not compared: what was in messages and states; a journal with -trace has that\ndigest "

// stealthy returns the kitchen with another state in each cook, or another
// message to everybody, neither of which shows outside.
func stealthy(state bool) journal.Program {
	name := topic.FieldOf(func(d *dish) *string { return &d.Name })
	cook := func(n string) actions.Action {
		return actions.Spawn(actions.Next(pot{Name: n}, endpoint.Subscriber(topic.Where(name.Is(n)), endpoint.OnMessageState(func(p pot, d dish) actions.Transition[pot] {
			if state {
				p.Made++
			} else {
				return actions.Next(p, actions.Send(fmt.Sprint("one more ", n)))
			}
			return actions.Next(p, actions.Send("one more"))
		})).As("pot"))).Named(n)
	}
	return journal.Booting(cook("soup"), actions.Spawn(actions.Stateless(
		endpoint.Device(hatch{}, endpoint.OnValue(func(d dish) actions.Action { return actions.Send(d) }), endpoint.OnEnded(func(error) actions.Action { return actions.Quit() })),
		endpoint.Subscriber(topic.All[string](), endpoint.OnMessage(func(string) actions.Action { return nil })))))
}

// A replay that differs only in messages and states does not claim to be the
// same: without a trace they are not compared, and it says so (Issue 9.12).
func TestWhatIsCompared(t *testing.T) {
	keep := func(p journal.Program, flags ...string) (dir string) {
		dir = filepath.Join(t.TempDir(), "kitchen.journal")
		synctest.Test(t, func(t *testing.T) { call(t, p, "", append([]string{"-journal", dir}, flags...)...) })
		return dir
	}
	types := []actions.Type{actions.Define("kitchen.pot", func(pot) actions.Action { return nil }).Type}
	a, b := stealthy(false), stealthy(true)
	status, out, e := call(t, b, "", "-replay", keep(a))
	if status != 0 || !strings.HasPrefix(out, "replayed 7 inputs: no difference in what was compared, checks: 6\n  up to input 7: "+digested) || strings.Contains(out, "same") {
		t.Errorf("status %d\n%s%s", status, out, e)
	}
	if status, out, e = call(t, b, "", "-replay", keep(a, "-trace")); status != 1 || !strings.Contains(e, `send "one more"`) {
		t.Errorf("status %d\n%s%s", status, out, e)
	}
	a.Types = types
	status, out, e = call(t, a, "", "-replay", keep(a, "-trace"))
	if status != 0 || !strings.Contains(out, "  up to input 7: every event, action and command, with its content, and the states of processes of known types\ndigest ") {
		t.Errorf("status %d\n%s%s", status, out, e)
	}
	// The first half has no trace, and the other one has.
	var dir string
	synctest.Test(t, func(t *testing.T) {
		dir = filepath.Join(t.TempDir(), "kitchen.journal")
		for i, flags := range [][]string{{"-journal", dir}, {"-journal", dir, "-trace"}} {
			ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
			f := parsed(t, flags...)
			if status := f.Main(ctx, kitchen("soup", "pie")); status != 0 {
				t.Error(i, status)
			}
			cancel()
		}
		status, out, e = call(t, kitchen("soup", "pie"), "", "-replay", dir)
	})
	if status != 0 || !strings.Contains(out, "\n  of 4 inputs with a trace: every event, action and command, with its content\n  not compared: what was in messages and states, of 6 inputs without a trace\n") {
		t.Errorf("status %d\n%s%s", status, out, e)
	}
	// Another program has taken over the first half.
	dir = keep(kitchen("soup"))
	synctest.Test(t, func(t *testing.T) { call(t, kitchen("soup", "pie"), "", "-journal", dir, "-adopt") })
	status, out, e = call(t, kitchen("soup", "pie"), "", "-replay", dir)
	if status != 0 || !strings.Contains(out, "\n  not compared: inputs 1 to 7, because the run was adopted after them\n") {
		t.Errorf("status %d\n%s%s", status, out, e)
	}
}

// The guide shows what a replay says (Issue 9.12).
func TestGuideShowsReplay(t *testing.T) {
	guide, err := os.ReadFile("../../docs/event-sourcing.md")
	if err != nil {
		t.Fatal(err)
	}
	if want := "no difference in what was compared, checks: 7\n  up to input 19: " + digested; !strings.Contains(string(guide), want) {
		t.Errorf("it does not have\n%s", want)
	}
}

// If a step through a run finds a difference, the exit status is 1, however the
// walk ends, and the difference is shown once (Issue 9.12).
func TestStepUponDifference(t *testing.T) {
	dir := cooked(t, "-durability", "memory", "-trace")
	other := kitchen("soup", "pie")
	boot, asked := other.Boot, 0
	other.Boot = func(self actions.PID) actions.Process {
		if asked++; asked == 1 {
			return boot(self)
		}
		return kitchen("soup", "tea").Boot(self)
	}
	for _, tt := range []struct {
		name, typed string
		p           journal.Program
		status      int
		says        int // how often the difference is shown
	}{
		{"at the end of what is typed", "n\nn\n", kitchen("soup", "tea"), 1, 1},
		{"when told to quit", "n\nq\n", kitchen("soup", "tea"), 1, 1},
		{"after something else", "n\ng 0\nw\nq\n", kitchen("soup", "tea"), 1, 1},
		{"in a search", "f plate\nq\n", other, 1, 1},
		{"before it", "q\n", kitchen("soup", "tea"), 0, 0},
		{"with a command that is none", "x\ng 99\nq\n", kitchen("soup", "pie"), 0, 0},
		{"without a difference", "n\nn\nf plate\nq\n", kitchen("soup", "pie"), 0, 0},
	} {
		status, out, e := call(t, tt.p, tt.typed, "-replay", dir, "-step")
		if status != tt.status || strings.Count(out+e, "non-determinism") < tt.says || strings.Contains(e, "recorded:") || (e != "") != (tt.status == 1) {
			t.Errorf("%s: status %d\n%s%s", tt.name, status, out, e)
		}
	}
	// For the caller of Run, the error is the difference.
	f := parsed(t, "-replay", dir, "-step")
	f.In, f.Out = strings.NewReader("n\n"), io.Discard
	_, err := f.Run(t.Context(), kitchen("soup", "tea"))
	if _, diverged := errors.AsType[*journal.DivergenceError](err); !diverged {
		t.Error(err)
	}
}

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

// TestUnchecked: a replay does not claim more than it has compared.
func TestUnchecked(t *testing.T) {
	dir := cooked(t, "-durability", "memory")
	files, err := filepath.Glob(filepath.Join(dir, "*.journal"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	for _, want := range []string{
		"replayed 7 inputs: no difference in what was compared, checks: 6\n  up to input 7: " + digested,
		"replayed 7 inputs: no difference in what was compared, checks: 5\n  up to input 6: " + strings.Replace(digested, "  not", "  behind it, where there is no digest: which endpoints came and went\n  not", 1),
	} {
		if status, out, e := call(t, kitchen("soup", "pie"), "", "-replay", dir); status != 0 || !strings.HasPrefix(out, want) {
			t.Errorf("status %d\n%s%s", status, out, e)
		}
		info, err := os.Stat(files[0])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(files[0], info.Size()-1); err != nil { // the digest at the end
			t.Fatal(err)
		}
	}
	const undigested = "replayed 1 input: no difference in what was compared, checks: 0\n  which endpoints came and went\n  not compared: anything else, because there is no digest\ndigest "
	if status, out, e := call(t, kitchen("soup", "pie"), "", "-replay", dir, "-until", "1"); status != 0 || !strings.HasPrefix(out, undigested) {
		t.Errorf("status %d\n%s%s", status, out, e)
	}
	if err := os.Truncate(files[0], 60); err != nil {
		t.Fatal(err)
	}
	if status, out, e := call(t, kitchen("soup", "pie"), "", "-replay", dir); status != 0 || !strings.Contains(out, "no inputs") {
		t.Errorf("status %d\n%s%s", status, out, e)
	}
}

// TestReplayOfFormat1: a replay says that it has not compared what is in the traces
// of format 1. The journal is of a build that wrote that format.
func TestReplayOfFormat1(t *testing.T) {
	const want = "replayed 7 inputs: no difference in what was compared, checks: 7\n" +
		"  up to input 7: which endpoints came and went, which kinds of events and actions there were, in which order, and commands with their content\n" +
		"  not compared: what was in messages and states, of 7 inputs with a trace in an earlier format, which depends on the names of types\n" +
		"digest "
	status, out, e := call(t, kitchen("soup", "pie"), "", "-replay", filepath.Join("testdata", "format1"))
	if status != 0 || !strings.HasPrefix(out, want) {
		t.Errorf("status %d\n%s%s", status, out, e)
	}
}

// TestWrongFlags: flags that make no sense are refused, with status 2.
func TestWrongFlags(t *testing.T) {
	for _, tt := range []struct{ args, want string }{
		{"-step", "-step needs -replay"},
		{"-trace", "-trace needs -journal"},
		{"-cut 3@00000000", "-cut needs -journal"},
		{"-adopt -replay a", "-adopt needs -journal"},
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

// TestStep: what a user sees when stepping through a run. LL-12, LL-13, LL-14,
// B-M31.
func TestStep(t *testing.T) {
	dir := cooked(t)
	script := []string{
		"h", "n", "n", "", "d", "ps", "s 2", "s 9", "i", "f no more", "f no more", "presence", "g 3", "d 6", "drop 5", "branch 3 5", "drop 9", "drop",
		"p 2", "p 9", "p", "n 99", "n", "all", "g 0", "ps", "x", "n x", "g 77", "f", "s", "q", "never typed",
	}
	status, out, e := call(t, kitchen("soup", "pie"), strings.Join(script, "\n")+"\n", "-replay", dir, "-step")
	if status != 0 || e != "" {
		t.Fatal(status, e)
	}
	vmtest.Golden(t, "testdata/step.golden", out)
	if status, out, _ := call(t, kitchen("soup", "pie"), "n", "-replay", dir, "-step"); status != 0 || !strings.HasSuffix(out, "1> \n") {
		t.Errorf("at the end of what is typed: status %d, %s", status, out)
	}
}

// TestDropBeforeStop: a stop ends all processes, so drop shows the states
// before it.
func TestDropBeforeStop(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kitchen.journal")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		if status := parsed(t, "-journal", dir).Main(ctx, kitchen("soup", "pie")); status != 0 {
			t.Fatalf("status %d", status)
		}
	})
	status, out, e := call(t, kitchen("soup", "pie"), "drop 3\n", "-replay", dir, "-step")
	if want := "before the stop\n2 soup changed\n\t- state cli_test.pot{Name: \"soup\", Made: 3}\n\t+ state cli_test.pot{Name: \"soup\", Made: 1}\n"; status != 0 || !strings.Contains(out, want) {
		t.Errorf("status %d\n%s%s", status, out, e)
	}
}

// A host is the state of a waiter who spawns a cook for each dish, and another
// one at the end.
type host struct{}

func (host) endpoints() actions.Action {
	return endpoint.Device(hatch{},
		endpoint.OnValue(func(d dish) actions.Action { return actions.Spawn(pot{Name: d.Name}.cook()) }),
		endpoint.OnEnded(func(error) actions.Action {
			return actions.Tree{actions.Spawn(pot{Name: "tea"}.cook()), actions.Quit()}
		}))
}

// TestStepEarlier: for endpoints that are older than what is left of the
// history, no input is named; it would be that of the snapshot.
func TestStepEarlier(t *testing.T) {
	p := journal.Booting(actions.Spawn(actions.Next(host{}, host{}.endpoints())))
	p.Types = []actions.Type{
		actions.Define("kitchen.host", host.endpoints).Type,
		actions.Define("kitchen.pot", pot.endpoints).Type,
	}
	dir := filepath.Join(t.TempDir(), "kitchen.journal")
	synctest.Test(t, func(t *testing.T) {
		f := parsed(t, "-journal", dir)
		f.Config.SnapshotEvery, f.Config.SegmentSize, f.Config.DropOld = 1, 1, true
		if _, err := f.Run(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	})
	status, out, e := call(t, p, "presence\ng 7\npresence\n", "-replay", dir, "-step")
	if status != 0 || !strings.HasPrefix(out, "states after inputs 6 to 7;") {
		t.Fatalf("status %d\n%s%s", status, out, e)
	}
	const first = "3: subscriber of cli_test.dish{Name: \"soup\"} as \"pot\", since before input 7\n" // of input 2
	const last = "7: subscriber of cli_test.dish{Name: \"pie\"} as \"pot\", since before input 7\n"   // of input 6
	const tea = "8: subscriber of cli_test.dish{Name: \"tea\"} as \"pot\", since input 7\n"
	for text, times := range map[string]int{first: 2, last: 2, tea: 1, "since input 6": 0} {
		if n := strings.Count(out, text); n != times {
			t.Errorf("%d times, and not %d: %s\n%s", n, times, text, out)
		}
	}
}
