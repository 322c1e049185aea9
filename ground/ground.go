package ground

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
)

// A Ground runs the outermost virtual machine, and opens for it the devices
// that its processes hold. It is the only place where there are goroutines and
// a clock. The zero Ground is ready to use. Grounds share nothing.
type Ground struct {
	// Logger gets what happens in the machine. At level debug that is every
	// action and event; at info, the beginning and the end of processes; at
	// error, a panic, with the event and the stack of the program. At level
	// warn it is what may be a mistake and what may go unnoticed: an end with
	// a reason of which no other process hears ([Record.Observed]), an action
	// that is dropped because its process has ended, a message that nobody
	// hears ([Miss]), a transition function that takes long, or a machine that
	// does not come to rest (SlowLimit), and what devices report. What one device reports again and again is said
	// once a minute, with a count.
	//
	// If Logger is nil, the environment variable MARKETPLACE_LOG says from
	// which level on (debug, info, warn or error) to log to standard error;
	// off is silence. If that is not set, the level is warn. Of warnings and
	// errors with the same message, this log says 20 in a minute, and then how
	// many there were besides. Warnings cost a machine next to nothing. A
	// Logger, or a level below warn, has it describe all that it does.
	Logger *slog.Logger

	// Limits bound what the machine does.
	Limits vm.Limits

	// Watch, if not nil, is called for everything that happens in the machine,
	// one call at a time. It must not block. The Record is valid during the
	// call only.
	Watch func(*vm.Record)

	// Meter, if not nil, shows the counters of the machine while it runs, and
	// after that.
	Meter *Meter

	// DeviceQueue is how many bytes of commands may wait for a device whose
	// outside has refused to take more: a socket whose peer does not read. A
	// command counts for its size, see world.Sizer, and for at least 64. A
	// device for which more waits, and that is told something more, ends with
	// world.ErrSlowConsumer, and its handle is aborted: see world.Aborter. What
	// came of the input at which the outside refused does not count, so a
	// process may tell a device any amount in one turn, as far as there is
	// memory for it. Default: 1 MiB.
	DeviceQueue int

	// CloseLimit is how long a device that is closed may take to carry out
	// what it was told before. If it takes longer, its handle is aborted.
	// Default: 5 s.
	CloseLimit time.Duration

	// KeepLimit is how long something that has come in from outside, such as
	// an accepted connection, is kept for a process to open it. Default: 30 s.
	KeepLimit time.Duration

	// SlowLimit is how long a transition function may run before the Logger is
	// told which one it is, with the process, the event and the stack, at level
	// warn. It is told again when the function has returned. It is told once that
	// the machine has worked for ten times as long without an input, with the
	// processes that act and what they do. Default: 1 s.
	SlowLimit time.Duration

	// Incarnation tells the runs of a machine apart. It is for those who keep
	// a record of several runs, and must be larger each time. With a Journal,
	// which counts the runs, it does not matter.
	Incarnation uint64

	// Stay says that Run goes on although nothing can happen in the machine any
	// more, until ctx is done.
	Stay bool

	// Journal, if not nil, keeps the inputs of the machine. If it has some
	// already, Run goes on from there.
	Journal Journal

	troubles bool   // Logger is the default one, and wants warnings only
	flush    func() // says what the default Logger has counted
}

// Run runs a machine on the zero [Ground].
func Run(ctx context.Context, boot ...actions.Action) error {
	return new(Ground).Run(ctx, boot...)
}

// Run runs a machine whose first process performs boot. It returns nil once
// nothing can happen in the machine any more: it is at rest, and no device is
// open from which something could come. When ctx is done, Run stops the
// machine: it tells the holders of devices that those have come to an end, lets
// the machine work until it is at rest, ends the processes that are still
// there, in their order, so that everybody hears of their absence, and returns
// nil. In any case all goroutines that it has started have ended when Run
// returns. A device may leave one that the system holds, such as one that writes to
// a pipe that nobody reads, as long as its Close has returned: no machine waits for
// the outside longer than CloseLimit.
//
// A program can end with an error, which Run returns after it has stopped the
// machine: when its first process fails or panics, or when a process says so with
// endpoint.Exit. A journal has that as a stop, so a program that is started again
// goes on from there, and does not fail again for the same reason.
//
// It returns an error if the Ground cannot run, because of a limit that is
// negative, a MARKETPLACE_LOG that is not a level, or a Journal that cannot be
// used, or cannot go on: when the Journal fails, Run stops at once, and leaves
// undone what has not been carried out.
func (g *Ground) Run(ctx context.Context, boot ...actions.Action) error {
	return g.RunFunc(ctx, func(actions.PID) actions.Process { return actions.Stateless(boot...) })
}

// RunFunc is [Ground.Run] for a first process that has a state, or needs to
// know its PID: it is the one that boot returns.
func (g *Ground) RunFunc(ctx context.Context, boot func(self actions.PID) actions.Process) error {
	s, err := g.settings()
	if err != nil {
		return err
	}
	r, start, err := newRunner(ctx, s, boot)
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		return nil // it was stopped before it began
	}
	if err != nil {
		return err
	}
	r.run(ctx, start)
	if s.Journal != nil {
		err = errors.Join(r.failure, s.Journal.End(r.failure))
	}
	return errors.Join(err, r.result.err())
}

// settings returns g with its defaults.
func (g *Ground) settings() (Ground, error) {
	s := *g
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"Limits.Queue", int64(s.Limits.Queue)}, {"Limits.Steps", int64(s.Limits.Steps)}, {"Limits.Drain", int64(s.Limits.Drain)},
		{"DeviceQueue", int64(s.DeviceQueue)}, {"CloseLimit", int64(s.CloseLimit)}, {"KeepLimit", int64(s.KeepLimit)},
		{"SlowLimit", int64(s.SlowLimit)},
	} {
		if f.value < 0 {
			return s, fmt.Errorf("ground: Ground.%s is negative (%d): leave it zero for the default", f.name, f.value)
		}
	}
	if s.DeviceQueue == 0 {
		s.DeviceQueue = 1 << 20
	}
	if s.CloseLimit == 0 {
		s.CloseLimit = 5 * time.Second
	}
	if s.KeepLimit == 0 {
		s.KeepLimit = 30 * time.Second
	}
	if s.SlowLimit == 0 {
		s.SlowLimit = time.Second
	}
	if s.Logger == nil {
		return s, s.defaultLogger()
	}
	return s, nil
}
