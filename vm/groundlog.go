package vm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/go-marketplace/marketplace/internal/applog"
	"github.com/go-marketplace/marketplace/world"
)

// defaultLogger sets the logger of a ground that has been given none. It
// returns an error if MARKETPLACE_LOG is not a level.
func (g *Ground) defaultLogger() error {
	l, level, flush, err := applog.FromEnvironment()
	if err != nil {
		return fmt.Errorf("vm: %w", err)
	}
	g.Logger, g.flush = l, flush
	g.troubles = l != nil && level >= slog.LevelWarn
	return nil
}

// logging is what a runner has to do with its logger.
type logging struct {
	devices *slog.Logger       // what devices log to: what they repeat is counted
	counter *applog.Counter    // of devices
	wants   bool               // warnings are wanted
	near    bool               // it has been said that a message was nearly heard
	rested  bool               // the machine has been at rest with messages that nobody has heard, and that has been said
	said    map[missKey]uint64 // how many of these there were
}

// setLogger sets the logger, which is never nil from then on.
func (r *runner) setLogger(l *slog.Logger) {
	if l == nil {
		l = slog.New(slog.DiscardHandler)
	}
	c := applog.Counting(l.Handler(), 1)
	r.logger = l
	r.log = logging{devices: slog.New(c), counter: c, wants: l.Enabled(context.Background(), slog.LevelWarn)}
}

// watcher returns the function that watches a machine for a logger and a spy,
// or nil if there is nobody to watch for. A logger that wants troubles only is
// told of them otherwise, at less cost.
func (g *Ground) watcher() func(*Record) {
	l, spy := g.Logger, g.Spy
	switch {
	case l == nil || g.troubles:
		return spy
	case spy == nil:
		return func(r *Record) { logRecord(l, r) }
	}
	return func(r *Record) {
		logRecord(l, r)
		spy(r)
	}
}

// importance says how important a kind of record is.
var importance = [...]slog.Level{
	Entered:     slog.LevelDebug,
	Spawned:     slog.LevelInfo,
	Performed:   slog.LevelDebug,
	Told:        slog.LevelDebug,
	Crashed:     slog.LevelError,
	Ended:       slog.LevelInfo,
	Collected:   slog.LevelInfo,
	Dropped:     slog.LevelDebug,
	Undelivered: slog.LevelDebug,
	Ignored:     slog.LevelDebug,
	Late:        slog.LevelDebug,
	Commanded:   slog.LevelDebug,
}

// level returns how important r is.
func (r *Record) level() slog.Level {
	if r.Kind == Ended && r.unheard() {
		return slog.LevelWarn
	}
	return importance[r.Kind]
}

// unheard reports whether a process has ended for a reason of which nobody
// hears otherwise. That it has panicked has been said.
func (r *Record) unheard() bool {
	return r.Reason != nil && !r.at.crashed && !errors.Is(r.Reason, world.ErrStopped) && !r.Observed()
}

func logRecord(l *slog.Logger, r *Record) {
	ctx := context.Background()
	if !l.Enabled(ctx, max(importance[r.Kind], slog.LevelWarn)) {
		return // whatever it says
	}
	level := r.level()
	if !l.Enabled(ctx, level) {
		return
	}
	var attrs []slog.Attr
	if path := r.Path(); path != nil {
		attrs = processAttrs(path, r.Name())
	}
	if e, ok := r.Endpoint(); ok {
		attrs = append(attrs, slog.String("endpoint", e.Role.String()))
	}
	if r.Event != nil {
		attrs = append(attrs, slog.String("event", eventText(r.Event)))
	}
	if r.Action != nil {
		attrs = append(attrs, slog.String("action", describe(r.Action)))
	}
	if r.Reason != nil {
		attrs = append(attrs, slog.Any("reason", r.Reason))
	}
	if p, ok := r.Reason.(*PanicError); ok && level >= slog.LevelWarn {
		attrs = append(attrs, slog.String(applog.Stack, string(p.Trace())))
	}
	if r.Input.Kind != 0 {
		attrs = append(attrs, slog.String("input", fmt.Sprint(r.Input.Kind, " ", r.Input.Address)))
	}
	if r.Command.Kind != 0 {
		attrs = append(attrs, slog.String("command", fmt.Sprint(r.Command.Kind, " ", r.Command.Address)))
	}
	l.LogAttrs(ctx, level, r.Kind.String(), attrs...)
}
