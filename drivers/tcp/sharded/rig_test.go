package sharded_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/drivers/tcp/sharded"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
	"github.com/go-marketplace/marketplace/world/simnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for something that must happen.
const patience = 20 * time.Second

// A crash is a message upon which a server panics.
type crash struct{ Why string }

// boot is the default program of workers: a server that answers each line with the
// same line, except for some lines that are orders.
func boot(w sharded.Worker) actions.Process {
	return actions.Stateless(w.Driver(), serve(w))
}

// serve spawns the process that observes what arrives.
func serve(w sharded.Worker) actions.Action {
	return actions.Spawn(actions.Stateless(
		endpoint.ObservePublishers(tcp.Arriving(w.Listener()),
			endpoint.OnPresence(func(c tcp.Data) actions.Action {
				return actions.Spawn(session(w, c.From, c.To)).Named("session")
			})),
		endpoint.Subscriber(topic.All[crash](), endpoint.OnMessage(func(c crash) actions.Action { panic(c.Why) })),
	)).Named("server")
}

// session obeys a client.
func session(w sharded.Worker, them, us tcp.Addr) actions.Process {
	say := func(text string) actions.Action {
		return actions.Send(tcp.Data{From: us, To: them, Bytes: []byte(text)})
	}
	obey := func(line string) actions.Action {
		switch line {
		case "who\n": // are you
			return say(fmt.Sprintf("%d.%d\n", w.ID, w.Start))
		case "crash\n":
			return actions.Send(crash{"as you wish"})
		case "halt\n":
			return actions.AtMeta(actions.Send(crash{"halt"}))
		}
		return say(line)
	}
	return actions.Stateless(
		endpoint.Publisher(tcp.Flow(us, them)),
		endpoint.Subscriber(tcp.Flow(them, us),
			endpoint.OnMessage(func(d tcp.Data) actions.Action {
				var tree actions.Tree
				for line := range strings.Lines(string(d.Bytes)) {
					tree = append(tree, obey(line))
				}
				return tree
			}),
			endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return actions.Quit() }),
		),
	)
}

// halting is like boot, but a client can end the machine.
func halting(w sharded.Worker) actions.Process {
	return actions.Next(actions.PID(0),
		actions.SpawnThen(vm.Nested(w.Driver(), serve(w)), func(_ actions.PID, inner actions.PID) actions.Transition[actions.PID] {
			return actions.Next(inner)
		}),
		endpoint.Subscriber(topic.All[crash](), endpoint.OnMessageState(func(inner actions.PID, c crash) actions.Transition[actions.PID] {
			return actions.Next(inner, actions.Kill(inner, errors.New(c.Why)))
		})),
	)
}

// nothing is a machine that does not listen, and does not end either.
func nothing(sharded.Worker) actions.Process {
	return actions.Stateless(endpoint.Device(world.Alarm{Clock: world.SystemClock(), After: 1000 * time.Hour, Label: "nothing"}))
}

// A rig is a Listener and its clients.
type rig struct {
	*testing.T
	*sharded.Listener
	network world.Network
	logged  *journal
}

// listen starts a Listener that ends with the test. The defaults for zero fields of c
// are for a network in memory, in a bubble, or else for that of the system.
func listen(t *testing.T, c sharded.Config, boot func(sharded.Worker) actions.Process) *rig {
	t.Helper()
	r, err := tryListen(t, c, boot)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.close() })
	return r
}

func tryListen(t *testing.T, c sharded.Config, boot func(sharded.Worker) actions.Process) (*rig, error) {
	r := &rig{T: t, network: c.Network, logged: new(journal)}
	c.Logger = slog.New(slog.NewTextHandler(r.logged, nil))
	if r.network == nil {
		r.network = world.SystemNetwork()
	}
	at := "127.0.0.1:0"
	if c.Listener != nil {
		at = ""
	}
	var err error
	r.Listener, err = c.Listen(context.Background(), at, boot)
	return r, err
}

// close closes the Listener, which must end in good order.
func (r *rig) close() {
	r.Helper()
	if err := r.Close(context.Background()); err != nil {
		r.Error(err)
	}
}

// everywhere runs a test in memory, in a bubble, and with sockets.
func everywhere(t *testing.T, test func(*testing.T, sharded.Config)) {
	t.Run("simulated", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			test(t, sharded.Config{Network: simnet.New("test")})
		})
	})
	t.Run("system", func(t *testing.T) { test(t, sharded.Config{}) })
}

// A client is the other end of a connection.
type client struct {
	net.Conn
	r     *rig
	lines *bufio.Reader
}

func (r *rig) dial() *client {
	r.Helper()
	c, err := r.network.Dial(context.Background(), "tcp", r.Addr().String())
	if err != nil {
		r.Fatal(err)
	}
	return r.client(c)
}

func (r *rig) client(c net.Conn) *client {
	r.Helper()
	if r.network == world.SystemNetwork() { // in memory, who waits for ever is found out
		if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
			r.Fatal(err)
		}
	}
	r.Cleanup(func() { c.Close() })
	return &client{c, r, bufio.NewReader(c)}
}

func (c *client) tell(line string) {
	c.r.Helper()
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		c.r.Fatal(err)
	}
}

// ask returns the answer to a line, or the error.
func (c *client) ask(line string) (string, error) {
	if _, err := io.WriteString(c, line+"\n"); err != nil {
		return "", err
	}
	answer, err := c.lines.ReadString('\n')
	return strings.TrimSuffix(answer, "\n"), err
}

// who returns the machine that serves the client: the number of the worker, a dot,
// and the number of the machine.
func (c *client) who() string {
	c.r.Helper()
	answer, err := c.ask("who")
	if err != nil {
		c.r.Fatal(err)
	}
	return answer
}

// gone checks that nobody serves the client any more.
func (c *client) gone() {
	c.r.Helper()
	for {
		if _, err := c.ask("still there?"); err != nil {
			if t, ok := errors.AsType[net.Error](err); ok && t.Timeout() {
				c.r.Errorf("nobody has closed the connection")
			}
			return
		}
	}
}

// A journal keeps the log.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// blame checks that an error is about exactly these workers.
func blame(t *testing.T, err error, what error, workers ...int) {
	t.Helper()
	if !errors.Is(err, what) {
		t.Errorf("the error is %v; want %v", err, what)
	}
	var named []int
	var walk func(error)
	walk = func(err error) {
		if e, ok := err.(*sharded.WorkerError); ok {
			named = append(named, e.Worker)
		} else if several, ok := err.(interface{ Unwrap() []error }); ok {
			for _, e := range several.Unwrap() {
				walk(e)
			}
		}
	}
	walk(err)
	if fmt.Sprint(named) != fmt.Sprint(workers) {
		t.Errorf("%v: it names the workers %v; want %v", err, named, workers)
	}
	for _, w := range workers {
		if !strings.Contains(fmt.Sprint(err), fmt.Sprintf("worker %d: ", w)) {
			t.Errorf("%v: it does not name worker %d", err, w)
		}
	}
}
