package distributed_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/internal/simtest"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

type says struct{ Who, What string }

var (
	sayer = topic.FieldOf(func(s *says) *string { return &s.Who })
	said  = topic.FieldOf(func(s *says) *string { return &s.What })
)

func init() { world.Register[says]("distributed_test.says") }

// A cluster is some machines that run in a bubble, and stop with it.
type cluster struct {
	t       *testing.T
	network *distributed.MemoryNetwork
	log     *logged
}

func newCluster(t *testing.T) *cluster { return &cluster{t, distributed.Memory(), new(logged)} }

// logged has what machines log.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

// expectLog expects that a text was logged n times.
func (c *cluster) expectLog(text string, n int) {
	c.t.Helper()
	c.log.mu.Lock()
	defer c.log.mu.Unlock()
	if got := strings.Count(c.log.text.String(), text); got != n {
		c.t.Errorf("%q was logged %d times, want %d:\n%s", text, got, n, c.log.text.String())
	}
}

func (c *cluster) config(node string) distributed.Config {
	return distributed.Config{Network: c.network.Node(node)}
}

// run runs a machine, and returns the function that stops it.
func (c *cluster) run(boot ...actions.Action) (stop func()) {
	ctx, cancel := context.WithCancel(c.t.Context())
	done := make(chan error, 1)
	go func() {
		done <- (&ground.Ground{Logger: slog.New(slog.NewTextHandler(c.log, &slog.HandlerOptions{Level: slog.LevelWarn}))}).Run(ctx, boot...)
	}()
	stopped := false
	stop = func() {
		if !stopped {
			stopped = true
			cancel()
			<-done
		}
	}
	c.t.Cleanup(stop)
	synctest.Wait()
	return stop
}

// A heard is what a listener has heard, as lines. The test takes them while a machine is at
// rest; the lock says so to the race detector.
type heard struct {
	mu    sync.Mutex
	lines []string
}

func (h *heard) add(format string, args ...any) actions.Action {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, fmt.Sprintf(format, args...))
	return nil
}

func (h *heard) take() []string {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	lines := h.lines
	h.lines = nil
	return lines
}

// listener returns an endpoint that hears what is said.
func (h *heard) listener() actions.AddEndpoint {
	return endpoint.Subscriber(topic.All[says](),
		endpoint.OnMessage(func(s says) actions.Action { return h.add("%s: %s", s.Who, s.What) }),
		endpoint.OnPresence(func(s says) actions.Action { return h.add("+%s", s.Who) }),
		endpoint.OnAbsence(func(s says, reason error) actions.Action { return h.add("-%s (%v)", s.Who, reason) }),
	)
}

func spawn(as ...actions.Action) actions.Action { return actions.Spawn(actions.Stateless(as...)) }

func (h *heard) expect(t *testing.T, want ...string) {
	t.Helper()
	if got := h.take(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("heard %q, want %q", got, want)
	}
}

// TestTwoMachines: what happens at a place is heard elsewhere. FC-02, FC-07, B-F12.
func TestTwoMachines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		room := distributed.Place{Node: "a", Name: "room"}
		var atHome, away heard
		c.run(c.config("a").Driver(), c.config("a").Serve("room"), spawn(atHome.listener()))
		stop := c.run(c.config("b").Driver(), spawn(
			room.At(away.listener()),
			room.At(endpoint.Publisher(topic.Where(sayer.Is("tony")))),
			distributed.Send(room, says{"tony", "hello"}),
		))
		simtest.Pass(time.Second)
		atHome.expect(t, "+tony", "tony: hello")
		away.expect(t, "+tony", "tony: hello")
		stop()
		simtest.Pass(time.Second)
		atHome.expect(t, "-tony ("+distributed.ErrLeft.Error()+")")
	})
}

// A cord is a device that performs what a test says.
type cord struct{ c chan actions.Action }

func (w cord) DeviceName() string { return fmt.Sprintf("cord %p", w.c) }

func (w cord) Open(context.Context, world.Env) (world.Handle, error) {
	return &openCord{c: w.c, closed: make(chan struct{})}, nil
}

type openCord struct {
	told   bool
	c      chan actions.Action
	once   sync.Once
	closed chan struct{}
}

type deed struct{ actions.Action }

func (w *openCord) Recv() (any, error) {
	if !w.told {
		w.told = true
		return "open", nil
	}
	select {
	case a := <-w.c:
		return deed{a}, nil
	case <-w.closed:
		return nil, io.EOF
	}
}

func (w *openCord) Try(cs []any) (int, error) { return len(cs), nil }
func (w *openCord) Do(any) error              { return nil }
func (w *openCord) Close() error              { w.once.Do(func() { close(w.closed) }); return nil }

// steered returns the action that spawns a process which performs what comes from c.
func steered(c chan actions.Action) actions.Action {
	return spawn(endpoint.Device(cord{c}, endpoint.OnValue(func(d deed) actions.Action { return d.Action })))
}

// nested returns the action that spawns a machine in the machine.
func nested(boot ...actions.Action) actions.Action {
	return actions.Spawn(vm.Nested(boot...))
}
