package ground

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// logLine is a line that the logger gets for a record.
type logLine struct {
	Msg, Path, Name, Endpoint, Event, Action, Reason, Input, Command string
}

// text returns the text of the trace for l.
func (l logLine) text() string {
	switch l.Msg {
	case vm.Entered.String():
		return "> " + l.Input
	case vm.Late.String():
		return "late: " + l.Input
	case vm.Commanded.String():
		return "< " + l.Command
	}
	s := strings.TrimRight(l.Path+" "+l.Name, " ") + ": "
	switch l.Msg {
	case vm.Performed.String():
		return s + l.Action
	case vm.Resumed.String():
		return s + "hears the PID of what it has spawned"
	case vm.Told.String():
		s += "hears " + l.Event
		if l.Endpoint != "" {
			s += " at " + l.Endpoint
		}
		return s
	}
	s += l.Msg
	if l.Action != "" {
		s += ": " + l.Action
	}
	if l.Reason != "" {
		s += ": " + l.Reason
	}
	return s
}

// A lamp is a device that a test switches.
type lamp struct{}

func (lamp) DeviceName() string { return "a lamp" }

func (lamp) Open(context.Context, world.Env) (world.Handle, error) { return nil, errors.ErrUnsupported }

type notion struct{ Text string }

// Issue 10.1: the log uses the words of the trace.
func TestLogSpeaksLikeTrace(t *testing.T) {
	listener := endpoint.Subscriber(topic.All[int](), endpoint.OnMessage(func(n int) actions.Action {
		if n == 0 {
			return actions.Group(actions.Close(lamp{}), actions.Close(lamp{}))
		}
		return actions.Send(n - 1)
	})).As("numbers")
	m := vm.New(
		actions.Spawn(actions.Stateless(listener, endpoint.Device(lamp{}, endpoint.OnValue(func(s notion) actions.Action {
			return actions.Group(actions.Tell(lamp{}, s), actions.Send(2), actions.Feedback(notion{"nobody"}))
		})))).Named("porter"),
		actions.Spawn(vm.Nested(actions.Spawn(actions.Stateless(endpoint.Publisher(topic.All[notion]()))), actions.Spawn(vm.Nested(actions.Spawn(actions.Stateless(
			actions.AtMeta(endpoint.Subscriber(topic.All[notion](), endpoint.OnPresence(func(notion) actions.Action { return actions.Fail(errors.New("no")) })).As("it")),
			actions.AtMeta(actions.AtMeta(endpoint.Publisher(topic.All[int]()), actions.Send(notion{"out"}))),
			actions.AtMeta(actions.SpawnThen(actions.Stateless(), func(struct{}, actions.PID) actions.Transition[struct{}] { return actions.Stateless() })),
		)))))),
	)
	var b bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))
	n, deep, meta := 0, false, false
	m.Watch(vm.AllRecords, func(r *vm.Record) {
		b.Reset()
		logRecord(logger, r)
		var l logLine
		if err := json.Unmarshal(b.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		if got, want := l.text(), r.String(); got != want {
			t.Errorf("the log has   %s\nthe trace has %s", got, want)
		}
		n++
		deep = deep || r.Level > 0
		e, ok := r.Endpoint()
		meta = meta || ok && e.Level > 0
	})
	apply := func(in vm.Input) {
		m.Apply(in)
		for m.Busy() {
			m.Apply(vm.Input{Kind: vm.Continue})
		}
	}
	apply(vm.Input{Kind: vm.Start})
	p, _ := m.Process(vm.Path{2})
	apply(vm.Input{Kind: vm.Value, Address: p.Devices[0], Value: notion{"a\nb"}})
	apply(vm.Input{Kind: vm.End, Address: p.Devices[0]})
	if n < 40 || !deep || !meta {
		t.Errorf("%d records, %v, %v", n, deep, meta)
	}
}

// A value of any size gives a readable log line.
func TestLogLinesAreBounded(t *testing.T) {
	var b bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))
	m := vm.New(actions.Send(notion{strings.Repeat("x", 10<<20)}))
	most := 0
	m.Watch(vm.AllRecords, func(r *vm.Record) {
		b.Reset()
		logRecord(logger, r)
		most = max(most, b.Len())
	})
	m.Apply(vm.Input{Kind: vm.Start})
	if most < 16<<10 || most > 17<<10 {
		t.Errorf("a line has %d bytes", most)
	}
}

// The log has a line for every kind of record.
func TestEveryRecordCanBeLogged(t *testing.T) {
	l := slog.New(slog.DiscardHandler)
	for kind := range vm.RecordKind(32) {
		if vm.AllRecords.Has(kind) {
			logRecord(l, &vm.Record{Kind: kind})
			_ = level(&vm.Record{Kind: kind})
		}
	}
}
