//go:build unix

package places

import (
	"context"
	"fmt"
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

// BenchmarkJournalled sends messages of 64 bytes from a machine to another, as BenchmarkOneWay:
// with journals of both (Batch), with that of the place alone, and without.
func BenchmarkJournalled(b *testing.B) {
	const turn = 20_000
	send := func(c *client) func() {
		return func() { c.each(turn, "send"); c.home.expect("done") }
	}
	without := send(pair(b, part{Does: "home", Turn: turn}, tlsNetwork))
	for _, with := range []string{"home", "home and client"} {
		b.Run(with, func(b *testing.B) {
			c := pair(b, part{Does: "home", Turn: turn, Journal: with}, tlsNetwork)
			compare(b, turn, "speed", system{"journalled", send(c)}, system{"without", without})
		})
	}
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

// links is how many links are idle.
const links = 100

func placeOf(i int) distributed.Place {
	return distributed.Place{Node: "home", Name: fmt.Sprint("room ", i)}
}

// BenchmarkIdle keeps 100 links between two processes, with the default heartbeat, for a second
// in each round, and reports which part of a processor each process has used.
func BenchmarkIdle(b *testing.B) {
	p := part{Does: "homes", Node: "home", Listen: freeAddress(b), Key: keyFile(b)}
	homes := start(b, p)
	n, err := tlsNetwork(part{Node: "client", Dial: p.Listen, Key: p.Key})
	if err != nil {
		b.Fatal(err)
	}
	up := newPump()
	as := actions.Tree{actions.OpenDevice{Device: up}}
	for i := range links {
		as = append(as, endpoint.Subscriber(distributed.Reach(placeOf(i)), endpoint.OnPresence(func(distributed.Up) actions.Action { return actions.Tell(up, "up") })))
	}
	run(b, "", distributed.Config{Network: n}.Driver(), spawn(as))
	for range links {
		<-up.told
	}
	theirs := func() time.Duration {
		homes.tell("used")
		d, err := time.ParseDuration(homes.next())
		if err != nil {
			b.Fatal(err)
		}
		return d
	}
	began, usedHere, usedThere := time.Now(), used(), theirs()
	for b.Loop() {
		<-time.After(time.Second) // during which the links are idle
	}
	percent := func(d time.Duration) float64 { return 100 * float64(d) / float64(time.Since(began)) }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(percent(used()-usedHere), "%core/client")
	b.ReportMetric(percent(theirs()-usedThere), "%core/home")
}

// runHomes is the part of a process with many places. It says how much processor time it has
// used.
func runHomes(p part) error {
	n, err := tlsNetwork(p)
	if err != nil {
		return err
	}
	g, err := newGround("")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() { lines(func(string) { fmt.Println(used()) }); cancel() }()
	var as []actions.Action
	for i := range links {
		as = append(as, distributed.Config{Network: n}.Serve(placeOf(i).Name))
	}
	_ = g.Run(ctx, as...)
	return nil
}
