package sharded_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/drivers/tcp/sharded"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/world"
	"github.com/go-marketplace/marketplace/world/simnet"
)

var errClosed = net.ErrClosed

// noting notes the times at which machines start.
func noting(mu *sync.Mutex, starts *[]time.Time) func(sharded.Worker) ground.Ground {
	return func(sharded.Worker) ground.Ground {
		mu.Lock()
		defer mu.Unlock()
		*starts = append(*starts, time.Now())
		return ground.Ground{}
	}
}

// failing returns a boot function whose machines end at once as long as fail is
// set.
func failing(fail *atomic.Bool) func(sharded.Worker) actions.Process {
	return func(w sharded.Worker) actions.Process {
		if fail.Load() {
			return actions.Stateless(w.Driver(), actions.Quit())
		}
		return boot(w)
	}
}

// only returns a boot function with other functions for some of the workers.
func only(others map[int]func(sharded.Worker) actions.Process) func(sharded.Worker) actions.Process {
	return func(w sharded.Worker) actions.Process {
		if f := others[w.ID]; f != nil {
			return f(w)
		}
		return boot(w)
	}
}

func panics(sharded.Worker) actions.Process            { panic("no configuration") }
func exits(sharded.Worker) actions.Process             { runtime.Goexit(); return nil }
func returnsNil(sharded.Worker) actions.Process        { return nil }
func quits(w sharded.Worker) actions.Process           { return actions.Stateless(w.Driver(), actions.Quit()) }
func hasNoDriver(w sharded.Worker) actions.Process     { return actions.Stateless(serve(w)) }
func observesNothing(w sharded.Worker) actions.Process { return actions.Stateless(w.Driver()) }

// listensElsewhere observes what arrives at another address.
func listensElsewhere(w sharded.Worker) actions.Process {
	at := tcp.Listener("127.0.0.1", 1)
	return actions.Stateless(w.Driver(), endpoint.ObservePublishers(tcp.Arriving(at),
		endpoint.OnPresence(func(tcp.Data) actions.Action { return nil })))
}

// If a worker fails to boot for any reason, the error names it at once, and nothing
// is left running.
func TestBL04DeathAtBootIsNoticedAtOnce(t *testing.T) {
	for _, tt := range []struct {
		name string
		boot func(sharded.Worker) actions.Process
		says string
	}{
		{"panic", panics, "no configuration"},
		{"exit", exits, "without listening"},
		{"nil", returnsNil, "nil process"},
		{"quit", quits, "without listening"},
		{"no driver", hasNoDriver, "spawn Worker.Driver"},
		{"nobody observes", observesNothing, "observe what arrives"},
		{"another address", listensElsewhere, "127.0.0.1:1: worker 1 can listen only at"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				_, err := tryListen(t, sharded.Config{Workers: 3, Network: simnet.New("test")},
					only(map[int]func(sharded.Worker) actions.Process{1: tt.boot}))
				blame(t, err, sharded.ErrNotBooted, 1)
				if !strings.Contains(fmt.Sprint(err), tt.says) {
					t.Errorf("%v: it does not say %q", err, tt.says)
				}
				if took := time.Since(begin); took != 0 {
					t.Errorf("it has taken %v", took)
				}
			})
		})
	}
}

func TestBL01EveryWorkerThatHasNotBootedIsNamed(t *testing.T) {
	for _, tt := range []struct {
		slow []int
	}{{[]int{1}}, {[]int{0, 2}}, {[]int{0, 1, 2}}} {
		synctest.Test(t, func(t *testing.T) {
			others := map[int]func(sharded.Worker) actions.Process{}
			for _, id := range tt.slow {
				others[id] = nothing
			}
			begin := time.Now()
			_, err := tryListen(t, sharded.Config{Workers: 3, BootLimit: 7 * time.Second, Network: simnet.New("test")}, only(others))
			blame(t, err, sharded.ErrBootLimit, tt.slow...)
			if took := time.Since(begin); took != 7*time.Second {
				t.Errorf("it has taken %v", took)
			}
		})
	}
}

func TestBL02NothingIsLeftAfterABootFailure(t *testing.T) {
	for name, tt := range map[string]struct {
		last  func(sharded.Worker) actions.Process
		limit time.Duration
	}{
		"panic": {panics, 0},
		"limit": {nothing, time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			socket, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			addr := socket.Addr().String()
			socket.Close() // and the poller is there now
			before := descriptors(t)
			for range 10 {
				_, err := sharded.Config{Workers: 4, BootLimit: tt.limit}.Listen(t.Context(), addr,
					only(map[int]func(sharded.Worker) actions.Process{3: tt.last}))
				if _, ok := errors.AsType[*sharded.WorkerError](err); !ok {
					t.Fatal(err)
				}
				if open := descriptors(t); open != before {
					t.Fatalf("%d files are open; before, there were %d", open, before)
				}
				// The port is free: the next one gets it. That no goroutine is
				// left is for goleak to say.
				socket, err := net.Listen("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				socket.Close()
			}
		})
	}
}

