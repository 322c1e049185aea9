package vm

import (
	"context"
	"fmt"
	"log/slog"
)

// watcher returns the function that watches a machine for a logger and a spy,
// or nil if there is nobody to watch for.
func watcher(l *slog.Logger, spy func(*Record)) func(*Record) {
	switch {
	case l == nil:
		return spy
	case spy == nil:
		return func(r *Record) { logRecord(l, r) }
	}
	return func(r *Record) {
		logRecord(l, r)
		spy(r)
	}
}

// levels say how important a kind of record is.
var levels = [...]slog.Level{
	Entered:     slog.LevelDebug,
	Spawned:     slog.LevelInfo,
	Performed:   slog.LevelDebug,
	Told:        slog.LevelDebug,
	Crashed:     slog.LevelError,
	Ended:       slog.LevelInfo,
	Collected:   slog.LevelInfo,
	Dropped:     slog.LevelWarn,
	Undelivered: slog.LevelDebug,
	Ignored:     slog.LevelDebug,
	Late:        slog.LevelDebug,
	Commanded:   slog.LevelDebug,
}

func logRecord(l *slog.Logger, r *Record) {
	level := levels[r.Kind]
	if r.Kind == Ended && r.Reason != nil {
		level = slog.LevelWarn
	}
	if !l.Enabled(context.Background(), level) {
		return
	}
	attrs := make([]slog.Attr, 0, 6)
	if path := r.Path(); path != nil {
		attrs = append(attrs, slog.String("path", path.String()))
		if name := r.Name(); name != "" {
			attrs = append(attrs, slog.String("name", name))
		}
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
	if p, ok := r.Reason.(*PanicError); ok && r.Kind == Crashed {
		attrs = append(attrs, slog.String("stack", string(p.Stack)))
	}
	if r.Input.Kind != 0 {
		attrs = append(attrs, slog.String("input", fmt.Sprint(r.Input.Kind, " ", r.Input.Address)))
	}
	if r.Command.Kind != 0 {
		attrs = append(attrs, slog.String("command", fmt.Sprint(r.Command.Kind, " ", r.Command.Address)))
	}
	l.LogAttrs(context.Background(), level, r.Kind.String(), attrs...)
}
