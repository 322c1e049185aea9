package sharded_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
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

// rows are the features of the original listener, with a test for each.
var rows = []struct {
	id, what string
	test     func(*testing.T)
}{
	{"PT-01", "a type of its own", typeOfItsOwn},
	{"PT-02", "listens, starts workers, hands out connections", handsOut},
	{"PT-03", "a limit for booting", bootLimit},
	{"PT-04", "as many workers as processors", workers},
	{"PT-05", "all interfaces, or one", interfaces},
	{"PT-06", "a bounded backlog", backlog},
	{"PT-07", "reuse of the address", reuse},
	{"PT-08", "another listener", anotherListener},
	{"PT-09", "strictly in turn", tenConnectionsOnTwoWorkers},
	{"PT-10", "a worker that has not booted is named", TestBL01EveryWorkerThatHasNotBootedIsNamed},
	{"PT-11", "death at boot is noticed at once", TestBL04DeathAtBootIsNoticedAtOnce},
	{"PT-12", "death later", deathEndsTheListenerIfThatIsWanted},
	{"PT-13", "what a worker has to do", whatAWorkerHasToDo},
	{"PT-14", "what a worker learns", whatAWorkerLearns},
	{"PT-15", "workers can connect, too", workersConnect},
	{"PT-16", "where it listens", whereItListens},
	{"PT-17", "workers know the port", workersKnowThePort},
	{"PT-18", "Done and Err", doneAndErr},
	{"PT-19", "Close", closeIsIdempotent},
	{"PT-20", "booting is cancelled", listenIsCancelled},
	{"PT-21", "an example", example},
	{"PT-22", "each connection is seen by one worker", seenByOne},
}

func TestPT(t *testing.T) {
	for _, row := range rows {
		t.Run(row.id+" "+row.what, row.test)
	}
}

func TestBL12EveryRowHasATest(t *testing.T) {
	for i, row := range rows {
		if want := fmt.Sprintf("PT-%02d", i+1); row.id != want {
			t.Errorf("%s follows; want %s", row.id, want)
		}
	}
	if len(rows) != 22 {
		t.Errorf("%d rows", len(rows))
	}
}

// refused checks that a Config is refused, with an error that names the field.
func refused(t *testing.T, c sharded.Config, field string) {
	t.Helper()
	_, err := tryListen(t, c, boot)
	if err == nil || !strings.HasPrefix(err.Error(), "sharded: ") || !strings.Contains(err.Error(), field) {
		t.Errorf("the error is %v; it should name %s", err, field)
	}
}

func typeOfItsOwn(t *testing.T) {
	r := listen(t, sharded.Config{}, boot)
	if got := fmt.Sprintf("%T", r.Listener); got != "*sharded.Listener" {
		t.Error(got)
	}
}

func handsOut(t *testing.T) {
	l, err := sharded.Listen(t.Context(), "127.0.0.1:0", boot)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{T: t, Listener: l, network: world.SystemNetwork()}
	defer r.close()
	if got := r.dial().who(); got != "0.1" {
		t.Errorf("served by %s", got)
	}
	// Somebody else cannot listen there.
	if _, err := sharded.Listen(t.Context(), l.Addr().String(), boot); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("the error is %v", err)
	}
	for _, address := range []string{"nonsense", "127.0.0.1:http", ""} {
		if _, err := sharded.Listen(t.Context(), address, boot); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", address)) {
			t.Errorf("the error is %v; it should name %q", err, address)
		}
	}
}