// descriptors returns how many files are open, or skips the test.
func descriptors(t *testing.T) int {
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("the number of open files cannot be told here:", err)
	}
	return len(files)
}

func TestBL02AListenerHandedInIsClosedInAnyCase(t *testing.T) {
	for name, listen := range map[string]func(sharded.Config) error{
		"wrong config": func(c sharded.Config) error {
			c.Workers = -1
			_, err := c.Listen(t.Context(), "", boot)
			return err
		},
		"an address, too": func(c sharded.Config) error { _, err := c.Listen(t.Context(), ":1", boot); return err },
		"no function":     func(c sharded.Config) error { _, err := c.Listen(t.Context(), "", nil); return err },
		"boot failure":    func(c sharded.Config) error { _, err := c.Listen(t.Context(), "", panics); return err },
	} {
		socket, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := listen(sharded.Config{Listener: socket}); err == nil {
			t.Errorf("%s: no error", name)
		}
		if _, err := socket.Accept(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("%s: the listener is still open: %v", name, err)
		}
	}
}

func TestBL03NothingIsAcceptedBeforeAllHaveBooted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newTroubled(t)
		slow := func(w sharded.Worker) actions.Process {
			return actions.Stateless(w.Driver(), endpoint.Device(
				world.Alarm{Clock: world.SystemClock(), After: 10 * time.Second, Label: "slow"},
				endpoint.OnValue(func(world.AlarmRang) actions.Action { return serve(w) })))
		}
		var dialed sync.WaitGroup
		dialed.Go(func() {
			<-time.After(time.Second)
			c, err := network.Dial(context.Background(), "tcp", network.Addr().String())
			if err != nil {
				t.Error(err)
				return
			}
			c.Close()
		})
		begin := time.Now()
		listen(t, sharded.Config{Workers: 2, Listener: network, Network: network.Network},
			only(map[int]func(sharded.Worker) actions.Process{1: slow}))
		if took := time.Since(begin); took != 10*time.Second {
			t.Errorf("it has taken %v to boot", took)
		}
		if first := <-network.tried; first.Sub(begin) != 10*time.Second {
			t.Errorf("somebody has tried to accept a connection %v after the beginning", first.Sub(begin))
		}
		dialed.Wait()
	})
}

// A troubled network is a listener, too, and fails to accept connections.
type troubled struct {
	*simnet.Network
	net.Listener
	trouble chan error // that is to come
	tried   chan time.Time
}

func newTroubled(t *testing.T) *troubled {
	n := simnet.New("troubled")
	l, err := n.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return &troubled{n, l, make(chan error, 100), make(chan time.Time, 100)}
}

func (n *troubled) Accept() (net.Conn, error) {
	n.tried <- time.Now()
	select {
	case err := <-n.trouble:
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: n.Addr(), Err: err}
	default:
		return n.Listener.Accept()
	}
}

func TestBL09AcceptIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newTroubled(t)
		for range 12 {
			network.trouble <- os.NewSyscallError("accept", syscall.EMFILE)
		}
		r := listen(t, sharded.Config{Workers: 2, Listener: network, Network: network.Network}, boot)
		r.dial().who()
		last := <-network.tried
		for i := range 12 {
			next := <-network.tried
			want := min(5*time.Millisecond<<i, time.Second)
			if got := next.Sub(last); got != want {
				t.Errorf("pause %d took %v; want %v", i, got, want)
			}
			last = next
		}
		if !strings.Contains(r.logged.String(), "trying again") {
			t.Error("nothing was logged")
		}
	})
}

func TestBL09CloseWhileWaitingToRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newTroubled(t)
		for range 90 {
			network.trouble <- syscall.ENFILE
		}
		r := listen(t, sharded.Config{Workers: 2, Listener: network, Network: network.Network}, boot)
		<-time.After(10100 * time.Millisecond)
		begin := time.Now()
		r.close()
		if took := time.Since(begin); took != 0 {
			t.Errorf("it has taken %v", took)
		}
	})
}

func TestAcceptFailureEndsTheListener(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newTroubled(t)
		boom := errors.New("boom")
		network.trouble <- boom
		r, err := tryListen(t, sharded.Config{Workers: 2, Listener: network, Network: network.Network}, boot)
		if err != nil {
			t.Fatal(err)
		}
		<-r.Done()
		if !errors.Is(r.Err(), boom) || r.Close(t.Context()) != r.Err() {
			t.Errorf("it has ended because of %v", r.Err())
		}
	})
}
