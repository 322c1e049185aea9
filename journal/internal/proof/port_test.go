package proof

import (
	"bufio"
	"context"
	"errors"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/drivers/udp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/vm"
)

// Issue 9.6: what fails only because of a restart never ends the program. If a
// port is taken when the program goes on, it waits for the port, as long as it
// takes.

// A waiter is a log that tells when the ground waits for a device.
type waiter struct {
	slog.Handler
	waits  chan string   // the error for which it waits
	opened chan struct{} // closed when it waits no longer
}

func newWaiter() *waiter {
	return &waiter{slog.DiscardHandler, make(chan string, 100), make(chan struct{})}
}

func (w *waiter) Enabled(context.Context, slog.Level) bool { return true }

func (w *waiter) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "is open again") {
		close(w.opened)
	}
	if strings.Contains(r.Message, "cannot be opened yet") {
		r.Attrs(func(a slog.Attr) bool {
			if a.Key == "error" {
				w.waits <- a.Value.String()
			}
			return true
		})
	}
	return nil
}

// A run is one run of a program with a journal.
type run struct {
	t    *testing.T
	log  *waiter
	stop context.CancelFunc
	over chan error

	opened chan struct{} // closed when the first value has come in this run: something is open
}

func goOn(t *testing.T, dir string, boot ...actions.Action) *run {
	j, err := journal.Config{Durability: journal.Memory, Logger: slog.New(slog.DiscardHandler)}.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	r := &run{t: t, log: newWaiter(), over: make(chan error, 1)}
	ctx, stop := context.WithCancel(t.Context())
	r.stop = stop
	come := false
	r.opened = make(chan struct{})
	g := ground.Ground{Journal: j, Logger: slog.New(r.log), Watch: func(rec *vm.Record) {
		if rec.Kind == vm.Entered && rec.Input.Kind == vm.Value && !come {
			come = true
			close(r.opened)
		}
	}}
	go func() { r.over <- g.Run(ctx, boot...) }()
	return r
}

func (r *run) end() {
	r.t.Helper()
	r.stop()
	if err := <-r.over; err != nil {
		r.t.Error(err)
	}
}

// greeter greets everybody who connects, and tells where it listens.
func greeter(at tcp.Addr, bound chan tcp.Addr) []actions.Action {
	return []actions.Action{
		tcp.Driver(),
		endpoint.ObservePublishers(tcp.ListeningAt(at), endpoint.OnPresence(func(l tcp.Listening) actions.Action {
			if (l.Bound != tcp.Addr{}) && bound != nil {
				bound <- l.Bound
			}
			return nil
		})),
		endpoint.ObservePublishers(tcp.Arriving(at), endpoint.OnPresence(func(c tcp.Data) actions.Action {
			return actions.Spawn(actions.Stateless(
				endpoint.Publisher(tcp.Flow(c.To, c.From)),
				actions.Send(tcp.Data{From: c.To, To: c.From, Bytes: []byte("welcome\n")}),
			))
		})),
	}
}

func greeted(t *testing.T, addr string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if line, err := bufio.NewReader(c).ReadString('\n'); line != "welcome\n" {
		t.Errorf("greeted with %q, %v", line, err)
	}
}

// freePort returns a port that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestTakenPortIsWaitedFor(t *testing.T) {
	dir, addr := t.TempDir(), freePort(t)
	at, err := tcp.ParseListener(addr)
	if err != nil {
		t.Fatal(err)
	}
	bound := make(chan tcp.Addr, 100)
	first := goOn(t, dir, greeter(at, bound)...)
	<-bound
	greeted(t, addr)
	first.end()
	for range 2 { // stopped while it waits, it waits again
		taken, err := net.Listen("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		waiting := goOn(t, dir, greeter(at, bound)...)
		if why := <-waiting.log.waits; !strings.Contains(why, addr) {
			t.Errorf("it waits because of %q", why)
		}
		waiting.end()
		taken.Close()
	}
	taken, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	last := goOn(t, dir, greeter(at, bound)...)
	<-last.log.waits
	taken.Close()
	<-last.log.opened
	greeted(t, addr)
	last.end()
	h, err := journal.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	r, err := h.Replay(t.Context(), journal.Booting(greeter(at, nil)...), journal.ReplayConfig{})
	if err != nil || r.Seq != h.Last() {
		t.Errorf("%d of %d inputs are replayed: %v", r.Seq, h.Last(), err)
	}
}

// A port that is taken at the first start is an error that the program hears
// of, also when the program then goes on after a crash.
func TestTakenPortAtFirstIsAnError(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	at, _ := tcp.ParseListener(taken.Addr().String())
	reason := make(chan error, 1)
	first := goOn(t, t.TempDir(), append(greeter(at, nil), endpoint.ObservePublishers(tcp.ListeningAt(at),
		endpoint.OnAbsence(func(_ tcp.Listening, err error) actions.Action { reason <- err; return nil })))...)
	if err := <-reason; !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("the reason is %v", err)
	}
	first.end()
}

// The same for a socket of UDP.
func TestTakenPacketPortIsWaitedFor(t *testing.T) {
	dir := t.TempDir()
	free, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.LocalAddr().String()
	free.Close()
	at, err := udp.ParseListener(addr)
	if err != nil {
		t.Fatal(err)
	}
	bound := make(chan bool, 100)
	echo := func() []actions.Action {
		return []actions.Action{
			udp.Driver(),
			endpoint.ObservePublishers(udp.ListeningAt(at), endpoint.OnPresence(func(l udp.Listening) actions.Action {
				bound <- l.Bound != udp.Addr{}
				return nil
			})),
			endpoint.Subscriber(udp.Arriving(at), endpoint.OnMessage(func(p udp.Packet) actions.Action {
				return actions.Send(udp.Packet{Source: at, Destination: p.Source, Body: p.Body})
			})),
		}
	}
	first := goOn(t, dir, echo()...)
	for !<-bound {
	}
	first.end()
	taken, err := net.ListenPacket("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	second := goOn(t, dir, echo()...)
	<-second.log.waits
	taken.Close()
	<-second.log.opened
	c, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	got := make([]byte, 10)
	if _, err := c.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(got); string(got[:n]) != "hello" {
		t.Errorf("it echoes %q, %v", got[:n], err)
	}
	second.end()
}
