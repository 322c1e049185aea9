package parts

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
)

// A machine is one that runs in a bubble.
type machine struct {
	distributed.Config
	mu   sync.Mutex
	out  bytes.Buffer // what it prints
	stop func()       // stops it, and waits until it has stopped
}

// Write implements [io.Writer].
func (m *machine) Write(b []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.out.Write(b)
}

// expect expects that the machine has printed lines since the last call.
func (m *machine) expect(t *testing.T, lines ...string) {
	t.Helper()
	synctest.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	got := strings.Split(strings.TrimSuffix(m.out.String(), "\n"), "\n")
	if m.out.Len() == 0 {
		got = nil
	}
	m.out.Reset()
	if strings.Join(got, "\n") != strings.Join(lines, "\n") {
		t.Errorf("it has printed\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
	}
}

// run runs a machine with a driver and a console, and what start returns.
func run(t *testing.T, network *distributed.MemoryNetwork, node string, start func(c distributed.Config) actions.Action) *machine {
	m := &machine{Config: distributed.Config{Network: network.Node(node)}}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	boot := []actions.Action{console.Config{Out: m}.Driver(), timer.Driver(), m.Driver(), start(m.Config)}
	go func() { done <- (&ground.Ground{Logger: slog.New(slog.DiscardHandler)}).Run(ctx, boot...) }()
	m.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("node %s: %v", node, err)
		}
	})
	t.Cleanup(m.stop)
	time.Sleep(time.Second) // of the bubble: long enough for links
	synctest.Wait()
	return m
}

// TestLetters: a letter goes to a name on a node, and the answer comes back.
func TestLetters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := distributed.Memory()
		berlin := run(t, network, "berlin", func(c distributed.Config) actions.Action {
			return actions.Group(c.Serve("office"), actions.Spawn(keeper()))
		})
		paris := run(t, network, "paris", func(c distributed.Config) actions.Action {
			return actions.Group(c.Serve("office"), actions.Spawn(writer()))
		})
		berlin.expect(t, "log: the tea is ready")
		paris.expect(t, "answer: noted")
	})
}

var errLocked = errors.New("the account is locked")

// server returns a bank that keeps changes of nobody without an answer.
func server() actions.SpawnProcess {
	return actions.Spawn(rpc.Serve(0, rpc.HandleLater(Add, func(balance int, a rpc.Ask[Change, int]) actions.Transition[int] {
		switch a.Args.Owner {
		case "":
			return actions.Next(balance)
		case "ann":
			return actions.Next(balance, a.Fail(errLocked))
		}
		return actions.Next(balance+a.Args.Amount, a.Reply(balance+a.Args.Amount))
	})))
}

// TestCalls: the errors of a call say whether it was carried out.
func TestCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := distributed.Memory()
		bank := distributed.Place{Node: "berlin", Name: "bank"}
		berlin := run(t, network, "berlin", func(c distributed.Config) actions.Action {
			return actions.Group(c.Serve("bank"), c.Serve("empty"), server())
		})
		hatch := door.New("hatch")
		paris := run(t, network, "paris", func(distributed.Config) actions.Action {
			return actions.Group(hatch.Driver(), actions.Spawn(actions.Stateless(pay(bank, Change{"tony", 10}), pay(bank, Change{"ann", 1}))))
		})
		paris.expect(t, "paid, 10 in all", "refused: the account is locked")
		if n, err := payFrom(t.Context(), hatch, bank, Change{"tony", 5}); n != 15 || err != nil {
			t.Errorf("from ordinary code: %d, %v", n, err)
		}
		run(t, network, "rome", func(c distributed.Config) actions.Action { return c.Serve("bank") })
		for _, test := range []struct {
			node, owner string
			cut         bool
			want        string
		}{
			{"rome", "tony", false, "not paid"}, // nobody serves the operation
			{"oslo", "tony", false, "not paid"}, // there is no such node
			{"berlin", "", false, "nobody knows: look at the account"},
			{"berlin", "", true, "nobody knows: look at the account"},
		} {
			m := run(t, network, "lyon", func(c distributed.Config) actions.Action {
				return actions.Spawn(actions.Stateless(pay(distributed.Place{Node: test.node, Name: "bank"}, Change{test.owner, 1})))
			})
			time.Sleep(time.Second) // of the bubble, as below
			if test.cut {
				m.expect(t)
				network.Cut("lyon", "berlin")
			} else {
				time.Sleep(10 * time.Second)
			}
			m.expect(t, test.want)
			m.stop()
		}
		berlin.expect(t)
	})
}

