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

// A Ground runs the outermost virtual machine, and opens the devices that its
// processes hold. The zero Ground is ready to use. Grounds share nothing.
type Ground struct {
	// Logger gets what happens in the machine:
	//
	//   - at level debug, every action and event;
	//   - at level info, the start and the end of processes;
	//   - at level error, a panic, with the event and the stack of the program;
	//   - at level warn, what is most likely a mistake: a process that ends with a
	//     reason that no other process gets ([vm.Record.Observed]), an action that is
	//     dropped because its process has ended, a message that nobody hears
	//     ([vm.Miss]), a transition function that takes long or a machine that does
	//     not come to rest (SlowLimit), and the reports of devices. A report that a
	//     device repeats is logged once a minute, with a count.
	//
	// If Logger is nil, the ground logs to standard error. The environment variable
	// MARKETPLACE_LOG is the lowest level to log: debug, info, warn or error; or off,
	// for no log. Its default is warn. Of warnings and errors with the same message,
	// this log has 20 in a minute, and then the number of the others. Warnings cost
	// next to nothing. With a Logger, or a level below warn, the ground describes all
	// that the machine does, which costs more.
	Logger *slog.Logger

	// Limits bound what the machine does. Zero fields stand for defaults.
	Limits vm.Limits

	// Watch, if not nil, gets all records of the machine, one call at a time. It
	// must not block. The Record is valid during the call only.
	Watch func(*vm.Record)

	// Meter, if not nil, has the counters of the machine during the run and after
	// it.
	Meter *Meter

	// DeviceQueue is how many bytes of commands may wait for a device whose outside
	// does not take more, such as a socket whose peer does not read. A command counts
	// for its size (world.Sizer), and for at least 64 bytes. If more bytes wait when
	// another command comes, the device ends with world.ErrSlowConsumer, and its
	// handle is aborted: see world.Aborter. The commands that result from the input
	// during which the outside stopped taking them do not count, so a process can
	// give a device any number of bytes in one turn, within the memory of the
	// program. Default: 1 MiB.
	DeviceQueue int

	// CloseLimit is how long a device that is closed may take to carry out its
	// earlier commands. After that, its handle is aborted. Default: 5 s.
	CloseLimit time.Duration

	// KeepLimit is how long something that has come in from outside, such as an
	// accepted connection, is kept until a process opens it. After that, it is
	// closed. Default: 30 s.
	KeepLimit time.Duration

	// SlowLimit is how long a transition function may run before a warning, which
	// has the process, the event and the stack. Another warning follows when the
	// function has returned. If the machine works for ten times as long without an
	// input from outside, one warning says so, with the processes that act and their
	// next actions. Default: 1 s.
	SlowLimit time.Duration

	// Incarnation is the number of the run, in its [vm.Start]. A program that records
	// several runs of a machine gives each a larger one. With a Journal, which counts
	// the runs, it does not matter.
	Incarnation uint64

	// Stay makes Run go on until ctx is done or the program ends itself, even if
	// nothing can happen in the machine any more.
	Stay bool

	// Journal, if not nil, keeps the inputs of the machine. If it has inputs
	// already, Run continues after them.
	Journal Journal

	troubles bool   // Logger is the default one, at level warn or above
	flush    func() // makes the default Logger log its counts
}

// Run runs a machine on the zero [Ground].
func Run(ctx context.Context, boot ...actions.Action) error {
	return new(Ground).Run(ctx, boot...)
}

// Run runs a machine whose first process performs boot. It returns nil when nothing
// can happen in the machine any more: it is at rest, and holds no device. With
// [Ground.Stay], it does not return then.
//
// When ctx is done, Run stops the machine, and returns nil: it tells the holders of
// devices that these have ended, lets the machine work until it is at rest, and ends
// the processes that are left, the lowest PID first, so that their peers are told of
// their absence.
//
// Run stops the machine in the same way, and then returns the error, if the first
// process ends with a reason, such as a panic, or if a process performs
// endpoint.Exit. The journal keeps the stop, so a program that is started again
// continues after it, and does not fail again for the same reason.
//
// Run returns an error without a stop if a limit is negative, if MARKETPLACE_LOG is
// not a level, or if the Journal cannot be used or fails. When it fails, Run does not
// carry out the commands that are left.
//
// When Run returns, all goroutines that it has started have ended. A device may leave
// one that the system holds, such as one that writes to a pipe that nobody reads, if
// its Close has returned: Run waits for the outside no longer than CloseLimit.
func (g *Ground) Run(ctx context.Context, boot ...actions.Action) error {
	return g.RunFunc(ctx, func(actions.PID) actions.Process { return actions.Stateless(boot...) })
}

// RunFunc is [Ground.Run] for a first process that has a state, or needs to
// know its PID. The first process is the one that boot returns.
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
