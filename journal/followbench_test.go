package journal_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
)

// BenchmarkFollow: a program that writes inputs one after another, with a follower and without
// one, in turns. Cost-% is what the follower costs the writer; lag is the time from an input
// to its follower, who may wait for a sync.
func BenchmarkFollow(b *testing.B) {
	for _, durability := range []journal.Durability{journal.Sync, journal.Batch, journal.Memory} {
		for _, rest := range []time.Duration{0, 10 * time.Millisecond} {
			if rest > 0 && durability == journal.Memory {
				continue // it writes when there are many inputs
			}
			name := fmt.Sprintf("%v/busy", durability)
			n := 200_000
			switch {
			case rest > 0:
				name, n = fmt.Sprintf("%v/idle", durability), 50
			case durability == journal.Sync:
				n = 5000
			}
			b.Run(name, func(b *testing.B) { benchmarkFollow(b, durability, n, rest) })
		}
	}
}

func benchmarkFollow(b *testing.B, durability journal.Durability, n int, rest time.Duration) {
	var times [2][]time.Duration // without a follower, and with one
	var lags []time.Duration
	for i := 0; b.Loop(); i++ {
		for turn := range 2 {
			with := (turn + i) % 2
			s := wal.Dir(b.TempDir())
			ctx, stop := context.WithCancel(b.Context())
			end := make(chan bool)
			if with == 1 {
				go func() {
					defer close(end)
					for batch, err := range journal.FollowStore(ctx, s, journal.Position{}) {
						if err != nil {
							return
						}
						now := time.Now()
						for _, in := range batch.Inputs[:1] {
							lags = append(lags, now.Sub(in.Time))
						}
						if batch.Position.Seq == uint64(n+1) {
							return
						}
					}
				}()
			} else {
				close(end)
			}
			times[with] = append(times[with], writeInputs(b, s, journal.Config{Durability: durability}, n, rest))
			<-end
			stop()
		}
	}
	slices.Sort(lags)
	for _, t := range times {
		slices.Sort(t)
	}
	without, with := times[0][len(times[0])/2], times[1][len(times[1])/2]
	b.ReportMetric(float64(without.Nanoseconds())/float64(n), "ns/input")
	b.ReportMetric(0, "ns/op")
	if rest == 0 {
		b.ReportMetric(100*(float64(with)/float64(without)-1), "cost-%")
	}
	b.ReportMetric(lags[len(lags)/2].Seconds()*1000, "lag50-ms")
	b.ReportMetric(lags[len(lags)*99/100].Seconds()*1000, "lag99-ms")
}

// writeInputs writes inputs, and returns how long that takes.
func writeInputs(b *testing.B, s wal.Store, c journal.Config, n int, rest time.Duration) time.Duration {
	b.Helper()
	c.Logger = quiet
	j, err := c.OpenStore(s)
	must(b, err)
	m, start, err := j.Begin(b.Context(), vm.Limits{}, branchOffice(newStreet(), 100).Boot)
	must(b, err)
	apply := func(in vm.Input) {
		must(b, j.Append(in))
		m.Apply(in)
		wait, err := j.Commit(m)
		must(b, err)
		if wait {
			must(b, j.Sync())
		}
	}
	apply(start)
	ins := slipsFor(m, 100, n)
	begun := time.Now()
	for _, in := range ins {
		apply(in)
		if rest > 0 {
			<-time.After(rest)
		}
	}
	took := time.Since(begun)
	must(b, j.End(nil))
	return took
}
