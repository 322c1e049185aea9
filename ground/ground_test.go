package ground_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// nested returns as in nested machines, depth of them.
func nested(depth int, as ...actions.Action) actions.Action {
	a := actions.Group(as...)
	for range depth {
		a = actions.Spawn(vm.Nested(a))
	}
	return a
}

// Run returns when nothing can happen any more, even though there are processes.
// HL-06.
func TestRunReturnsWhenIdle(t *testing.T) {
	for _, boot := range [][]actions.Action{
		nil,
		{actions.Quit()},
		{endpoint.Publisher(topic.All[claim]())},
		{nested(3, endpoint.Publisher(topic.All[claim]()))},
	} {
		if err := ground.Run(t.Context(), boot...); err != nil {
			t.Error(err)
		}
	}
}

// A Run returns as soon as it is over. B-M18.
func TestRunReturnsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		close(s.values)
		begin := time.Now()
		if err := ground.Run(t.Context(), endpoint.Device(puppet{"p", s})); err != nil || time.Since(begin) != 0 {
			t.Errorf("%v after %v", err, time.Since(begin))
		}
	})
}

// When Run is cancelled, all processes hear of the absence of the others, in order,
// and the commands that follow are still carried out. HL-09.
func TestStop(t *testing.T) {
	for depth := range 4 {
		ctx, cancel := context.WithCancel(t.Context())
		s := newStage()
		d := puppet{"p", s}
		var heard []string
		note := func(format string, args ...any) actions.Action {
			heard = append(heard, fmt.Sprintf(format, args...))
			return nil
		}
		err := ground.Run(ctx, nested(depth,
			actions.Spawn(actions.Stateless(
				publish(),
				endpoint.Device(d,
					endpoint.OnValue(func(hello) actions.Action { cancel(); return nil }),
					endpoint.OnEnded(func(reason error) actions.Action {
						note("ended: %v", errors.Is(reason, world.ErrStopped))
						return actions.Tell(d, "bye")
					}))))),
			nested(depth, actions.Spawn(actions.Stateless(endpoint.ObservePublishers(topic.All[claim](),
				endpoint.OnAbsence(func(_ claim, reason error) actions.Action {
					return note("absent: %v", errors.Is(reason, world.ErrStopped))
				}))))),
		)
		want := []string{"ended: true"}
		if depth == 0 {
			want = append(want, "absent: true")
		}
		if err != nil || !slices.Equal(heard, want) {
			t.Errorf("depth %d: %v, heard %v", depth, err, heard)
		}
		if diff := cmp.Diff([]string{"p: open 1", "p: try bye", "p: close"}, s.notes()); diff != "" {
			t.Errorf("depth %d: %s", depth, diff)
		}
	}
}

// Other processes have their turns although two keep each other busy for ever. B-M24,
// B-M27.
func TestBusyForEver(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := newStage()
	go func() { s.values <- say{"stop"} }()
	forever := endpoint.Subscriber(topic.All[job](), endpoint.OnMessage(func(j job) actions.Action { return actions.Send(j) }))
	g := ground.Ground{Limits: vm.Limits{Steps: 1 << 10, Drain: 1 << 12}}
	err := g.Run(ctx,
		actions.Spawn(actions.Stateless(forever, actions.Send(job{1}))),
		endpoint.Device(puppet{"p", s}, endpoint.OnValue(func(say) actions.Action { cancel(); return nil })),
	)
	if err != nil {
		t.Error(err)
	}
}

// Several grounds in one program share nothing. HL-08.
func TestSeveralGrounds(t *testing.T) {
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			n := 0
			err := ground.Run(t.Context(),
				endpoint.Subscriber(topic.All[job](), endpoint.OnMessage(func(j job) actions.Action {
					n++
					return actions.When(j.Left > 1, actions.Send(job{j.Left - 1}))
				})),
				actions.Send(job{1000}))
			if err != nil || n != 1000 {
				t.Errorf("%v, %d jobs", err, n)
			}
		})
	}
	wg.Wait()
}