// people returns what a node with a room starts with: a person, the ears, and a door through
// which things are said.
func people(who string, hatch *door.Door) func(c distributed.Config) actions.Action {
	return func(c distributed.Config) actions.Action {
		on := c.Network.Node()
		c.Admission = "parts.own"
		return actions.Group(c.Serve("room"), hatch.Driver(), actions.Spawn(ears()), actions.Spawn(actions.Stateless(
			endpoint.Publisher(topic.Where(On.Is(on), Who.Is(who))),
			endpoint.Subscriber(topic.All[Says](),
				endpoint.OnPresence(func(s Says) actions.Action { return console.Printf("+%s", s.Who) }),
				endpoint.OnAbsence(func(s Says, _ error) actions.Action { return console.Printf("-%s", s.Who) }),
				endpoint.OnMessage(func(s Says) actions.Action { return console.Printf("%s: %s", s.Who, s.What) })),
		)))
	}
}

// TestOneEar: there is one ear for a node, also if the node has come, gone and come back before
// an ear has opened anything.
func TestOneEar(t *testing.T) {
	m := vmtest.Run(t, actions.Spawn(ears()))
	up := endpoint.Publisher(distributed.Reach(distributed.Place{Node: "paris", Name: "room"})).As("up")
	m.Perform(up, actions.Delete("up"), up)
	n := 0
	for p := range m.VM().Processes() {
		for _, e := range p.Endpoints {
			if _, ok := topic.Typed[distributed.Up](e.Role.Topic); !ok {
				n++
			}
		}
	}
	if n != 1 {
		t.Errorf("there are %d endpoints at the place, want 1", n)
	}
}

// TestEars: each node has a room of its own, and hears the others. Nothing comes back, and
// nothing is heard twice. When a node is lost, its people are absent elsewhere, and only they.
func TestEars(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := distributed.Memory()
		doors := map[string]*door.Door{"berlin": door.New("hatch"), "paris": door.New("hatch"), "rome": door.New("hatch")}
		berlin := run(t, network, "berlin", people("ann", doors["berlin"]))
		berlin.expect(t, "+ann")
		paris := run(t, network, "paris", people("zoe", doors["paris"]))
		berlin.expect(t, "+zoe")
		paris.expect(t, "+zoe", "+ann")
		rome := run(t, network, "rome", people("ugo", doors["rome"]))
		rome.out.Reset()
		for on, who := range map[string]string{"berlin": "ann", "paris": "zoe", "rome": "ugo"} {
			if err := doors[on].Send(t.Context(), Says{on, who, "hi"}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second)
			rome.expect(t, who+": hi")
		}
		rome.stop()
		time.Sleep(time.Second)
		for _, m := range []*machine{berlin, paris} {
			m.mu.Lock()
			for _, line := range []string{"ann: hi", "zoe: hi", "ugo: hi", "+ugo", "-ugo"} {
				if n := strings.Count(m.out.String(), line+"\n"); n != 1 {
					t.Errorf("%s has heard %q %d times", m.Network.Node(), line, n)
				}
			}
			if strings.Contains(m.out.String(), "-ann") || strings.Contains(m.out.String(), "-zoe") {
				t.Errorf("others have gone:\n%s", &m.out)
			}
			m.out.Reset()
			m.mu.Unlock()
		}
		network.Cut("berlin", "paris")
		time.Sleep(time.Second)
		berlin.expect(t, "-zoe", "+zoe")
		paris.expect(t, "-ann", "+ann")
	})
}

// TestAdmission: a node speaks for its own people only.
func TestAdmission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := distributed.Memory()
		room := distributed.Place{Node: "berlin", Name: "room"}
		berlin := run(t, network, "berlin", people("ann", door.New("hatch")))
		var reason error
		run(t, network, "paris", func(distributed.Config) actions.Action {
			guest := func(who actions.Action, says string) actions.SpawnProcess {
				return actions.SpawnFunc(func(actions.PID) actions.Process {
					return actions.Stateless(who, distributed.Send(room, Says{On: says, Who: "zoe", What: "hi"}))
				})
			}
			return actions.Group(
				guest(room.At(endpoint.Publisher(topic.Where(On.Is("berlin")))), "berlin").
					Monitored(endpoint.Monitor(0, func(_ actions.PID, r error) actions.Action { reason = r; return nil })),
				guest(room.At(endpoint.Publisher(topic.Where(On.Is("paris"), Who.Is("zoe")))), "paris"),
			)
		})
		berlin.expect(t, "+ann", "+zoe", "zoe: hi")
		if !errors.Is(reason, distributed.ErrNotAdmitted) {
			t.Errorf("the process has ended with %v", reason)
		}
	})
}

// TestOutbox: an order that is handed over while the shop is away arrives once, also if it is
// handed over again with its key.
func TestOutbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := distributed.Memory()
		hatch := door.New("hatch")
		paris := run(t, network, "paris", func(distributed.Config) actions.Action {
			return actions.Group(hatch.Driver(), branch(Order{"green", 2}))
		})
		paris.expect(t)
		berlin := run(t, network, "berlin", shop)
		time.Sleep(time.Minute)
		berlin.expect(t, "order: {green 2}")
		paris.expect(t, "delivered: true")
		for range 2 {
			if err := orderFrom(t.Context(), hatch, "order-17", Order{"black", 1}); err != nil {
				t.Error(err)
			}
		}
		berlin.expect(t, "order: {black 1}")
	})
}
