//go:build linux

package node_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/node"
	"github.com/go-marketplace/marketplace/rpc"
)

// BenchmarkReady measures from the start of a local node until its first place answers.
func BenchmarkReady(b *testing.B) {
	h := node.Private("master").Start(b.Context())
	defer h.Close()
	for b.Loop() {
		err := h.Spawn(b.Context(), "far", node.Local{}, node.Never)
		if err == nil {
			err = h.Run(b.Context(), place, counters.With(0), node.Never)
		}
		if err == nil {
			_, err = rpc.Do(b.Context(), h.Client(), add, 1, rpc.At(place))
		}
		if err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		endNode(b, h)
		b.StartTimer()
	}
}

// endNode ends the node, and waits for that.
func endNode(b *testing.B, h *node.Host) {
	b.Helper()
	pid, err := rpc.Do(b.Context(), h.Client(), whoami, struct{}{}, rpc.At(place))
	if err == nil {
		_, err = h.Release(b.Context(), place)
	}
	if err == nil {
		err = h.Exit(b.Context(), "far")
	}
	if err != nil {
		b.Fatal(err)
	}
	gone(b, pid)
}

// BenchmarkPlaces measures what 1,000 places on one node need there: memory, the time until
// they run, and processor time while nothing happens.
func BenchmarkPlaces(b *testing.B) {
	const n = 1000
	for b.Loop() {
		h := node.Private("master").Start(b.Context())
		run := func(i int) {
			if err := h.Run(b.Context(), distributed.Place{Node: "far", Name: fmt.Sprint("p", i)}, counters.With(i), node.Always); err != nil {
				b.Error(err)
			}
		}
		if err := h.Spawn(b.Context(), "far", node.Local{}, node.Never); err != nil {
			b.Fatal(err)
		}
		run(0)
		at := func(op rpc.Op[struct{}, int]) int {
			r, err := rpc.Do(context.Background(), h.Client(), op, struct{}{}, rpc.At(distributed.Place{Node: "far", Name: "p0"}))
			if err != nil {
				b.Error(err)
			}
			return r
		}
		pid, empty, began := at(whoami), at(heap), time.Now()
		var all sync.WaitGroup
		for i := 1; i <= n; i++ {
			all.Go(func() { run(i) })
		}
		all.Wait()
		took := time.Since(began)
		b.ReportMetric(float64(at(heap)-empty)/n/1024, "KiB/place")
		b.ReportMetric(took.Seconds()*1e6/n, "µs/place")
		b.ReportMetric(float64(resident(b, pid))/1024, "MiB-resident")
		before := ticks(b, pid)
		<-time.After(5 * time.Second)                                // during which the places are idle
		b.ReportMetric(float64(ticks(b, pid)-before)/5, "%cpu-idle") // 100 ticks are a second
		if err := h.Close(); err != nil {
			b.Error(err)
		}
	}
}

// resident returns the memory of a process in KiB.
func resident(b *testing.B, pid int) (n int) {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	_, _ = fmt.Sscan(rest, &n)
	return n
}

// ticks returns the processor time of a process.
func ticks(b *testing.B, pid int) int {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	var user, system int
	fields := strings.Fields(rest)
	_, _ = fmt.Sscan(fields[11], &user)
	_, _ = fmt.Sscan(fields[12], &system)
	return user + system
}
