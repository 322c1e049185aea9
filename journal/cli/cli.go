// Package cli gives a program flags with which it keeps a journal, or replays one:
//
//	var history cli.Flags
//	history.Register(flag.CommandLine)
//	flag.Parse()
//	ctx, stop := interrupt.Context(context.Background())
//	defer stop()
//	os.Exit(history.Main(ctx, journal.Booting(tcp.Driver(), serve(addr))))
//
// Without any of these flags the program runs as it does without this package. With
// -journal it keeps a journal, and goes on from what is there. With -replay it does not
// run, but replays a journal: it says whether the replay differs and what it has compared.
// With -rehearse it says what it would do otherwise than the build that has written a journal.
// With -diff it shows the difference between the states after two inputs, and with -step
// it steps through the run. With -settle it recovers the journal of a crashed run, and takes a
// snapshot, from which another build of the program can go on; a program that is stopped
// leaves one, and a program that runs takes one when it gets SIGUSR1, on Unix. With -journal-keys
// it seals values (package sealed) with the keys in a folder. The journal has the other flags of the program, and Recall gives
// them the values of the recorded run:
//
//	flag.Parse()
//	if err := history.Recall(); err != nil { … }
package cli

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/internal/text"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/keys"
	"github.com/go-marketplace/marketplace/journal/wal"
)

// Flags are the flags and their values. The zero Flags are ready to use.
type Flags struct {
	// Ground is what the program runs on. The flags set its Journal.
	Ground ground.Ground

	// Config configures the journal, except for what the flags set. Leave Types and
	// Upcast empty: they come from the program.
	Config journal.Config

	// Secrets are the names of flags whose values the journal must not have. It has those
	// of all other flags, in plain text.
	Secrets []string

	// Snapshots, if not nil, has a value whenever a snapshot is to be taken while the program
	// runs: see [SnapshotSignals], which Main uses.
	Snapshots <-chan os.Signal

	// In, Out and Err are the input and output of the program; if nil, the standard
	// streams.
	In       io.Reader
	Out, Err io.Writer

	dir      string
	keys     string
	master   string
	key      string
	replay   string
	until    uint64
	diff     pair
	step     bool
	effects  bool
	rehearse string
	against  string
	from     uint64
	settle   bool
	set      *flag.FlagSet
}

// A pair is the numbers of two inputs.
type pair struct {
	given    bool
	from, to uint64
}

func (p *pair) read(s string) error {
	a, b, ok := strings.Cut(s, ",")
	from, err := strconv.ParseUint(a, 10, 64)
	to, err2 := strconv.ParseUint(b, 10, 64)
	if !ok || err != nil || err2 != nil {
		return errors.New("it must be the numbers of two inputs, as in 3,7")
	}
	*p = pair{true, from, to}
	return nil
}

