//go:build unix

package places

import (
	"context"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// BenchmarkPresence adds and removes endpoints, whose presence and absence a subscriber hears:
// at a place on another machine, over TLS, and in one machine.
func BenchmarkPresence(b *testing.B) {
	const turn = 2_000
	remote := pair(b, part{Does: "home", Turn: turn}, tlsNetwork)
	local := &client{newPump(), b, nil}
	heard := newPump()
	run(b, "", obey(local.pump, distributed.Place{}), hear(heard, turn))
	compare(b, turn, "time",
		system{"place", func() { remote.each(turn, "add", "remove"); remote.home.expect("done") }},
		system{"local", func() { local.each(turn, "add", "remove"); <-heard.told }})
}

// BenchmarkKill kills a client (SIGKILL) until the place, which is in this process, hears of the
// absence of its endpoint.
func BenchmarkKill(b *testing.B) {
	at, key := freeAddress(b), keyFile(b)
	n, err := tlsNetwork(part{Node: "home", Listen: at, Key: key})
	if err != nil {
		b.Fatal(err)
	}
	heard := newPump()
	run(b, "", config(n).Serve("room"), spawn(
		actions.OpenDevice{Device: heard},
		endpoint.Subscriber(topic.All[peer](),
			endpoint.OnPresence(func(peer) actions.Action { return actions.Tell(heard, "present") }),
			endpoint.OnAbsence(func(peer, error) actions.Action { return actions.Tell(heard, "absent") }))))
	var took []float64
	for b.Loop() {
		c := start(b, part{Does: "client", Node: "client", Dial: at, Key: key})
		<-heard.told
		began := time.Now()
		if err := c.cmd.Process.Kill(); err != nil {
			b.Fatal(err)
		}
		<-heard.told
		took = append(took, float64(time.Since(began))/float64(time.Millisecond))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(took), "ms/absence")
}

// runClient is the part of a process with an endpoint at the place.
func runClient(p part) error {
	n, err := tlsNetwork(p)
	if err != nil {
		return err
	}
	g, err := newGround("")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { untilEnd(); cancel() }()
	_ = g.Run(ctx, config(n).Driver(), spawn(room.At(endpoint.Publisher(topic.Where(peerNumber.Is(1))))))
	return nil
}
