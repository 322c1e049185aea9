// Package applog has the logger of programs that configure none, and a handler that
// counts repeated warnings instead of logging them.
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

// Variable is the environment variable with the lowest level to log: debug, info,
// warn or error; or off, for no log.
const Variable = "MARKETPLACE_LOG"

// FromEnvironment returns the logger that [Variable] asks for, which writes to
// standard error, and its lowest level. If the variable is not set, the level is warn.
// If it is off, the logger is nil. Any other text is an error.
//
// Of warnings and errors with the same message, the logger logs burst in a minute;
// flush logs the number of the others.
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

// burst is how many warnings and errors with the same message are logged in a minute.
const burst = 20

// Stack is the key of an attribute that is a stack trace.
const Stack = "stack"

// A handler writes records as [slog.TextHandler] does, except the attribute [Stack]:
// its lines follow the record.
type handler struct {
	out  *output
	text slog.Handler
}

// An output is the shared output of the handlers of one logger.
type output struct {
	sync.Mutex
	w   io.Writer
	buf bytes.Buffer
}

// NewHandler returns a handler that writes records of at least a level to w, in a line
// each. An attribute with the key [Stack] follows in lines of its own. The handler
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