// Register adds the flags to set.
func (f *Flags) Register(set *flag.FlagSet) {
	f.set = set
	set.StringVar(&f.dir, "journal", "", "keep a journal in this `folder`, and go on from what is there")
	set.Func("durability", fmt.Sprintf("what the journal promises, a `level`: sync, batch or memory (default %v)", f.Config.Durability), func(s string) (err error) {
		f.Config.Durability, err = journal.ParseDurability(s)
		return err
	})
	f.registerKeep(set)
	set.BoolVar(&f.Config.Trace, "trace", f.Config.Trace, "have the journal keep every step")
	set.Func("cut", "if the journal is damaged: go on without this input, and all that follow, `N@HASH`, as the error about the damage says", func(s string) (err error) {
		f.Config.Cut, err = journal.ParseCut(s)
		return err
	})
	set.BoolVar(&f.Config.Adopt, "adopt", f.Config.Adopt, "go on from a journal of another version of the program, and do not compare results with it")
	set.StringVar(&f.keys, "journal-keys", "", "seal values with the keys in this `folder`")
	set.StringVar(&f.master, "journal-master", "", "the keys are encrypted with the master key in this `file`, 64 hexadecimal digits")
	set.StringVar(&f.key, "journal-encrypt", "", "the journal is encrypted with the key in this `file`, 64 hexadecimal digits")
	set.BoolVar(&f.settle, "settle", false, "do not run, but recover the journal, take a snapshot, from which another build of the program can go on, and end")
	set.StringVar(&f.replay, "replay", "", "do not run, but replay the journal in this `folder`, and say whether it differs from what was recorded")
	set.Uint64Var(&f.until, "until", 0, "with -replay: stop after the input with this `number`")
	set.Func("diff", "with -replay: show what differs between the states after two inputs, `N,M`", f.diff.read)
	set.BoolVar(&f.step, "step", false, "with -replay: step through the run, here in the terminal")
	set.BoolVar(&f.effects, "effects", false, "with -replay: print commands and messages, for -rehearse of another build of the program")
	set.StringVar(&f.rehearse, "rehearse", "", "do not run, but say what this build of the program would do otherwise with the inputs in the journal in this `folder`")
	set.StringVar(&f.against, "against", "", "with -rehearse: a `file` with what the build has printed that has written the journal, with -replay and -effects")
	set.Uint64Var(&f.from, "from", 0, "with -effects or -rehearse: begin with the input with this `number`, and not with the oldest snapshot")
}

// own are the flags of this package.
var own = []string{"journal", "journal-keys", "journal-master", "journal-encrypt", "durability", "trace", "cut", "adopt", "settle", "journal-keep", "journal-archive", "replay", "until", "diff", "step", "effects", "rehearse", "against", "from"}

// Given reports whether any of the flags is on the command line.
func (f *Flags) Given() bool { return len(f.given()) > 0 }

func (f *Flags) given() map[string]bool {
	given := map[string]bool{}
	if f.set == nil {
		return given
	}
	f.set.Visit(func(g *flag.Flag) {
		if slices.Contains(own, g.Name) {
			given[g.Name] = true
		}
	})
	return given
}

// ErrUsage says that the flags contradict each other, or that one is missing or invalid.
// The error that wraps it says which.
var ErrUsage = errors.New("invalid flags")

func (f *Flags) check() error {
	given := f.given()
	for _, with := range []struct{ flag, needs string }{
		{"durability", "journal"}, {"trace", "journal"}, {"cut", "journal"}, {"adopt", "journal"}, {"settle", "journal"},
		{"until", "replay"}, {"diff", "replay"}, {"step", "replay"}, {"effects", "replay"}, {"against", "rehearse"}, {"journal-master", "journal-keys"},
		{"journal-keep", "journal"}, {"journal-archive", "journal"},
	} {
		if given[with.flag] && !given[with.needs] {
			return fmt.Errorf("%w: -%s needs -%s", ErrUsage, with.flag, with.needs)
		}
	}
	for _, name := range []string{"journal-keys", "journal-encrypt"} {
		if given[name] && !given["journal"] && !given["replay"] && !given["rehearse"] {
			return fmt.Errorf("%w: -%s needs -journal, -replay or -rehearse", ErrUsage, name)
		}
	}
	if given["from"] && !given["effects"] && !given["rehearse"] {
		return fmt.Errorf("%w: -from needs -effects or -rehearse", ErrUsage)
	}
	for _, folder := range []struct{ flag, dir string }{{"journal", f.dir}, {"replay", f.replay}, {"rehearse", f.rehearse}, {"journal-keys", f.keys}} {
		if given[folder.flag] && folder.dir == "" {
			return fmt.Errorf("%w: -%s needs a folder", ErrUsage, folder.flag)
		}
	}
	if given["until"] && f.until == 0 {
		return fmt.Errorf("%w: -until 0: the first input is 1", ErrUsage)
	}
	for _, both := range [][2]string{{"journal", "replay"}, {"step", "diff"}, {"step", "until"}, {"diff", "until"}, {"settle", "adopt"},
		{"rehearse", "journal"}, {"rehearse", "replay"}, {"effects", "step"}, {"effects", "diff"}, {"effects", "until"}} {
		if given[both[0]] && given[both[1]] {
			return fmt.Errorf("%w: either -%s or -%s, not both", ErrUsage, both[0], both[1])
		}
	}
	return nil
}

