// Package applog has the log of programs that configure none, and a handler
// that says repeated warnings once and counts the rest.
package applog

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
)

// Variable is the environment variable that says from which level on to log:
// debug, info, warn or error; or off, for silence.
const Variable = "MARKETPLACE_LOG"

// FromEnvironment returns the logger that [Variable] asks for, and the level
// from which on it logs, to standard error. If the variable is not set, the
// level is warn; if it is off, the logger is nil. Any other text is an error.
//
// Of warnings and errors with one message, the logger says burst in a minute;
// flush says how many there were besides.
func FromEnvironment() (l *slog.Logger, level slog.Level, flush func(), err error) {
	switch text := os.Getenv(Variable); strings.ToLower(text) {
	case "debug":
		level = slog.LevelDebug
	case "info":
		level = slog.LevelInfo
	case "", "warn":
		level = slog.LevelWarn
	case "error":
		level = slog.LevelError
	case "off":
		return nil, level, func() {}, nil
	default:
		return nil, level, nil, fmt.Errorf("%s is %q: it must be debug, info, warn, error or off", Variable, text)
	}
	t := Counting(NewHandler(os.Stderr, level), burst)
	return slog.New(t), level, t.Flush, nil
}

// burst is how many warnings and errors with one message are said in a minute.
const burst = 20

// Stack is the key of an attribute that is a stack trace.
const Stack = "stack"

// A handler writes records as [slog.TextHandler] does, but for the attribute
// [Stack], whose lines follow, one below the other.
type handler struct {
	out  *output
	text slog.Handler
}

// An output is what the handlers of one logger write to, one at a time.
type output struct {
	sync.Mutex
	w   io.Writer
	buf bytes.Buffer
}

// NewHandler returns a handler that writes records from a level on to w, a
// line each. An attribute with the key [Stack] follows in lines of its own. It
// calls Write once for each record.
func NewHandler(w io.Writer, level slog.Level) slog.Handler {
	out := &output{w: w}
	return &handler{out, slog.NewTextHandler(&out.buf, &slog.HandlerOptions{Level: level})}
}

// Enabled implements [slog.Handler].
func (h *handler) Enabled(ctx context.Context, l slog.Level) bool { return h.text.Enabled(ctx, l) }

// Handle implements [slog.Handler].
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	line := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	stack := ""
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == Stack {
			stack = a.Value.String()
		} else {
			line.AddAttrs(a)
		}
		return true
	})
	h.out.Lock()
	defer h.out.Unlock()
	h.out.buf.Reset()
	if err := h.text.Handle(ctx, line); err != nil {
		return err
	}
	if stack = strings.TrimRight(stack, "\n"); stack != "" {
		h.out.buf.WriteString("\t" + strings.ReplaceAll(stack, "\n", "\n\t") + "\n")
	}
	_, err := h.out.w.Write(h.out.buf.Bytes())
	return err
}

// WithAttrs implements [slog.Handler].
func (h *handler) WithAttrs(as []slog.Attr) slog.Handler {
	return &handler{h.out, h.text.WithAttrs(as)}
}

// WithGroup implements [slog.Handler].
func (h *handler) WithGroup(name string) slog.Handler { return &handler{h.out, h.text.WithGroup(name)} }
