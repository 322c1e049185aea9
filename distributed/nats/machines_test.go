package nats_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// says is what machines say at places.
type says struct{ Who, What string }

var sayer = topic.FieldOf(func(s *says) *string { return &s.Who })

func init() { world.Register[says]("nats_test.says") }

// A machine is a running one that prints what its processes hear.
type machine struct {
	name  string
	lines chan string
	stop  func() // stops it, and waits until it has stopped

	mu   sync.Mutex
	part string
}

// Write implements [io.Writer].
func (m *machine) Write(b []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.part += string(b)
	for {
		line, rest, ok := strings.Cut(m.part, "\n")
		if !ok {
			return len(b), nil
		}
		m.part = rest
		m.lines <- line
	}
}

// run runs a machine of a node.
func run(t testing.TB, n distributed.Network, boot func(c distributed.Config) actions.Action) *machine {
	t.Helper()
	m := &machine{name: n.Node(), lines: make(chan string, 10_000)}
	c := distributed.Config{Network: n}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	as := []actions.Action{console.Config{Out: m}.Driver(), c.Driver(), boot(c)}
	go func() { done <- (&ground.Ground{Logger: slog.New(slog.DiscardHandler)}).Run(ctx, as...) }()
	m.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("node %s: %v", m.name, err)
		}
	})
	t.Cleanup(m.stop)
	return m
}

// patience is how long tests wait for what must happen.
const patience = 30 * time.Second

// expect waits until the machine prints lines, in any order, and no others.
func (m *machine) expect(t testing.TB, lines ...string) {
	t.Helper()
	want := map[string]int{}
	for _, l := range lines {
		want[l]++
	}
	late := time.After(patience)
	for range lines {
		select {
		case l := <-m.lines:
			if want[l]--; want[l] < 0 {
				t.Fatalf("node %s prints %q; want %q", m.name, l, lines)
			}
		case <-late:
			t.Fatalf("node %s does not print all of %q: %v are missing", m.name, lines, want)
		}
	}
}

// kind names the reason of an absence.
func kind(reason error) string {
	for _, k := range []struct {
		err  error
		name string
	}{{distributed.ErrLeft, "left"}, {distributed.ErrLease, "lease"}, {distributed.ErrCut, "cut"}, {distributed.ErrGap, "gap"}, {distributed.ErrLost, "lost"}} {
		if errors.Is(reason, k.err) {
			return k.name
		}
	}
	return fmt.Sprint(reason)
}

// person is present at a place, and prints who else is there and what they say.
func person(name string, at distributed.Place) actions.Action {
	return actions.Spawn(actions.Stateless(
		at.At(endpoint.Publisher(topic.Where(sayer.Is(name)))),
		at.At(endpoint.Subscriber(topic.All[says](),
			endpoint.OnPresence(func(s says) actions.Action {
				if s.Who == name {
					return nil
				}
				return actions.Group(console.Printf("+%s", s.Who), distributed.Send(at, says{name, "hello " + s.Who}))
			}),
			endpoint.OnAbsence(func(s says, reason error) actions.Action {
				return actions.When(s.Who != name, console.Printf("-%s %s", s.Who, kind(reason)))
			}),
			endpoint.OnMessage(func(s says) actions.Action {
				if s.Who == name || s.What != "hello "+name {
					return nil
				}
				return console.Printf("%s: %s", s.Who, s.What)
			}),
		))))
}