// settings returns all flags but those of this package and secrets, with their values.
func (f *Flags) settings() (all []journal.Setting) {
	if f.set == nil {
		return nil
	}
	all = []journal.Setting{}
	f.set.VisitAll(func(g *flag.Flag) {
		if !slices.Contains(own, g.Name) && !slices.Contains(f.Secrets, g.Name) {
			all = append(all, journal.Setting{Name: g.Name, Value: g.Value.String()})
		}
	})
	return all
}

// Recall gives all flags that are not on the command line the values that they had in the
// recorded run, if the program is to replay one. Call it after the flags are parsed, and before
// the program is made from them. It says on Err which values it has set. It does not know the
// values of flags without a text, such as those of [flag.Func]. It returns an error that wraps
// [ErrUsage] if the program refuses a value. A journal that cannot be read is an error of Run.
func (f *Flags) Recall() error {
	dir := cmp.Or(f.replay, f.rehearse)
	if dir == "" || f.set == nil {
		return nil
	}
	h, err := f.read(dir)
	if err != nil {
		return nil // Run says so, unless the flags make no sense
	}
	given := map[string]bool{}
	f.set.Visit(func(g *flag.Flag) { given[g.Name] = true })
	var recalled []string
	for _, s := range h.Settings(journal.Program{Fingerprint: f.Config.Program}) {
		g := f.set.Lookup(s.Name)
		if g == nil || given[s.Name] || slices.Contains(own, s.Name) || g.Value.String() == s.Value {
			continue
		}
		if err := f.set.Set(s.Name, s.Value); err != nil {
			return fmt.Errorf("%w: -%s was %q in the recorded run: %w", ErrUsage, s.Name, s.Value, err)
		}
		recalled = append(recalled, fmt.Sprintf("-%s=%s", s.Name, s.Value))
	}
	if len(recalled) > 0 {
		fmt.Fprintf(text.Plain(f.stderr()), "with the flags of the recorded run: %s\n", strings.Join(recalled, " "))
	}
	return nil
}

// Run does what the flags say: it runs the program, or replays a journal. It reports
// whether it ran the program. The error wraps [ErrUsage], or comes from
// [ground.Ground.Run], [journal.Config.Open], [journal.Read] or a replay, such as a
// [*journal.DivergenceError], also if it was found while the user stepped through the run.
// If ctx is done while the program still replays its journal, that is a stop like any
// other, before the machine has begun, and not an error.
func (f *Flags) Run(ctx context.Context, p journal.Program) (ran bool, err error) {
	if err := f.check(); err != nil {
		return false, err
	}
	if err := f.openKeys(); err != nil {
		return false, err
	}
	p.Fingerprint = cmp.Or(p.Fingerprint, f.Config.Program)
	f.Config.Program = p.Fingerprint
	if f.Config.Settings == nil {
		f.Config.Settings = f.settings()
	}
	switch {
	case f.effects:
		return false, f.printEffects(ctx, p)
	case f.replay != "":
		return false, f.inspect(ctx, p)
	case f.rehearse != "":
		return false, f.rehearsal(ctx, p)
	case f.settle:
		store, err := f.store(f.dir)
		if err != nil {
			return false, err
		}
		seq, err := f.Config.SettleStore(ctx, store, p)
		if err == nil {
			_, err = fmt.Fprintf(f.stdout(), "there is a snapshot after input %d, from which the program, or another build of it, goes on\n", seq)
		}
		return false, err
	}
	g := f.Ground
	if f.dir != "" {
		c := f.Config
		if len(c.Types) > 0 || c.Upcast != nil {
			return true, errors.New("cli: Flags.Config has Types or Upcast: give them to the program")
		}
		c.Types, c.Upcast = p.Types, p.Upcast
		store, err := f.store(f.dir)
		if err != nil {
			return true, err
		}
		j, err := c.OpenStore(store)
		if err != nil {
			return true, err
		}
		defer j.Close() // for when the Ground refuses to run; otherwise it has closed it
		g.Journal = j
		defer f.takeSnapshots(j)()
	}
	return true, g.RunFunc(ctx, p.Boot)
}

