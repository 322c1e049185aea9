package distributed

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A LogLine is a message that a process logs: see [Log].
type LogLine struct {
	Level int // a [slog.Level]
	Text  string
	Attrs []LogAttr
}

// A LogAttr is an attribute of a [LogLine], as text.
type LogAttr struct{ Key, Value string }

// Log returns the action that logs a text, with attributes: keys, which are strings, and
// values, in turn. The line goes to those who subscribe to [Logs] in the machine, also from
// elsewhere. If nobody does, it is lost, as any message is.
func Log(level slog.Level, text string, args ...any) actions.Action {
	l := LogLine{Level: int(level), Text: text}
	r := slog.Record{}
	r.Add(args...)
	r.Attrs(func(a slog.Attr) bool {
		l.Attrs = append(l.Attrs, LogAttr{a.Key, a.Value.String()})
		return true
	})
	return actions.Send(l)
}

// Logs returns the topic of what processes log.
func Logs() topic.Pattern[LogLine] { return topic.All[LogLine]() }

// WriteLogs returns the action that spawns a process that writes what is logged at a place
// to the log of the ground. With the zero Place, it is what is logged in this machine.
func WriteLogs(p Place) actions.SpawnProcess {
	d := logDevice{p}
	return actions.Spawn(actions.Stateless(
		actions.OpenDevice{Device: d},
		p.At(endpoint.Subscriber(Logs(), endpoint.OnMessage(func(l LogLine) actions.Action { return actions.Tell(d, l) }))),
	)).Named("log of " + p.String())
}

// A logDevice writes to the log of the ground.
type logDevice struct{ place Place }

func init() { world.Register[LogLine]("distributed.LogLine") }

// DeviceName implements [world.Device].
func (d logDevice) DeviceName() string {
	return fmt.Sprintf("distributed.log(%q, %q, %d)", d.place.Node, d.place.Name, d.place.Epoch)
}

// Open implements [world.Device].
func (d logDevice) Open(_ context.Context, env world.Env) (world.Handle, error) {
	log := env.Logger()
	if d.place != (Place{}) {
		log = log.With("node", d.place.Node, "place", d.place.Name)
	}
	return &logHandle{log: log, closed: make(chan struct{})}, nil
}

type logHandle struct {
	log    *slog.Logger
	told   bool
	once   sync.Once
	closed chan struct{}
}

// Recv implements [world.Handle]. The only value is the first.
func (h *logHandle) Recv() (any, error) {
	if !h.told {
		h.told = true
		return true, nil
	}
	<-h.closed
	return nil, io.EOF
}

// Try implements [world.Handle].
func (h *logHandle) Try(commands []any) (int, error) {
	for i, c := range commands {
		if err := h.Do(c); err != nil {
			return i, err
		}
	}
	return len(commands), nil
}

// Do implements [world.Handle].
func (h *logHandle) Do(command any) error {
	l, ok := command.(LogLine)
	if !ok {
		return fmt.Errorf("distributed: a log was told a %T", command)
	}
	attrs := make([]slog.Attr, len(l.Attrs))
	for i, a := range l.Attrs {
		attrs[i] = slog.String(a.Key, a.Value)
	}
	h.log.LogAttrs(context.Background(), slog.Level(l.Level), l.Text, attrs...)
	return nil
}

// Close implements [world.Handle].
func (h *logHandle) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}
