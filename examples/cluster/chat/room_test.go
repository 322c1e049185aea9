package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// A machine is a node in this process, in a bubble of synctest.
type machine struct {
	t      *testing.T
	name   string
	people *simnet.Network
	stop   func() // and wait

	mu  sync.Mutex
	out bytes.Buffer
}

// Write implements [io.Writer].
func (m *machine) Write(b []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.out.Write(b)
}

// expect waits for a second, and expects what the machine has printed since the last call.
func (m *machine) expect(want ...string) {
	m.t.Helper()
	settle()
	m.mu.Lock()
	defer m.mu.Unlock()
	got := strings.Split(strings.TrimSuffix(m.out.String(), "\n"), "\n")
	m.out.Reset()
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		m.t.Errorf("node %s prints\n%q\nnot\n%q", m.name, got, want)
	}
}

// settle gives the machines a second of the bubble, which is enough for a new link.
func settle() {
	time.Sleep(time.Second)
	synctest.Wait()
}

// simulate runs a machine with these processes, and the drivers of TCP and the console.
func simulate(t *testing.T, name string, as ...actions.Action) *machine {
	m := &machine{t: t, name: name, people: simnet.New(name)}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	over := make(chan error, 1)
	as = append(as, tcp.DriverOn(m.people), console.Config{Out: m}.Driver())
	go func() { over <- (&ground.Ground{Logger: slog.New(slog.DiscardHandler)}).Run(ctx, as...) }()
	m.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-over; err != nil {
			t.Errorf("node %s: %v", name, err)
		}
	})
	t.Cleanup(m.stop)
	return m
}

// people is where the people of each machine connect.
var people = tcp.Listener("127.0.0.1", 5999)

// chat runs a node of the chat, with the admission that it has or another one.
func chat(t *testing.T, network *distributed.MemoryNetwork, name string, admission distributed.Admission) *machine {
	m := simulate(t, name, node(distributed.Config{Network: network.Node(name), Admission: admission}, people))
	synctest.Wait()
	return m
}

func (m *machine) enter() *person {
	m.t.Helper()
	conn, err := m.people.Dial(m.t.Context(), "tcp", people.HostPort())
	if err != nil {
		m.t.Fatal(err)
	}
	return newPerson(m.t, conn, m.name, nil)
}

// Two nodes: who is here and who arrives, words that are dropped, and why somebody is gone.
func TestRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := distributed.Memory()
		a := chat(t, network, "a", listeners)
		a.expect(`chat: node "a" is within reach`, "chat: listening on 127.0.0.1:5999")
		ann := a.enter()
		b := chat(t, network, "b", listeners)
		b.expect(`chat: node "b" is within reach`, "chat: listening on 127.0.0.1:5999", `chat: node "a" is here`)
		a.expect(`chat: node "b" is here`)
		bob := b.enter()
		if line := bob.line(); line != ann.name+" is here." {
			t.Errorf("bob hears %q of somebody who was here before", line)
		}
		if line := ann.line(); line != bob.name+" arrived." {
			t.Errorf("ann hears %q of somebody who comes", line)
		}
		bob.conn.Write([]byte("a\x1b[2Jb\u202ec\r\n"))
		ann.hears(bob.name + ": a[2Jbc")
		bob.hears(bob.name + ": a[2Jbc")

		bob.conn.Write(bytes.Repeat([]byte("x"), maxLine+1))
		ann.hears(bob.name + " is gone: its line was too long.")
		bob.disconnected()
		bob = b.enter()
		ann.hears(arrived(bob)...)
		bob.hears(arrived(ann)...)

		network.Cut("a", "b")
		ann.hears(bob.name + " is gone: the connection to node b has ended.")
		bob.hears(ann.name + " is gone: the connection to node a has ended.")
		ann.hears(arrived(bob)...)
		bob.hears(arrived(ann)...)
		ann.says("hello again", ann, bob)
		b.stop()
		ann.hears(bob.name + " departed: node b has stopped.")
		ann.says("alone", ann)
	})
}

