package nats_test

import (
	"slices"
	"testing"
	"time"

	client "github.com/nats-io/nats.go"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/nats"
	"github.com/go-marketplace/marketplace/distributed/networktest"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A lap is how many calls to make, one after the other.
type lap struct{ Calls int }

func init() { world.Register[lap]("nats_test.lap") }

var plus = rpc.Define[int, int]("nats_test.plus")

// BenchmarkCall compares a call between two machines, of which one has a server that is a leaf
// of that of the other, to a bare request of package nats between the same servers. The last
// one prints the ratio of the medians: both take turns, in laps of 100.
func BenchmarkCall(b *testing.B) {
	b.Setenv("MARKETPLACE_LOG", "off")
	hub := open(b, nats.Config{Node: "home", RealmKeyFile: realmKey(b), Listen: ":0"})
	leaf := member(b, hub, "paris")

	subject, inbox := nats.RequestSubject(hub, "paris", "home")
	answers, err := nats.RawConn(hub)
	if err != nil {
		b.Fatal(err)
	}
	defer answers.Close()
	if _, err := answers.Subscribe(subject, func(m *client.Msg) { _ = m.Respond(m.Data) }); err != nil {
		b.Fatal(err)
	}
	asks, err := nats.RawConn(leaf, client.CustomInboxPrefix(inbox))
	if err != nil {
		b.Fatal(err)
	}
	defer asks.Close()
	payload := make([]byte, 64)
	request := func(n int) {
		for range n {
			if _, err := asks.Request(subject, payload, patience); err != nil {
				b.Fatal(err)
			}
		}
	}
	for begun := time.Now(); ; { // until the hub knows of the inbox
		if _, err := asks.Request(subject, payload, 100*time.Millisecond); err == nil {
			break
		} else if time.Since(begun) > patience {
			b.Fatal(err)
		}
	}

	there := distributed.Place{Node: "home", Name: "room"}
	run(b, hub, func(c distributed.Config) actions.Action {
		return actions.Group(c.Serve("room"), actions.Spawn(rpc.Serve(0, rpc.Handle(plus, func(s, n int) (int, int, error) { return s, n + 1, nil }))))
	})
	hatch, done := door.New("laps"), make(chan error)
	var call func(left int) actions.Action
	call = func(left int) actions.Action {
		return rpc.Call(plus, left, func(_ int, err error) actions.Action {
			if left--; left == 0 || err != nil {
				done <- err
				return nil
			}
			return call(left)
		}, rpc.At(there))
	}
	run(b, leaf, func(distributed.Config) actions.Action {
		return actions.Group(hatch.Driver(), actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[lap](),
			endpoint.OnMessage(func(l lap) actions.Action { return call(l.Calls) })))))
	})
	calls := func(n int) {
		if err := hatch.Send(b.Context(), lap{n}); err != nil {
			b.Fatal(err)
		}
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	calls(1)

	b.Run("request", func(b *testing.B) { b.ReportAllocs(); request(b.N) })
	b.Run("call", func(b *testing.B) { b.ReportAllocs(); calls(b.N) })
	b.Run("ratio", func(b *testing.B) {
		var bare, ours []time.Duration
		for range max(1, b.N/100) {
			begun := time.Now()
			request(100)
			between := time.Now()
			calls(100)
			bare, ours = append(bare, between.Sub(begun)), append(ours, time.Since(between))
		}
		slices.Sort(bare)
		slices.Sort(ours)
		b.ReportMetric(float64(ours[len(ours)/2])/float64(bare[len(bare)/2]), "call/request")
	})
}

// BenchmarkPingPong sends 64 bytes to and fro over a link, of a leaf and its hub.
func BenchmarkPingPong(b *testing.B) {
	hub := open(b, nats.Config{Node: "home", RealmKeyFile: realmKey(b), Listen: ":0"})
	leaf := member(b, hub, "paris")
	o, err := hub.Offer(b.Context(), "room")
	if err != nil {
		b.Fatal(err)
	}
	near, err := leaf.Dial(b.Context(), "home", "room")
	if err != nil {
		b.Fatal(err)
	}
	if err := near.Send(networktest.Hello("home", "room")); err != nil {
		b.Fatal(err)
	}
	far, err := o.Accept()
	if err != nil {
		b.Fatal(err)
	}
	go func() {
		for {
			f, err := far.Receive()
			if err != nil || far.Send(f) != nil {
				return
			}
		}
	}()
	if _, err := near.Receive(); err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		if err := near.Send(buf); err != nil {
			b.Fatal(err)
		}
		if _, err := near.Receive(); err != nil {
			b.Fatal(err)
		}
	}
	_ = near.Close()
	_ = far.Close()
}

// BenchmarkOpen starts a server in the process, connects to it, and ends both.
func BenchmarkOpen(b *testing.B) {
	key := realmKey(b)
	for b.Loop() {
		n, err := nats.Open(b.Context(), nats.Config{Node: "a", RealmKeyFile: key})
		if err != nil {
			b.Fatal(err)
		}
		if err := n.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
