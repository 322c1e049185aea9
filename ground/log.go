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

// defaultLogger sets the logger of a ground without one. It returns an error if
// MARKETPLACE_LOG is not a level.
func (g *Ground) defaultLogger() error {
	l, level, flush, err := applog.FromEnvironment()
	if err != nil {
		return fmt.Errorf("ground: %w", err)
	}
	g.Logger, g.flush = l, flush
	g.troubles = l != nil && level >= slog.LevelWarn
	return nil
}

// logging is the state of the log of a runner.
type logging struct {
	devices *slog.Logger       // the logger for devices, which counts what they repeat
	counter *applog.Counter    // its handler
	wants   bool               // level warn is enabled
	near    bool               // a warning of a message that was nearly heard has been logged
	failed  bool               // a process has ended with a reason
	missed  int                // MissedTypes when the machine was last at rest
	rested  bool               // a warning of unheard messages has been logged when the machine was at rest
	said    map[missKey]uint64 // how many unheard messages the last warning has counted
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

// attend makes the machine send its records and warnings to the logger and to Watch.
func (r *runner) attend() {
	g := &r.settings
	switch {
	case g.troubles:
		r.machine.Watch(vm.Records(vm.Crashed, vm.Ended), func(rec *vm.Record) {
			if rec.Reason != nil { // a normal end is no trouble
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

// importance has the usual level of each kind of record.
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

// level returns the level of r.
func level(r *vm.Record) slog.Level {
	if r.Kind == vm.Ended && unheard(r) {
		return slog.LevelWarn
	}
	return importance[r.Kind]
}

// unheard reports whether a process has ended with a reason that no process gets. A
// panic is logged by another record. The end of the process to which it was bound is no
// mistake if that has ended without a reason.
func unheard(r *vm.Record) bool {
	return r.Reason != nil && r.Reason != vm.ErrOrphaned && !r.Panicked() && !errors.Is(r.Reason, world.ErrStopped) && !r.Observed()
}

func logRecord(l *slog.Logger, r *vm.Record) {
	ctx := context.Background()
	if !l.Enabled(ctx, max(importance[r.Kind], slog.LevelWarn)) {
		return // no record of the kind is logged
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

// loggable limits descriptions in the log: a value of any size gives a line that can
// be read.
var loggable = text.Printer{Limits: text.Limits{Bytes: 16 << 10}}

// described returns an attribute with the text that describe writes.
func described(key string, describe func(*text.Writer)) slog.Attr {
	return slog.String(key, loggable.Text(describe))
}

// A missKey tells the types of missed messages apart.
type missKey struct {
	typ reflect.Type
	o   topic.Orientation
}
