package eventrelay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/eventrelay"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A radio is a device that says what a test tells it to.
type radio struct {
	name string
	s    *station
}

type station struct {
	says chan string // closed: the end

	mu           sync.Mutex
	opened, live int
}

func newStation() *station { return &station{says: make(chan string)} }

func (s *station) counts() (opened, live int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened, s.live
}

func (r radio) DeviceName() string { return "radio " + r.name }

func (r radio) Open(context.Context, world.Env) (world.Handle, error) {
	r.s.mu.Lock()
	defer r.s.mu.Unlock()
	r.s.opened++
	r.s.live++
	return &receiver{s: r.s, closed: make(chan struct{})}, nil
}

type receiver struct {
	s      *station
	once   sync.Once
	closed chan struct{}
}

func (r *receiver) Recv() (any, error) {
	select {
	case text, ok := <-r.s.says:
		if !ok {
			return nil, io.ErrUnexpectedEOF
		}
		return text, nil
	case <-r.closed:
		return nil, io.EOF
	}
}

func (r *receiver) Try(commands []any) (int, error) { return len(commands), nil }
func (r *receiver) Do(any) error                    { return nil }

func (r *receiver) Close() error {
	r.once.Do(func() {
		close(r.closed)
		r.s.mu.Lock()
		r.s.live--
		r.s.mu.Unlock()
	})
	return nil
}

// A log has what each listener has heard.
type log struct {
	mu    sync.Mutex
	lines []string
}

func (l *log) add(format string, args ...any) actions.Action {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, fmt.Sprintf(format, args...))
	return nil
}

func (l *log) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines = nil
	return lines
}

// listener listens to r until somebody tells it to stop, by name.
func listener(l *log, name string, r radio) actions.SpawnProcess {
	return actions.Spawn(actions.Stateless(
		endpoint.Subscriber(eventrelay.From(r),
			endpoint.OnMessage(func(e eventrelay.Event) actions.Action { return l.add("%s: %v", name, e.Value) }),
			endpoint.OnAbsence(func(_ eventrelay.Event, reason error) actions.Action {
				if reason != nil {
					l.add("%s: over (%v)", name, errors.Is(reason, io.ErrUnexpectedEOF))
				}
				return nil
			})),
	)).Named(name)
}

// pass lets the time of the bubble pass.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// play runs boot in a bubble, with a control through which the test kills
// processes.
func play(t *testing.T, test func(t *testing.T, run func(boot ...actions.Action) (stop func()))) {
	synctest.Test(t, func(t *testing.T) {
		test(t, func(boot ...actions.Action) func() {
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				if err := ground.Run(ctx, boot...); err != nil {
					t.Error(err)
				}
			}()
			synctest.Wait()
			return func() {
				cancel()
				<-done
			}
		})
	})
}

// leaves makes a process quit after a time: an alarm is a device like any
// other.
func leaves(p actions.SpawnProcess, clock world.Clock, after time.Duration) actions.SpawnProcess {
	boot := p.Boot
	p.Boot = func(self actions.PID) actions.Process {
		state, as := boot(self).Erase()
		alarm := world.Alarm{Clock: clock, After: after, Label: p.Name}
		return actions.Next(state.(struct{}), as, endpoint.Device(alarm, endpoint.OnValue(func(world.AlarmRang) actions.Action { return actions.Quit() })))
	}
	return p
}

func nested(depth int, relays bool, as ...actions.Action) actions.Action {
	a := actions.Group(as...)
	for i := range depth {
		var relay actions.Action
		if relays {
			relay = eventrelay.Relay(fmt.Sprint("level ", i))
		}
		a = actions.Spawn(vm.Nested(relay, a))
	}
	return a
}