func bootLimit(t *testing.T) {
	refused(t, sharded.Config{BootLimit: -1}, "Config.BootLimit")
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		_, err := tryListen(t, sharded.Config{Network: simnet.New("test")}, nothing)
		if took := time.Since(begin); !errors.Is(err, sharded.ErrBootLimit) || took != time.Minute {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

func workers(t *testing.T) {
	refused(t, sharded.Config{Workers: -1}, "Config.Workers")
	for n, want := range map[int]int{0: runtime.GOMAXPROCS(0), 1: 1, 7: 7} {
		var booted atomic.Int64
		listen(t, sharded.Config{Workers: n}, func(w sharded.Worker) actions.Process {
			booted.Add(1)
			return boot(w)
		})
		if got := int(booted.Load()); got != want {
			t.Errorf("Workers: %d: %d have booted", n, got)
		}
	}
}

func interfaces(t *testing.T) {
	for _, host := range []string{"", "127.0.0.1", "localhost", "::1"} {
		network := simnet.New("test")
		hosts := make(chan string, 1)
		l, err := sharded.Config{Workers: 1, Network: network}.Listen(t.Context(), net.JoinHostPort(host, "0"),
			func(w sharded.Worker) actions.Process {
				hosts <- w.Host
				return boot(w)
			})
		if err != nil {
			t.Fatal(err)
		}
		if got := <-hosts; got != host {
			t.Errorf("the worker of %q is at %q", host, got)
		}
		bound := netip.MustParseAddrPort(l.Addr().String())
		for _, other := range []string{"127.0.0.1", "::1", "10.0.0.1"} {
			c, err := network.Dial(t.Context(), "tcp", net.JoinHostPort(other, fmt.Sprint(bound.Port())))
			if err == nil {
				c.Close()
			}
			if want := host == "" || bound.Addr().String() == other; (err == nil) != want {
				t.Errorf("at %q, connecting to %s: %v", host, other, err)
			}
		}
		if err := l.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
}

func backlog(t *testing.T) {
	refused(t, sharded.Config{Backlog: -1}, "Config.Backlog")
	TestBL06AllQueuesFull(t)
}

func reuse(t *testing.T) {
	refused(t, sharded.Config{NoReuse: true, Network: simnet.New("test")}, "Config.NoReuse")
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refused(t, sharded.Config{NoReuse: true, Listener: socket}, "Config.NoReuse")
	if runtime.GOOS != "linux" {
		t.Skip("that connections linger is not known to be told here")
	}
	r := listen(t, sharded.Config{}, boot)
	c := r.dial()
	c.who()
	closed := make(chan error)
	go func() { closed <- r.Close(context.Background()) }()
	if rest, err := io.ReadAll(c); err != nil || len(rest) > 0 { // the server closes first, so its end lingers
		t.Errorf("%q, %v", rest, err)
	}
	c.Close()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	at := r.Addr().String()
	if _, err := (sharded.Config{NoReuse: true}).Listen(t.Context(), at, boot); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("with NoReuse: %v", err)
	}
	l, err := sharded.Config{}.Listen(t.Context(), at, boot)
	if err != nil {
		t.Fatalf("without NoReuse: %v", err)
	}
	if err := l.Close(t.Context()); err != nil {
		t.Error(err)
	}
	l, err = sharded.Config{NoReuse: true}.Listen(t.Context(), "127.0.0.1:0", boot)
	if err != nil {
		t.Fatalf("with NoReuse, at a free port: %v", err)
	}
	if err := l.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

// anotherListener hands in a socket of another kind.
func anotherListener(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	socket, err := net.Listen("unix", path)
	if err != nil {
		t.Skip("there are no such sockets here:", err)
	}
	r := listen(t, sharded.Config{Workers: 2, Listener: socket, Policy: sharded.LeastLoaded}, boot)
	for i := range 4 {
		conn, err := net.Dial("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		c := r.client(conn)
		defer c.Close()
		if got, want := c.who(), fmt.Sprintf("%d.1", i%2); got != want {
			t.Errorf("connection %d is served by %s; want %s", i, got, want)
		}
	}
	if r.Addr() != socket.Addr() {
		t.Errorf("it listens at %v", r.Addr())
	}
	refused(t, sharded.Config{OnDeath: 2}, "Config.OnDeath")
}

// whatAWorkerHasToDo: a worker has booted when any process observes what arrives, at
// any depth and at any time.
func whatAWorkerHasToDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		later := func(w sharded.Worker) actions.Process {
			return actions.Stateless(w.Driver(), endpoint.Device(
				world.Alarm{Clock: world.SystemClock(), After: time.Second, Label: "later"},
				endpoint.OnValue(func(world.AlarmRang) actions.Action { return serve(w) })))
		}
		for name, boot := range map[string]func(sharded.Worker) actions.Process{"plain": boot, "nested": halting, "later": later} {
			r := listen(t, sharded.Config{Workers: 2, Network: simnet.New(name)}, boot)
			if got := r.dial().who(); got != "0.1" {
				t.Errorf("%s: served by %s", name, got)
			}
		}
	})
}

func whatAWorkerLearns(t *testing.T) {
	learned := make(chan sharded.Worker, 10)
	grounds := make(chan sharded.Worker, 10)
	c := sharded.Config{Workers: 3, Ground: func(w sharded.Worker) ground.Ground {
		grounds <- w
		return ground.Ground{Incarnation: 999}
	}}
	r := listen(t, c, func(w sharded.Worker) actions.Process {
		learned <- w
		return boot(w)
	})
	if err := r.Restart(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	r.close()
	starts := map[int]uint64{}
	for range 4 {
		w := <-learned
		if w.N != 3 || w.ID < 0 || w.ID > 2 || w.Host != "127.0.0.1" || w.Listener().HostPort() != r.Addr().String() {
			t.Errorf("worker %+v", w)
		}
		starts[w.ID] += w.Start
		<-w.Done()
		if g := <-grounds; g.Listener() != w.Listener() {
			t.Errorf("it has a ground for %+v", g)
		}
	}
	if want := (map[int]uint64{0: 1, 1: 3, 2: 1}); !reflect.DeepEqual(starts, want) {
		t.Errorf("starts: %v", starts)
	}
}

// workersConnect: a worker serves its clients with data from another server.
func workersConnect(t *testing.T) {
	everywhere(t, func(t *testing.T, c sharded.Config) {
		c.Workers = 1
		back := listen(t, c, boot)
		remote, err := tcp.ParseRemote(back.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		local := tcp.Handle("relay")
		front := listen(t, c, func(w sharded.Worker) actions.Process {
			return actions.Stateless(w.Driver(), endpoint.ObservePublishers(tcp.Arriving(w.Listener()),
				endpoint.OnPresence(func(c tcp.Data) actions.Action {
					return actions.Spawn(actions.Stateless(
						endpoint.Publisher(tcp.Flow(local, remote)),
						endpoint.Publisher(tcp.Flow(c.To, c.From)),
						endpoint.Subscriber(tcp.Flow(c.From, c.To)),
						endpoint.Subscriber(tcp.Flow(remote, local),
							endpoint.OnPresence(func(tcp.Data) actions.Action {
								return actions.Send(tcp.Data{From: local, To: remote, Bytes: []byte("from afar\n")})
							}),
							endpoint.OnMessage(func(d tcp.Data) actions.Action {
								return actions.Send(tcp.Data{From: c.To, To: c.From, Bytes: d.Bytes})
							}))))
				})))
		})
		if got, err := front.dial().lines.ReadString('\n'); got != "from afar\n" {
			t.Errorf("%q, %v", got, err)
		}
		front.close()
		back.close()
	})
}

func whereItListens(t *testing.T) {
	r := listen(t, sharded.Config{Workers: 1}, boot)
	a, ok := r.Addr().(*net.TCPAddr)
	if !ok || a.IP.String() != "127.0.0.1" || a.Port == 0 {
		t.Errorf("it listens at %v", r.Addr())
	}
}

func workersKnowThePort(t *testing.T) {
	ports := make(chan uint16, 2)
	r := listen(t, sharded.Config{Workers: 2}, func(w sharded.Worker) actions.Process {
		ports <- w.Port
		return boot(w)
	})
	want := netip.MustParseAddrPort(r.Addr().String()).Port()
	for range 2 {
		if got := <-ports; got != want {
			t.Errorf("a worker knows of port %d; want %d", got, want)
		}
	}
}

func doneAndErr(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := listen(t, sharded.Config{Workers: 2, Network: simnet.New("test")}, boot)
		<-time.After(time.Hour)
		select {
		case <-r.Done():
			t.Error("done before the end")
		default:
		}
		if err := r.Err(); err != nil {
			t.Error(err)
		}
		go r.close()
		<-r.Done()
		if err := r.Err(); err != nil {
			t.Error(err)
		}
	})
}

// example finds the flag of the example, which has tests of its own.
func example(t *testing.T) {
	out, err := exec.Command("go", "run", "../../../examples/echo", "-workers", "-3").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "-workers is -3") {
		t.Errorf("%v: %s", err, out)
	}
}
