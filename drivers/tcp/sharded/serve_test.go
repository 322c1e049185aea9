package sharded_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/drivers/tcp/sharded"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/world/simnet"
)

func tenConnectionsOnTwoWorkers(t *testing.T) {
	everywhere(t, func(t *testing.T, c sharded.Config) {
		c.Workers = 2
		r := listen(t, c, boot)
		for i := range 10 {
			if got, want := r.dial().who(), fmt.Sprintf("%d.1", i%2); got != want {
				t.Errorf("connection %d is served by %s; want %s", i, got, want)
			}
		}
	})
}

// A crowd is many clients that talk all the time.
type crowd struct {
	r       *rig
	wg      sync.WaitGroup
	leave   chan struct{}
	members []*member
}

type member struct {
	*client
	by    string
	err   error // of who has lost its connection
	lost  chan struct{}
	beats chan struct{} // one for each answer, if somebody wants to know
}

// gather connects n clients, which talk.
func (r *rig) gather(n int) *crowd {
	c := &crowd{r: r, leave: make(chan struct{})}
	for range n {
		m := &member{client: r.dial(), lost: make(chan struct{}), beats: make(chan struct{})}
		m.by = m.who()
		c.members = append(c.members, m)
	}
	for _, m := range c.members {
		c.wg.Go(func() { m.talk(c.leave) })
	}
	return c
}

func (m *member) talk(leave chan struct{}) {
	for i := 0; ; i++ {
		text := fmt.Sprint("line ", i)
		answer, err := m.ask(text)
		if err == nil && answer != text {
			err = fmt.Errorf("%q came back as %q", text, answer)
		}
		if err != nil {
			m.err = err
			close(m.lost)
			return
		}
		select {
		case <-leave:
			return
		case m.beats <- struct{}{}:
		default:
		}
	}
}

// undisturbed checks that a member still gets answers.
func (m *member) undisturbed() {
	m.r.Helper()
	for range 3 {
		select {
		case <-m.beats:
		case <-m.lost:
			m.r.Errorf("a connection of %s was lost: %v", m.by, m.err)
			return
		}
	}
}

// disperse makes all clients leave.
func (c *crowd) disperse() {
	close(c.leave)
	c.wg.Wait()
}

// killed checks that the connections of a machine are lost, that no others are
// affected, and that the next machine of the worker serves new connections.
func (c *crowd) killed(machine, next string) {
	c.r.Helper()
	for _, m := range c.members {
		if m.by == machine {
			<-m.lost
		} else {
			m.undisturbed()
		}
	}
	seen := map[string]bool{}
	for range 2 {
		seen[c.r.dial().who()] = true
	}
	if !seen[next] || !seen["1.1"] {
		c.r.Errorf("new connections are served by %v; want %s and 1.1", seen, next)
	}
}

func TestWorkerKilledUnderLoadIsBack(t *testing.T) {
	r := listen(t, sharded.Config{Workers: 2}, boot)
	c := r.gather(100)
	defer c.disperse()
	if err := r.Restart(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	c.killed("0.1", "0.2")
}

func TestMachineThatEndsUnderLoadIsReplaced(t *testing.T) {
	r := listen(t, sharded.Config{Workers: 2}, halting)
	c := r.gather(100)
	defer c.disperse()
	r.dial().tell("halt") // it is the turn of worker 0
	c.killed("0.1", "0.2")
}

// A machine whose server has crashed goes on with the connections that it has.
func TestCrashOfTheServerLeavesItsConnectionsAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := listen(t, sharded.Config{Workers: 2, Network: simnet.New("test")}, boot)
		var all []*client
		for range 4 {
			all = append(all, r.dial())
		}
		synctest.Wait() // until all are in the machines
		all[0].tell("crash")
		synctest.Wait()
		for i, c := range all {
			if got, want := c.who(), fmt.Sprintf("%d.1", i%2); got != want {
				t.Errorf("connection %d is served by %s; want %s", i, got, want)
			}
		}
		for _, want := range []string{"0.2", "1.1"} {
			if got := r.dial().who(); got != want {
				t.Errorf("served by %s; want %s", got, want)
			}
		}
		if !strings.Contains(r.logged.String(), "as you wish") {
			t.Errorf("it has logged: %s", r.logged)
		}
	})
}

