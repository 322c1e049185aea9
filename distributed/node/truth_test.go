//go:build linux

package node_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/node"
	"github.com/go-marketplace/marketplace/rpc"
)

// A crowd is many places on one node, with what is wanted of them. Each worker has its own.
type crowd struct {
	t      *testing.T
	h      *node.Host
	wanted []bool
}

func (c *crowd) place(i int) distributed.Place {
	return distributed.Place{Node: "far", Name: fmt.Sprint("p", i)}
}

// step does something at random with place i.
func (c *crowd) step(r *rand.Rand, i int) {
	ctx, cancel := context.WithTimeout(c.t.Context(), 30*time.Second)
	defer cancel()
	switch r.IntN(4) {
	case 0:
		if err := c.h.Run(ctx, c.place(i), counters.With(i), soon); err != nil {
			c.t.Errorf("place %d is not started: %v", i, err)
		}
		c.wanted[i] = true
	case 1: // a caller that waits for a moment
		short, cancel := context.WithTimeout(ctx, time.Duration(r.IntN(5000))*time.Microsecond)
		defer cancel()
		if c.h.Run(short, c.place(i), counters.With(i), soon) == nil {
			c.wanted[i] = true
		}
	case 2:
		if was, err := c.h.Release(ctx, c.place(i)); was != c.wanted[i] || err != nil {
			c.t.Errorf("place %d was wanted: %v, %v, want %v", i, was, err, c.wanted[i])
		}
		c.wanted[i] = false
	case 3:
		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		_, _ = rpc.Do(short, c.h.Client(), fail, "broke", rpc.At(c.place(i)))
	}
}

// check compares place i with the truth.
func (c *crowd) check(i int) {
	ctx, cancel := context.WithTimeout(c.t.Context(), 60*time.Second)
	defer cancel()
	if c.wanted[i] {
		_, err := rpc.Do(ctx, c.h.Client(), add, 1, rpc.At(c.place(i)), rpc.Patient())
		for errors.Is(err, rpc.ErrGone) { // the link was lost in between
			_, err = rpc.Do(ctx, c.h.Client(), add, 1, rpc.At(c.place(i)), rpc.Patient())
		}
		if err != nil {
			c.t.Errorf("place %d is wanted and does not run: %v", i, err)
		}
		return
	}
	for {
		_, err := rpc.Do(ctx, c.h.Client(), add, 1, rpc.At(c.place(i)))
		if ctx.Err() != nil {
			c.t.Errorf("nobody wants place %d, and it runs: %v", i, err)
			return
		}
		if err != nil && kind(err) != "left" {
			return
		}
	}
}

// TestTruth: 200 places on a node, which are wanted and not wanted any more, break, and die with
// their node at random. In the end, those that are wanted run, and no others; no process is
// left. B-P17, B-P19, B-P20.
func TestTruth(t *testing.T) {
	const workers, each, steps, kills = 8, 25, 100, 5
	h := patient("master").Start(t.Context())
	must(t, h.Spawn(t.Context(), "far", node.Local{}, soon))
	must(t, h.Run(t.Context(), place, counters.With(0), soon))
	c := &crowd{t, h, make([]bool, workers*each)}
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for range steps {
				c.step(r, w*each+r.IntN(each))
			}
		})
	}
	var pids []int
	for range kills {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		pid, err := rpc.Do(ctx, h.Client(), whoami, struct{}{}, rpc.At(place), rpc.Patient())
		cancel()
		if err != nil {
			continue // it died just then
		}
		pids = append(pids, pid)
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	all.Wait()
	for i := range c.wanted {
		all.Go(func() { c.check(i) })
	}
	all.Wait()
	pids = append(pids, call(t, h, whoami, struct{}{}))
	must(t, h.Close())
	for _, pid := range pids {
		gone(t, pid)
	}
	left, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/children", os.Getpid()))
	if err == nil && strings.TrimSpace(string(left)) != "" {
		t.Errorf("processes are left: %s", left)
	}
}
