package marketplace

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/drivers/udp"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/interrupt"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/cli"
	"github.com/go-marketplace/marketplace/supervise"
	"github.com/go-marketplace/marketplace/world"
)

// A Program is what a program consists of.
type Program struct {
	// Start returns what the program starts with, beside the drivers. Main calls
	// it once, after it has parsed the flags. It must be as pure as a transition
	// function, but for the values of flags: a replay has those of the recorded run.
	Start func() actions.Action

	// Configure, if not nil, is called once, after the flags are parsed and before
	// anything else. It may set every other field but Journal, which the flags have
	// changed. An error means that the command line makes no sense.
	Configure func(*Program) error

	// Types are the process types of the program. Those of the drivers, of Report and of
	// ServePlace are known, but not those of places. If all processes are of types, a
	// journal has snapshots: see package journal.
	Types []actions.Type

	// Serves says that the program runs until a signal stops it. If it ends
	// before, that is an error.
	Serves bool

	// Stay says that the program goes on although nothing can happen in it any
	// more, until a signal stops it.
	Stay bool

	// TCP, UDP and Console are for the drivers of that name, and Clock is for the
	// driver of timers. The zero values are the defaults of those packages.
	TCP     tcp.Config
	UDP     udp.Config
	Console console.Config
	Clock   world.Clock

	// Ground is what the program runs on. Its Journal and Stay are set by Main.
	Ground ground.Ground

	// Journal says how a journal is kept, where the flags do not say it. Its Types
	// are set by Main.
	Journal journal.Config

	// Secrets are the names of flags whose values a journal must not have: see cli.Flags.
	Secrets []string

	// Instead, if not nil, runs something else than one machine, if the flags say
	// so: it reports whether that is so. It returns an error that wraps
	// cli.ErrUsage if the flags make no sense. Journal says that there are flags
	// of a journal.
	Instead func(ctx context.Context, journal bool) (instead bool, err error)

	snapshots <-chan os.Signal // see cli.Flags
}

// Main runs a program, and ends the process with an exit status: 0 if the program
// has come to its end, or a signal has stopped it in good order; 1 if something has
// gone wrong; 2 if the command line makes no sense; 130 or 143 after a second
// signal, which ends the program at once. For 1 and 2, the reason is on standard
// error.
//
// The drivers of tcp, udp, timers and the console run before what Start returns. They
// are supervised: a driver that ends is started again, up to three times in five
// seconds; then the program ends with the reasons.
//
// There are the flags of package journal/cli, and those that the program has
// registered with package flag before it calls Main. Arguments that are no flags
// are an error.
//
// Main sets the garbage collector's target to 400 %, unless the environment has
// GOGC: almost all that a machine allocates is garbage soon.
func Main(p Program) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	ctx, stop := interrupt.Context(context.Background())
	var ignore func()
	p.snapshots, ignore = cli.SnapshotSignals()
	status := p.run(ctx, flag.CommandLine, os.Args, os.Stderr)
	ignore()
	stop()
	os.Exit(status)
}

// run runs p with a command line, and returns the exit status.
func (p Program) run(ctx context.Context, set *flag.FlagSet, args []string, stderr io.Writer) (status int) {
	name := strings.TrimSuffix(filepath.Base(args[0]), ".exe")
	history := cli.Flags{Config: p.Journal, Secrets: p.Secrets, Snapshots: p.snapshots, Err: stderr}
	history.Register(set)
	err := set.Parse(args[1:])
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil: // the set has said so
		return 2
	case set.NArg() > 0:
		err = fmt.Errorf("%w: %q is one argument too many", cli.ErrUsage, set.Arg(0))
	default:
		if err = history.Recall(); err != nil {
			break
		}
		if p.Configure != nil {
			if err = p.Configure(&p); err != nil {
				err = fmt.Errorf("%w: %w", cli.ErrUsage, err)
				break
			}
		}
		p.TCP.Addresses = withListenFlags(set, p.TCP.Addresses)
		p.UDP.Addresses = withListenFlags(set, p.UDP.Addresses)
		history.Ground = p.Ground
		history.Ground.Stay = p.Stay
		err = p.runFlags(ctx, &history)
	}
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", name, err)
	}
	switch {
	case errors.Is(err, cli.ErrUsage):
		return 2
	case err != nil:
		return 1
	}
	return 0
}

// runFlags runs p as the flags say.
func (p Program) runFlags(ctx context.Context, history *cli.Flags) error {
	if p.Start == nil {
		return errors.New("marketplace: the Program has no Start")
	}
	ran, err := false, error(nil)
	if p.Instead != nil {
		ran, err = p.Instead(ctx, history.Given())
	}
	if !ran && err == nil {
		ran, err = history.Run(ctx, p.Replayable())
	}
	if err == nil && ran && p.Serves && ctx.Err() == nil {
		err = cli.ErrEnded
	}
	return err
}

// Replayable returns p as package journal replays it: for tests and tools that read
// a journal of the program. It calls Start.
func (p Program) Replayable() journal.Program {
	clock := p.Clock
	if clock == nil {
		clock = world.SystemClock()
	}
	supervisor := p.drivers(clock)
	program := journal.Booting(boot(supervisor, p.Start()))
	program.Types = slices.Concat(p.TCP.Types(), p.UDP.Types(), timer.TypesOn(clock), p.Console.Types(), Types(), []actions.Type{supervisor.Type, guards.Type}, p.Types)
	return program
}

// drivers returns the supervisor of the drivers.
func (p Program) drivers(clock world.Clock) *supervise.Definition[driven] {
	return supervise.Define[driven](driversName, supervise.Spec{},
		supervise.Child{Name: "tcp", Start: p.TCP.Driver()},
		supervise.Child{Name: "udp", Start: p.UDP.Driver()},
		supervise.Child{Name: "timer", Start: timer.DriverOn(clock)},
		supervise.Child{Name: lastDriver, Start: p.Console.Driver()},
	)
}