// openKeys opens the key store that the flags name.
func (f *Flags) openKeys() error {
	if f.keys == "" {
		return nil
	}
	var master *keys.Key
	if f.master != "" {
		k, err := keys.ReadKey(f.master)
		if err != nil {
			return err
		}
		master = &k
	}
	f.Config.Keys = keys.Dir(f.keys, master)
	return nil
}

// store returns the store of a journal, which may be encrypted.
func (f *Flags) store(dir string) (wal.Store, error) {
	if f.key == "" {
		return wal.Dir(dir), nil
	}
	k, err := keys.ReadKey(f.key)
	if err != nil {
		return nil, err
	}
	return keys.Encrypt(wal.Dir(dir), k), nil
}

// read opens a journal for reading, with the keys.
func (f *Flags) read(dir string) (*journal.History, error) {
	store, err := f.store(dir)
	if err != nil {
		return nil, err
	}
	h, err := journal.ReadStore(store)
	if errors.Is(err, wal.ErrNoLog) {
		err = fmt.Errorf("journal: %s: %w", dir, wal.ErrNoLog)
	}
	if err == nil && f.Config.Keys != nil {
		h.UseKeys(f.Config.Keys)
	}
	return h, err
}

// ErrEnded says that a program that should run until it is stopped has ended without a
// stop.
var ErrEnded = errors.New("the program has ended without a stop")

// Main is Run for a program that runs until ctx is done, for example by a signal: see
// [interrupt.Context]. It returns the exit status: 2 if the flags are invalid; 1 if there
// was another error, if a replay differed, or if the program has ended without a stop
// ([ErrEnded]); otherwise 0. It writes the reason for a status other than 0 to Err.
//
// [interrupt.Context]: https://pkg.go.dev/github.com/go-marketplace/marketplace/interrupt#Context
func (f *Flags) Main(ctx context.Context, p journal.Program) (status int) {
	if f.Snapshots == nil {
		signals, stop := SnapshotSignals()
		defer stop()
		f.Snapshots = signals
	}
	ran, err := f.Run(ctx, p)
	if err == nil && ran && ctx.Err() == nil {
		err = ErrEnded
	}
	if err != nil {
		fmt.Fprintf(text.Plain(f.stderr()), "%s: %v\n", strings.TrimSuffix(filepath.Base(os.Args[0]), ".exe"), err)
	}
	switch {
	case errors.Is(err, ErrUsage):
		return 2
	case err != nil:
		return 1
	}
	return 0
}

func (f *Flags) stdout() io.Writer {
	if f.Out == nil {
		return text.Plain(os.Stdout)
	}
	return text.Plain(f.Out)
}

func (f *Flags) stderr() io.Writer {
	if f.Err == nil {
		return os.Stderr
	}
	return f.Err
}

// inspect replays a journal, in the way that the flags say.
func (f *Flags) inspect(ctx context.Context, p journal.Program) error {
	h, err := f.read(f.replay)
	if err != nil {
		return err
	}
	if !f.step && !f.diff.given {
		return f.compare(ctx, h, p)
	}
	r, err := h.Record(p)
	if err != nil {
		return err
	}
	if f.step {
		in := f.In
		if in == nil {
			in = os.Stdin
		}
		r.OnProgress(f.progress)
		return step(ctx, h, r, in, f.stdout())
	}
	a, err := r.At(ctx, f.diff.from)
	if err != nil {
		return err
	}
	b, err := r.At(ctx, f.diff.to)
	if err != nil {
		return err
	}
	return show(f.stdout(), journal.Diff(a, b))
}