// DR-01 to DR-05, DR-08: a device is opened for those who subscribe to it, at
// any depth, once; and closed after the last of them. B-M21.
func TestDemandOpensAndCloses(t *testing.T) {
	for depth := range 4 {
		t.Run(fmt.Sprintf("depth=%d", depth), func(t *testing.T) {
			play(t, func(t *testing.T, run func(...actions.Action) func()) {
				s, l, clock := newStation(), &log{}, world.SystemClock()
				r := radio{"r", s}
				stop := run(eventrelay.Driver(), nested(depth, true,
					leaves(listener(l, "ann", r), clock, time.Minute),
					leaves(listener(l, "bob", r), clock, time.Hour),
				))
				defer stop()
				s.says <- "good morning"
				synctest.Wait()
				if got, want := l.take(), []string{"ann: good morning", "bob: good morning"}; !slices.Equal(got, want) {
					t.Errorf("heard %q", got)
				}
				pass(2 * time.Minute) // of the bubble: ann has left
				if opened, live := s.counts(); opened != 1 || live != 1 {
					t.Fatalf("opened %d times, %d open, while bob is listening", opened, live)
				}
				s.says <- "good night"
				synctest.Wait()
				if got, want := l.take(), []string{"bob: good night"}; !slices.Equal(got, want) {
					t.Errorf("heard %q", got)
				}
				pass(2 * time.Hour) // bob has left
				if opened, live := s.counts(); opened != 1 || live != 0 {
					t.Errorf("opened %d times, %d open, when all have left", opened, live)
				}
			})
		})
	}
}

// A device that has ended is absent, and the reason goes inward.
func TestEnd(t *testing.T) {
	for depth := range 4 {
		play(t, func(t *testing.T, run func(...actions.Action) func()) {
			s, l := newStation(), &log{}
			stop := run(eventrelay.Driver(), nested(depth, true, listener(l, "ann", radio{"r", s})))
			defer stop()
			close(s.says)
			synctest.Wait()
			if got := l.take(); !slices.Equal(got, []string{"ann: over (true)"}) {
				t.Errorf("depth %d: heard %q", depth, got)
			}
		})
	}
}

// DR-06: of several relays in one machine one serves, so that nobody hears
// anything twice, and another takes over when it goes.
func TestStandBy(t *testing.T) {
	play(t, func(t *testing.T, run func(...actions.Action) func()) {
		s, l := newStation(), &log{}
		crash := actions.Spawn(actions.Next(0, actions.SpawnThen(actions.Stateless(), func(n int, child actions.PID) actions.Transition[int] {
			// The first relay has PID 2: end it after an hour.
			return actions.Next(n, endpoint.Device(world.Alarm{Clock: world.SystemClock(), After: time.Hour},
				endpoint.OnValue(func(world.AlarmRang) actions.Action { return actions.Kill(2, errors.New("enough")) })))
		})))
		stop := run(eventrelay.Driver(), actions.Spawn(vm.Nested(
			eventrelay.Relay("one"), eventrelay.Relay("two"), eventrelay.Relay("three"),
			listener(l, "ann", radio{"r", s}), crash,
		)))
		defer stop()
		s.says <- "one"
		synctest.Wait()
		if got := l.take(); !slices.Equal(got, []string{"ann: one"}) {
			t.Errorf("heard %q", got)
		}
		pass(2 * time.Hour)
		s.says <- "two"
		synctest.Wait()
		if got := l.take(); !slices.Equal(got, []string{"ann: over (false)", "ann: two"}) {
			t.Errorf("heard %q after the first relay has gone", got)
		}
		if _, live := s.counts(); live != 1 {
			t.Errorf("%d are open", live)
		}
	})
}

// DR-07: a subscriber to the events of every device asks for none of them.
func TestNoParticularDevice(t *testing.T) {
	err := ground.Run(t.Context(), eventrelay.Driver(), nested(2, true,
		endpoint.Subscriber(topic.All[eventrelay.Event]()),
		endpoint.Subscriber(topic.Where(eventrelay.Device.Is(nil)))))
	if err != nil {
		t.Error(err)
	}
}
