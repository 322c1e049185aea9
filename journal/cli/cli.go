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
	"strings"

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