// The logger gets all records, and MARKETPLACE_LOG switches a logger on. HL-86,
// HL-87, LL-09, B-M29.
func TestLogger(t *testing.T) {
	var b bytes.Buffer
	g := ground.Ground{Logger: slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	if err := g.Run(t.Context(), actions.Spawn(actions.Stateless(publish(), actions.Fail(errBoom))).Named("misfit")); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"level=INFO msg=spawned path=2 name=misfit", "level=DEBUG msg=performed", "level=WARN msg=ended path=2 name=misfit reason=boom"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("there is no %q in\n%s", want, b.String())
		}
	}
	t.Setenv("MARKETPLACE_LOG", "loud")
	if err := ground.Run(t.Context()); err == nil || !strings.Contains(err.Error(), `"loud"`) {
		t.Errorf("got %v", err)
	}
	t.Setenv("MARKETPLACE_LOG", "error")
	if err := ground.Run(t.Context()); err != nil {
		t.Error(err)
	}
}

// Run refuses invalid settings, and names them.
func TestGroundSettings(t *testing.T) {
	for _, g := range []ground.Ground{
		{Limits: vm.Limits{Queue: -1}}, {Limits: vm.Limits{Steps: -1}}, {Limits: vm.Limits{Drain: -1}},
		{DeviceQueue: -1}, {CloseLimit: -1}, {KeepLimit: -1}, {SlowLimit: -1},
	} {
		if err := g.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "negative") {
			t.Errorf("%+v: %v", g, err)
		}
	}
}

// A spy sees everything: messages and feedback, participants and observers, and
// what happens in nested machines and at meta-levels. LL-10, B-M30.
func TestSpy(t *testing.T) {
	var seen []string
	g := ground.Ground{Watch: func(r *vm.Record) {
		if e, ok := r.Endpoint(); ok && r.Kind == vm.Told {
			seen = append(seen, fmt.Sprintf("%v %v at %d: %v", r.Path(), e.Role.Orientation, e.Level, r.Event.Kind))
		}
	}}
	err := g.Run(t.Context(),
		actions.Spawn(actions.Stateless(
			endpoint.Publisher(topic.All[job]()),
			endpoint.Subscriber(topic.All[job]()),
			actions.Send(job{1}), actions.Feedback(job{2}),
		)),
		actions.Spawn(vm.Nested(actions.AtMeta(endpoint.ObservePublishers(topic.All[job]())))),
	)
	want := []string{
		"2 publisher at 0: presence", "2 subscriber at 0: presence",
		"2 subscriber at 0: message", "2 publisher at 0: message",
		"3/1 subscriber at 1: presence",
	}
	slices.Sort(seen)
	slices.Sort(want)
	if diff := cmp.Diff(want, seen); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

// A meter can be read while the machine runs, and when it has ended. It counts
// dropped actions. HL-39, HL-66, HL-89.
func TestMeter(t *testing.T) {
	var meter ground.Meter
	s := newStage()
	go func() {
		s.values <- say{"one"}
		for meter.Stats().Inputs < 2 {
			runtime.Gosched()
		}
		close(s.values)
	}()
	g := ground.Ground{Meter: &meter}
	err := g.Run(t.Context(),
		endpoint.Device(puppet{"p", s}, endpoint.OnValue(func(say) actions.Action {
			return actions.Tree{actions.Send(job{}), actions.Delete("nothing"), actions.Kill(99, nil)}
		})),
		actions.Spawn(actions.Stateless(actions.Quit(), actions.Send(job{}), actions.Send(job{}))),
	)
	got := meter.Stats()
	if err != nil || got.Undelivered != 1 || got.Ignored != 2 || got.Dropped != 2 || got.Ended != 1 || got.Spawned != 2 || got.Inputs != 4 {
		t.Errorf("%v, %+v", err, got)
	}
}

// A Run that is cancelled before it has begun ends like any other.
func TestCancelledAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 100 {
		if err := ground.Run(ctx, publish(), endpoint.Device(puppet{"p", newStage()})); err != nil {
			t.Fatal(err)
		}
	}
}