// compare replays a journal, and reports whether the replay did the same.
func (f *Flags) compare(ctx context.Context, h *journal.History, p journal.Program) error {
	if f.until > h.Last() {
		return fmt.Errorf("there is no input %d: the last one is %d", f.until, h.Last())
	}
	report, err := h.Replay(ctx, p, journal.ReplayConfig{Until: f.until, Progress: f.progress})
	if err != nil {
		return err
	}
	if report.Seq == 0 {
		_, err = fmt.Fprintln(f.stdout(), "there are no inputs to replay")
		return err
	}
	_, err = fmt.Fprintf(f.stdout(), "replayed %s: no difference in what was compared, checks: %d\n%sdigest %v\n",
		plural(report.Inputs, "input"), report.Checks, compared(&report), report.Digest)
	return err
}

// progress reports the progress of a replay.
func (f *Flags) progress(p journal.Progress) {
	fmt.Fprintf(f.stderr(), "replaying: input %d of %d, for %v\n", p.Seq, p.Last, p.Since.Round(time.Second))
}

// compared describes what a replay has compared, and what it has not, in lines.
func compared(r *journal.Report) string {
	const presence = "which endpoints came and went"
	compares := r.Inputs - r.Uncompared - r.Skipped - r.Erased
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf("  "+format+"\n", args...)) }
	switch {
	case compares == 0:
	case r.Checks == 0:
		add(presence)
		add("not compared: anything else, because there is no digest")
	default:
		everything := "every event, action and command, with its content"
		if r.Traced > 0 && r.States == r.Traced {
			everything += ", and the states of processes of known types"
		}
		others := compares - r.Traced - r.Old - r.Samples // inputs, without a trace
		if r.Traced == compares {
			add("up to input %d: %s", r.LastCheck, everything)
		} else {
			add("up to input %d: %s, which kinds of events and actions there were, in which order, and commands with their content", r.LastCheck, presence)
		}
		if r.Traced > 0 && r.Traced < compares {
			add("of %s with a trace: %s", plural(r.Traced, "input"), everything)
		}
		if r.Samples > 0 {
			what := "the first events, actions and commands, with their content"
			if r.SampleStates == r.Samples {
				what += ", and states of processes of known types"
			}
			add("of %s at regular intervals: %s", plural(r.Samples, "input"), what)
		}
		if r.Machines > 0 {
			add("with %s: the states of all processes, their endpoints and devices", plural(r.Machines, "snapshot"))
		}
		if r.LastCheck < r.Seq {
			add("behind it, where there is no digest: %s", presence)
		}
		switch {
		case others == compares:
			add("not compared: what was in messages and states; a journal with -trace has that")
		case others > 0:
			add("not compared: what was in messages and states, of %s without a trace", plural(others, "input"))
		case r.States < r.Traced:
			add("not compared: states")
		}
		if r.Old > 0 {
			add("not compared: what was in messages and states, of %s with a trace in an earlier format, which depends on the names of types", plural(r.Old, "input"))
		}
	}
	if r.Skipped > 0 {
		add("not replayed: %s, which somebody has marked to be skipped", plural(r.Skipped, "input"))
	}
	if r.Uncompared > 0 {
		add("not compared: %s, because the run was adopted after them", plural(r.Uncompared, "input"))
	}
	if r.Erased > 0 {
		add("not comparable: %s from input %d on, because a value there, or before it, was erased", plural(r.Erased, "input"), r.ErasedFrom)
	}
	for _, s := range r.Others {
		add("not replayed: inputs %d to %d, which another build has written, or this one with other settings: %s", s.First, s.Last, strings.Join(s.Programs, ", "))
	}
	return strings.Join(lines, "")
}

func plural(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func show(w io.Writer, changes []journal.Change) error {
	if len(changes) == 0 {
		_, err := fmt.Fprintln(w, "no process is different")
		return err
	}
	for _, c := range changes {
		if _, err := fmt.Fprint(w, c.String()); err != nil {
			return err
		}
	}
	return nil
}
