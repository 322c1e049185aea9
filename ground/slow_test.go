package ground_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// A logBook is written to by several goroutines.
type logBook struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logBook) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// dawdle sleeps, which a transition function must not do, and returns the log so far.
func dawdle(l *logBook, d time.Duration) string {
	time.Sleep(d)
	return l.String()
}

// Issue 9.11: a transition function that takes long is reported while it runs,
// with process, event and stack, and once more when it has returned, with the same
// process and event, and the time that it has taken. B-M24.
func TestSlowFunction(t *testing.T) {
	hear := func(f func() actions.Action) actions.Action {
		return actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[job](), endpoint.OnMessage(func(job) actions.Action { return f() })))).Named("slow")
	}
	next := func(f func() actions.Action) actions.Action {
		return actions.Yield(func(struct{}) actions.Transition[struct{}] { return actions.Stateless(f()) })
	}
	send := inAWhile(actions.Send(job{1}))
	for name, tt := range map[string]struct {
		boot func(f func() actions.Action) []actions.Action
		want string
	}{
		"handler": {func(f func() actions.Action) []actions.Action { return []actions.Action{hear(f), send} }, `path=2 name=slow event=ground_test.job for=1.25s`},
		"one of two": {func(f func() actions.Action) []actions.Action {
			return []actions.Action{hear(func() actions.Action { return nil }), actions.Spawn(vm.Nested(actions.AtMeta(endpoint.Subscriber(topic.All[job](), endpoint.OnMessage(func(job) actions.Action { return f() })).As("m")), inAWhile())), send}
		}, `path=3/1 name=boot event=ground_test.job for=1.25s`},
		"continuation": {func(f func() actions.Action) []actions.Action {
			return []actions.Action{actions.Spawn(actions.Stateless(next(f))).Named("slow")}
		}, "path=2 name=slow event=continuation for=1.25s"},
		"boot": {func(f func() actions.Action) []actions.Action {
			return []actions.Action{actions.SpawnFunc(func(actions.PID) actions.Process { return actions.Stateless(f()) }).Named("slow")}
		}, "path=2 name=slow event=boot for=1.25s"},
		"value": {func(f func() actions.Action) []actions.Action {
			s := newStage()
			return []actions.Action{endpoint.Device(puppet{"p", s}, endpoint.OnValue(func(hello) actions.Action { close(s.values); return f() }))}
		}, `path=1 name=boot event="value ground_test.hello" for=1.25s`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := &logBook{}
				var early, late string
				g := ground.Ground{Logger: l.logger()}
				err := g.Run(t.Context(), tt.boot(func() actions.Action {
					early = dawdle(l, 999*time.Millisecond)
					late = dawdle(l, 260*time.Millisecond)
					time.Sleep(time.Second)
					return nil
				})...)
				if err != nil || early != "" {
					t.Errorf("%v; before the limit was over:\n%s", err, early)
				}
				if strings.Count(late, "level=WARN msg=\"a transition function takes long\"") != 1 || !strings.Contains(late, tt.want) ||
					!strings.Contains(late, "time.Sleep") || !strings.Contains(late, "ground_test.dawdle") || strings.Contains(late, "vm.(*") {
					t.Errorf("want %s; while it runs:\n%s", tt.want, late)
				}
				rest := strings.TrimPrefix(l.String(), late)
				if strings.Count(rest, "level=") != 1 || !strings.Contains(rest, "the transition function has returned") ||
					!strings.Contains(rest, strings.TrimSuffix(tt.want, "for=1.25s")+"after=2.259s") {
					t.Errorf("after that:\n%s", rest)
				}
			})
		})
	}
}

// Issue 9.11: the line about a function that has returned names the event of its
// call, and not a later one.
func TestSlowFunctionEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &logBook{}
		g := ground.Ground{Logger: l.logger()}
		err := g.Run(t.Context(),
			actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[job](), endpoint.OnMessage(func(job) actions.Action {
				time.Sleep(2 * time.Second)
				return actions.Group(actions.Send(say{}), endpoint.Publisher(topic.All[claim]()))
			})))).Named("slow"),
			actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[say](), endpoint.OnMessage(func(say) actions.Action { return nil })),
				endpoint.ObservePublishers(topic.All[claim](), endpoint.OnPresence(func(claim) actions.Action { return nil })))),
			inAWhile(actions.Send(job{})))
		if got := l.String(); err != nil || !strings.Contains(got, `msg="the transition function has returned" path=2 name=slow event=ground_test.job after=2s`) {
			t.Errorf("%v; got\n%s", err, got)
		}
	})
}

// Issue 9.11: many functions that each take some time are not one slow function, and
// the limit is that of the ground.
func TestSlowLimit(t *testing.T) {
	for _, tt := range []struct {
		limit time.Duration
		want  int
	}{{0, 0}, {100 * time.Millisecond, 20}} {
		synctest.Test(t, func(t *testing.T) {
			l := &logBook{}
			g := ground.Ground{Logger: l.logger(), SlowLimit: tt.limit}
			var boot []actions.Action
			for range 20 {
				boot = append(boot, actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[job](), endpoint.OnMessage(func(job) actions.Action {
					time.Sleep(900 * time.Millisecond)
					return nil
				})))))
			}
			boot = append(boot, inAWhile(actions.Send(job{})))
			if err := g.Run(t.Context(), boot...); err != nil {
				t.Error(err)
			}
			if n := strings.Count(l.String(), "takes long"); n != tt.want {
				t.Errorf("limit %v: %d reports, want %d:\n%s", tt.limit, n, tt.want, l)
			}
		})
	}
}

func slowHere(l *logBook) string  { return dawdle(l, 2*time.Second) }
func slowThere(l *logBook) string { return dawdle(l, 2*time.Second) }

// Issue 9.11: of several grounds, each reports the stack of its own function.
func TestSlowGrounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wg sync.WaitGroup
		for name, f := range map[string]func(*logBook) string{"slowHere": slowHere, "slowThere": slowThere} {
			wg.Go(func() {
				l := &logBook{}
				g := ground.Ground{Logger: l.logger()}
				if err := g.Run(t.Context(), actions.Yield(func(struct{}) actions.Transition[struct{}] { f(l); return actions.Stateless() })); err != nil {
					t.Error(err)
				}
				if s := l.String(); !strings.Contains(s, "ground_test."+name) {
					t.Errorf("there is no %s in\n%s", name, s)
				}
			})
		}
		wg.Wait()
	})
}