// A worker that dies again and again is restarted at once the first time, and then
// after longer and longer pauses.
func TestRestartBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var starts []time.Time
		c := sharded.Config{Workers: 1, Network: simnet.New("test"), Ground: noting(&mu, &starts)}
		r := listen(t, c, boot)
		const deaths = 12
		for i := range deaths {
			c := r.dial()
			if got, want := c.who(), fmt.Sprintf("0.%d", i+1); got != want {
				t.Fatalf("served by %s; want %s", got, want)
			}
			c.tell("crash")
			c.Close()
			synctest.Wait()
		}
		<-time.After(2 * time.Second)
		mu.Lock()
		at := slices.Clone(starts)
		mu.Unlock()
		if len(at) != deaths+1 {
			t.Fatalf("%d starts", len(at))
		}
		for i := range deaths {
			want := time.Duration(0)
			if i > 0 {
				want = min(5*time.Millisecond<<(i-1), time.Second)
			}
			if got := at[i+1].Sub(at[i]); got != want {
				t.Errorf("pause %d took %v; want %v", i, got, want)
			}
		}
		// After a long life, it is forgiven.
		<-time.After(time.Minute)
		r.dial().tell("crash")
		synctest.Wait()
		asked := time.Now()
		r.dial().who()
		if waited := time.Since(asked); waited != 0 {
			t.Errorf("it has taken %v", waited)
		}
	})
}

func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var fail atomic.Bool
		r := listen(t, sharded.Config{Workers: 2, Network: simnet.New("test")}, failing(&fail))
		for i := range 3 {
			if err := r.Restart(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			if got := r.dial().who(); got != "0.1" {
				t.Errorf("served by %s", got)
			}
			if got, want := r.dial().who(), fmt.Sprintf("1.%d", i+2); got != want {
				t.Errorf("served by %s; want %s", got, want)
			}
		}
		fail.Store(true)
		blame(t, r.Restart(t.Context(), 1), sharded.ErrNotBooted, 1)
		<-time.After(10 * time.Second)
		fail.Store(false)
		r.dial().who()
		r.dial().who() // as soon as it is back

		ctx, cancel := context.WithCancelCause(t.Context())
		enough := errors.New("enough")
		cancel(enough)
		if err := r.Restart(ctx, 1); err != nil && !errors.Is(err, enough) {
			t.Error(err)
		}
		r.close()
		if err := r.Restart(t.Context(), 1); !errors.Is(err, errClosed) {
			t.Error(err)
		}
		defer func() {
			if recover() == nil {
				t.Error("there is no worker 2")
			}
		}()
		_ = r.Restart(t.Context(), 2)
	})
}

// A machine that has been replaced while it serves connections is not kept for
// ever.
func TestRetiredMachinesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := listen(t, sharded.Config{Workers: 1, Network: simnet.New("test")}, boot)
		var all []*client
		for range 12 {
			c := r.dial()
			c.who()
			c.tell("crash")
			all = append(all, c)
			<-time.After(time.Minute)
		}
		for i, c := range all {
			if i < 4 {
				c.gone()
			} else {
				c.who()
			}
		}
	})
}

func seenByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := make(chan string, 100)
		r := listen(t, sharded.Config{Workers: 3, Network: simnet.New("test")}, func(w sharded.Worker) actions.Process {
			return actions.Stateless(w.Driver(), endpoint.ObservePublishers(tcp.Arriving(w.Listener()),
				endpoint.OnPresence(func(c tcp.Data) actions.Action {
					if c.To != w.Listener() {
						t.Errorf("it arrives at %v", c.To)
					}
					seen <- fmt.Sprintf("%v by %d", c.From, w.ID)
					return nil
				})))
		})
		var want []string
		for i := range 30 {
			want = append(want, fmt.Sprintf("%v by %d", r.dial().LocalAddr(), i%3))
		}
		synctest.Wait()
		got := map[string]int{}
		for len(seen) > 0 {
			got[<-seen]++
		}
		for _, w := range want {
			if got[w] != 1 {
				t.Errorf("%s: %d times", w, got[w])
			}
		}
		if len(got) != len(want) {
			t.Errorf("seen: %v", got)
		}
	})
}
