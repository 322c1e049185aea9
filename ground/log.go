package ground

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"

	"github.com/go-marketplace/marketplace/internal/applog"
	"github.com/go-marketplace/marketplace/internal/text"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// defaultLogger sets the logger of a ground that has been given none. It
// returns an error if MARKETPLACE_LOG is not a level.
func (g *Ground) defaultLogger() error {
	l, level, flush, err := applog.FromEnvironment()
	if err != nil {
		return fmt.Errorf("ground: %w", err)
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
	failed  bool               // a process has ended for a reason
	missed  int                // of how many types messages had been missed when the machine was last at rest
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

// attend makes the machine tell the logger and the spy what they want to hear.
func (r *runner) attend() {
	g := &r.settings
	switch {
	case g.troubles:
		r.machine.Watch(vm.Records(vm.Crashed, vm.Ended), func(rec *vm.Record) {
			if rec.Reason != nil { // else it is nothing to warn of
				logRecord(r.logger, rec)
			}
		})
	case g.Logger != nil:
		r.machine.Watch(vm.AllRecords, func(rec *vm.Record) { logRecord(r.logger, rec) })
	}
	if g.Watch != nil {
		r.machine.Watch(vm.AllRecords, g.Watch)
	}
	if r.log.wants {
		r.machine.Watch(vm.Records(vm.Ended), func(rec *vm.Record) { r.log.failed = r.log.failed || rec.Reason != nil })
		r.machine.Warn(r.warn)
	}
}

// importance says how important a kind of record is.
var importance = [...]slog.Level{
	vm.Entered:     slog.LevelDebug,
	vm.Spawned:     slog.LevelInfo,
	vm.Performed:   slog.LevelDebug,
	vm.Told:        slog.LevelDebug,
	vm.Crashed:     slog.LevelError,
	vm.Ended:       slog.LevelInfo,
	vm.Collected:   slog.LevelInfo,
	vm.Dropped:     slog.LevelDebug,
	vm.Undelivered: slog.LevelDebug,
	vm.Ignored:     slog.LevelDebug,
	vm.Late:        slog.LevelDebug,
	vm.Commanded:   slog.LevelDebug,
	vm.Resumed:     slog.LevelDebug,
}

// level returns how important r is.
func level(r *vm.Record) slog.Level {
	if r.Kind == vm.Ended && unheard(r) {
		return slog.LevelWarn
	}
	return importance[r.Kind]
}

// unheard reports whether a process has ended for a reason of which nobody
// hears otherwise. That it has panicked has been said.
func unheard(r *vm.Record) bool {
	return r.Reason != nil && !r.Panicked() && !errors.Is(r.Reason, world.ErrStopped) && !r.Observed()
}

func logRecord(l *slog.Logger, r *vm.Record) {
	ctx := context.Background()
	if !l.Enabled(ctx, max(importance[r.Kind], slog.LevelWarn)) {
		return // whatever it says
	}
	level := level(r)
	if !l.Enabled(ctx, level) {
		return
	}
	var attrs []slog.Attr
	if path := r.Path(); path != nil {
		attrs = processAttrs(path, r.Name())
	}
	if e, ok := r.Endpoint(); ok {
		attrs = append(attrs, described("endpoint", e.DescribeRole))
	}
	if r.Event != nil {
		attrs = append(attrs, described("event", r.Event.Describe))
	}
	if r.Action != nil {
		attrs = append(attrs, described("action", r.DescribeAction))
	}
	if r.Reason != nil {
		attrs = append(attrs, slog.Any("reason", r.Reason))
	}
	if p, ok := r.Reason.(*vm.PanicError); ok && level >= slog.LevelWarn {
		attrs = append(attrs, slog.String(applog.Stack, string(p.Trace())))
	}
	if r.Input.Kind != 0 {
		attrs = append(attrs, described("input", r.Input.Describe))
	}
	if r.Command.Kind != 0 {
		attrs = append(attrs, described("command", r.Command.Describe))
	}
	l.LogAttrs(ctx, level, r.Kind.String(), attrs...)
}

// loggable describes what is logged: a value of any size gives a line that can be
// read.
var loggable = text.Printer{Limits: text.Limits{Bytes: 16 << 10}}

// described returns an attribute with what describe writes.
func described(key string, describe func(*text.Writer)) slog.Attr {
	return slog.String(key, loggable.Text(describe))
}

// A missKey tells the types of missed messages apart.
type missKey struct {
	typ reflect.Type
	o   topic.Orientation
}
