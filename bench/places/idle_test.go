//go:build unix

package places

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/endpoint"
)

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

// used returns the processor time that this process has used.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
