package sharded_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp/sharded"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// A worker that does not take its connections does not delay others; nothing is lost,
// and when all queues are full, clients wait.
func TestBL06OneBusyWorkerStallsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		r := listen(t, sharded.Config{Workers: 2, Backlog: 3, Network: simnet.New("test")},
			only(map[int]func(sharded.Worker) actions.Process{0: stuck(released)}))
		var all []*client
		for range 40 {
			all = append(all, r.dial())
		}
		synctest.Wait()
		for _, c := range all {
			c.tell("who")
		}
		synctest.Wait()
		close(released)
		served := map[string]int{}
		for _, c := range all {
			answer, err := c.lines.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			served[strings.TrimSpace(answer)]++
		}
		// Worker 0 has those in its queue, the one it was stuck with, and
		// perhaps one more that waited for the machine.
		if n := served["0.1"]; n < 4 || n > 5 || n+served["1.1"] != 40 {
			t.Errorf("served: %v", served)
		}
	})
}

func TestBL06AllQueuesFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		released := make(chan struct{})
		network := newTroubled(t)
		r := listen(t, sharded.Config{Workers: 2, Backlog: 3, Listener: network, Network: network.Network}, stuck(released))
		var all []*client
		for range 40 {
			all = append(all, r.dial())
		}
		synctest.Wait()
		// Beside its queue a worker has the one that it is stuck with, and
		// perhaps one more that waits for the machine.
		if got := len(network.tried); got < 2*4 || got > 2*5 {
			t.Errorf("%d connections have been accepted; there was room for 8 to 10", got)
		}
		close(released)
		for i, c := range all {
			if got := c.who(); i < 2 && got != fmt.Sprintf("%d.1", i) {
				t.Errorf("connection %d is served by %s", i, got)
			}
		}
	})
}

// A worker that is being replaced keeps its turn: its connections wait for the new
// machine.
func TestQueueSurvivesRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fail atomic.Bool
		r := listen(t, sharded.Config{Workers: 2, Network: simnet.New("test")}, failing(&fail))
		fail.Store(true)
		r.dial().tell("crash")
		synctest.Wait()
		all := make([]*client, 10) // worker 1 is next
		for i := range all {
			all[i] = r.dial()
			all[i].tell("who")
		}
		synctest.Wait()
		fail.Store(false)
		starts := ""
		for i, c := range all {
			answer, err := c.lines.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			id, start, _ := strings.Cut(strings.TrimSpace(answer), ".")
			if id != fmt.Sprint((i+1)%2) {
				t.Errorf("connection %d is served by %s", i, answer)
			}
			if id == "0" {
				starts += start
			}
		}
		if starts == "" || strings.Trim(starts, starts[:1]) != "" || starts[0] == '1' {
			t.Errorf("served by the machines %s of worker 0", starts)
		}
	})
}

func TestLeastLoaded(t *testing.T) {
	for _, tt := range []struct {
		last  int
		loads []sharded.Load
		want  int
	}{
		{-1, loads(0), 0},
		{-1, loads(0, 0, 0), 0},
		{0, loads(0, 0, 0), 1},
		{2, loads(0, 0, 0), 0},
		{1, loads(1, 1, 1), 2},
		{1, loads(0, 1, 1), 0},
		{0, loads(2, 3, 1), 2},
		{2, loads(5, 4, 4), 1},
		{1, loads(5, 4, 4), 2},
		{0, []sharded.Load{{Connections: 0}, {Connections: 9, Listening: true}}, 1},
		{0, []sharded.Load{{Connections: 0}, {Connections: 9}}, 0},
	} {
		if got := sharded.LeastLoaded(tt.last, tt.loads); got != tt.want {
			t.Errorf("after %d, of %v: %d; want %d", tt.last, tt.loads, got, tt.want)
		}
	}
}

// loads returns the loads of workers that listen.
func loads(connections ...int) (ls []sharded.Load) {
	for _, n := range connections {
		ls = append(ls, sharded.Load{Connections: n, Listening: true})
	}
	return ls
}

func TestLeastLoadedGetsTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := listen(t, sharded.Config{Workers: 3, Policy: sharded.LeastLoaded, Network: simnet.New("test")}, boot)
		var all []*client
		serve := func(workers ...int) {
			t.Helper()
			for _, w := range workers {
				c := r.dial()
				if got, want := c.who(), fmt.Sprintf("%d.1", w); got != want {
					t.Errorf("served by %s; want %s", got, want)
				}
				all = append(all, c)
			}
		}
		serve(0, 1, 2, 0, 1, 2, 0, 1, 2)
		// Worker 1 loses two, and gets the next two.
		all[1].Close()
		if err := all[4].Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		serve(1, 1, 2, 0, 1)
		// Worker 2 has lost all, and gets as many.
		if err := r.Restart(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		<-time.After(time.Minute)
		for range 4 {
			if got := r.dial().who(); got != "2.2" {
				t.Errorf("served by %s; want 2.2", got)
			}
		}
		serve(0, 1)
	})
}

func TestPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lasts []int
		choices := []int{2, 2, 0, 1, -1, 3, 7, 0}
		c := sharded.Config{Workers: 3, Network: simnet.New("test")}
		c.Policy = func(last int, loads []sharded.Load) int {
			lasts = append(lasts, last)
			if len(loads) != 3 {
				t.Errorf("%d loads", len(loads))
			}
			return choices[len(lasts)-1]
		}
		r := listen(t, c, boot)
		want := []int{2, 2, 0, 1, 2, 0, 1, 0} // the next where there is no such worker
		for i, w := range want {
			if got := r.dial().who(); got != fmt.Sprintf("%d.1", w) {
				t.Errorf("choice %d: served by %s; want %d", i, got, w)
			}
		}
		if got, want := fmt.Sprint(lasts), fmt.Sprint(append([]int{-1}, want[:7]...)); got != want {
			t.Errorf("it was told of %s; want %s", got, want)
		}
	})
}