// What people read of somebody who is gone says what was observed.
func TestFarewell(t *testing.T) {
	for reason, want := range map[error]string{
		nil:                        " departed.",
		errors.New("another"):      " departed.",
		tcp.ErrLineTooLong:         " is gone: its line was too long.",
		tcp.ErrSlowConsumer:        " is gone: too much waited to be sent.",
		distributed.ErrLeft:        " departed: node b has stopped.",
		distributed.ErrCut:         " is gone: the connection to node b has ended.",
		distributed.ErrLease:       " is gone: node b was silent for too long.",
		distributed.ErrGap:         " is gone: the link to node b is lost.",
		distributed.ErrReplaced:    " is gone: the link to node b is lost.",
		distributed.ErrLost:        " is gone: the link to node b is lost.",
		distributed.ErrNotAdmitted: " departed.",
	} {
		if reason != nil {
			reason = fmt.Errorf("wrapped: %w", reason)
		}
		if got := farewell("b", reason); got != want {
			t.Errorf("%v: %q, want %q", reason, got, want)
		}
	}
}

// Another node cannot speak in the room of a node, not even for its own people.
func TestListeners(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := distributed.Memory()
		ann := chat(t, network, "a", listeners).enter()
		at := distributed.Place{Node: "a", Name: place}
		var reasons []string
		intruder := func(a actions.Action) actions.Action {
			return actions.Spawn(actions.Stateless(a)).Monitored(endpoint.Monitor(0, func(_ actions.PID, reason error) actions.Action {
				reasons = append(reasons, fmt.Sprint(errors.Is(reason, distributed.ErrNotAdmitted)))
				return nil
			}))
		}
		b := simulate(t, "b", distributed.Config{Network: network.Node("b")}.Driver(), actions.Spawn(actions.Stateless(
			intruder(at.At(endpoint.Publisher(topic.Where(On.Is("b"), Who.Is("user1@b"))))),
			intruder(at.At(endpoint.Publisher(topic.All[tcp.Data]()))),
			distributed.Send(at, Says{"b", "user1@b", "hello"}),
			distributed.Feedback(at, Says{"b", "user1@b", "hello"}),
		)))
		settle()
		b.stop()
		if want := []string{"true", "true"}; !slices.Equal(reasons, want) {
			t.Errorf("two endpoints are refused: %q, want %q", reasons, want)
		}
		ann.says("nobody else speaks", ann)
	})
}

// A node has one ear here, however often it comes and goes, and however quickly.
func TestOneEar(t *testing.T) {
	m := vmtest.Run(t, actions.Spawn(vm.Nested(actions.Spawn(actions.Next(ears{}, listen())))))
	up := func(node string) actions.Action {
		return endpoint.Publisher(distributed.Reach(distributed.Place{Node: node, Name: place})).As(node)
	}
	m.Perform(up("b"), actions.Delete("b"), up("b"))
	m.Perform(actions.Delete("b"), up("c"))
	m.Perform(up("b"))
	var got []string
	for p := range m.VM().Processes() {
		if strings.HasPrefix(p.Name, "ear ") {
			got = append(got, p.Name)
		}
	}
	slices.Sort(got)
	if want := []string{"ear b", "ear c"}; !slices.Equal(got, want) {
		t.Errorf("there are %q, want %q", got, want)
	}
}

func init() {
	distributed.RegisterAdmission("test.nobody", func(distributed.Wish) error { return errors.New("nobody is wanted") })
}

// If a node refuses the ear of another one, other nodes are heard all the same; and the node
// is heard when it comes back and does not refuse it any more.
func TestEarFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := distributed.Memory()
		a := chat(t, network, "a", listeners)
		b := chat(t, network, "b", "test.nobody")
		c := chat(t, network, "c", listeners)
		a.expect(`chat: node "a" is within reach`, "chat: listening on 127.0.0.1:5999", `chat: node "b" is here`, `chat: node "c" is here`,
			`chat: the ear for node "b" is gone: distributed: the place does not admit it: nobody is wanted`)
		ann, carl := a.enter(), c.enter()
		ann.hears(arrived(carl)...)
		carl.hears(arrived(ann)...)
		bob := b.enter()
		bob.hears(arrived(ann, carl)...)
		carl.says("hello", ann, bob, carl)

		b.stop()
		b = chat(t, network, "b", listeners)
		settle()
		bob = b.enter()
		bob.hears(arrived(ann, carl)...)
		ann.hears(arrived(bob)...)
		carl.hears(arrived(bob)...)
		bob.says("hello", ann, bob, carl)
	})
}
