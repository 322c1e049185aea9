package tcp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
	"github.com/go-marketplace/marketplace/world/simnet"
)

var me = tcp.Handle("me")

// far returns a socket that listens, for users to connect to.
func (l *lab) far() (net.Listener, tcp.Addr) {
	l.Helper()
	far, err := l.network.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		l.Fatal(err)
	}
	at, err := tcp.ParseRemote(far.Addr().String())
	if err != nil {
		l.Fatal(err)
	}
	return far, at
}

func (l *lab) accept(far net.Listener) *conn {
	l.Helper()
	c, err := far.Accept()
	if err != nil {
		l.Fatal(err)
	}
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		l.Fatal(err)
	}
	return &conn{c, l}
}

func TestDR17Connect(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		far, at := l.far()
		defer far.Close()
		u := l.user("client")
		u.do(publish(me, at), u.subscribe(at, me))
		c := l.accept(far)
		if e := u.next("presence"); e.data.From != at || e.data.To != me {
			l.Errorf("heard %v", e)
		}
		u.do(data(me, at, "hello"))
		c.read("hello")
		c.write("hello yourself")
		if got := string(u.read(14)); got != "hello yourself" {
			l.Errorf("got %q", got)
		}
		c.closeWrite()
		u.end()
		u.do(data(me, at, "bye"), eof(me, at))
		c.read("bye")
		c.end()
		c.Close()
	})
}

func TestDR18ExitCloses(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		far, at := l.far()
		defer far.Close()
		for range 3 { // with the same handle
			u := l.user("client")
			u.do(publish(me, at), u.subscribe(at, me))
			c := l.accept(far)
			u.next("presence")
			u.do(actions.Quit())
			c.end()
			c.Close()
		}
	})
}

func TestBD04TwoParticipantsOneConnection(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		far, at := l.far()
		defer far.Close()
		a, b := l.user("a"), l.user("b")
		a.do(publish(me, at), a.subscribe(at, me))
		b.do(publish(me, at), b.subscribe(at, me))
		c := l.accept(far)
		a.next("presence")
		b.next("presence")
		a.do(actions.Quit())
		c.write("hello")
		b.read(5)
		b.do(actions.Quit())
		c.end()
		c.Close()
	})
}

func TestDR31BD02RefusedConnect(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		far, at := l.far()
		far.Close() // now nobody listens there
		u := l.user("client")
		u.do(publish(me, at), u.subscribe(at, me))
		u.next("presence")
		e := u.next("absence")
		reason, ok := errors.AsType[*world.Error](e.reason)
		if !ok || !errors.Is(e.reason, syscall.ECONNREFUSED) || reason.Addr != at.String() {
			l.Errorf("the reason is %#v", e.reason)
		}
		u.silence()
	})
}

func TestDR31UnknownName(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		at := tcp.Remote("no-such-host.invalid", 7)
		u := l.user("client")
		u.do(publish(me, at), u.subscribe(at, me))
		u.next("presence")
		if e := u.next("absence"); e.reason == nil || !strings.Contains(e.reason.Error(), "no-such-host.invalid") {
			l.Errorf("the reason is %v", e.reason)
		} else if l.sim && !errors.Is(e.reason, world.ErrHostNotFound) {
			l.Errorf("the reason is %#v", e.reason)
		}
	})
}

func TestDR15NamesAreLookedUp(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		far, at := l.far()
		defer far.Close()
		u := l.user("client")
		named := tcp.Remote("localhost", at.Port())
		u.do(publish(me, named), u.subscribe(named, me))
		c := l.accept(far)
		u.next("presence")
		c.Close()
		u.end()
	})
}

// TestDR69TwoProcessesOfOneMachine: both ends of the connection are processes
// of the same machine.
func TestDR69TwoProcessesOfOneMachine(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		server, client := l.user("server"), l.user("client")
		server.do(server.watchListening(loopback), echoes(loopback))
		at := server.next("listening").listening.Bound
		client.do(publish(me, at), client.subscribe(at, me))
		client.next("presence")
		client.do(data(me, at, "is anybody there?"), eof(me, at))
		if got := string(client.read(17)); got != "is anybody there?" {
			l.Errorf("got %q", got)
		}
		client.end()
	})
}

// A deaf network does not answer.
type deaf struct {
	*simnet.Network
	dialing chan string
	over    chan error
}

func newDeaf() *deaf {
	return &deaf{simnet.New("deaf"), make(chan string, 10), make(chan error, 10)}
}

func (d *deaf) Dial(ctx context.Context, _, address string) (net.Conn, error) {
	d.dialing <- address
	<-ctx.Done()
	d.over <- ctx.Err()
	return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
}

type ping struct{ N int }

func TestDR30BD01SlowConnectBlocksNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newDeaf()
		newLab(t, tcp.Config{Network: network}, true).run(func(l *lab) {
			u, at := l.user("client"), tcp.Remote("far.test", 7)
			u.do(publish(me, at), u.subscribe(at, me))
			if got := <-network.dialing; got != "far.test:7" {
				l.Errorf("dials %s", got)
			}
			// Others go on.
			done := make(chan struct{})
			l.user("ping").do(endpoint.Subscriber(topic.All[ping](), endpoint.OnMessage(func(p ping) actions.Action {
				if p.N == 1000 {
					close(done)
					return nil
				}
				return actions.Send(ping{p.N + 1})
			})), actions.Send(ping{}))
			<-done
			// Who does not want it any more does not have to wait either.
			u.do(actions.Quit())
			if err := <-network.over; !errors.Is(err, context.Canceled) {
				l.Errorf("dialing ended with %v", err)
			}
		})
	})
}

func TestDR33DialLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		newLab(t, tcp.Config{Network: newDeaf(), DialLimit: time.Minute}, true).run(func(l *lab) {
			u, at := l.user("client"), tcp.Remote("far.test", 7)
			began := time.Now()
			u.do(publish(me, at), u.subscribe(at, me))
			for len(u.heard) < 2 {
				<-time.After(time.Second)
			}
			if took := time.Since(began); took < time.Minute || took > time.Minute+5*time.Second {
				l.Errorf("it took %v", took)
			}
			u.next("presence")
			e := u.next("absence")
			if reason, ok := errors.AsType[*world.Error](e.reason); !ok || reason.Addr != "far.test:7" || !reason.Timeout() {
				l.Errorf("the reason is %#v", e.reason)
			}
		})
	})
}

func TestFloodOfDials(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		far, at := l.far()
		defer far.Close()
		go func() {
			for {
				c, err := far.Accept()
				if err != nil {
					return
				}
				go func() {
					defer c.Close()
					io.Copy(c, c)
				}()
			}
		}()
		const n = 100
		u := l.user("clients")
		done := make(chan string, n)
		for i := range n {
			me := tcp.Handle(strings.Repeat("x", i+1))
			u.do(actions.Spawn(actions.Stateless(
				endpoint.Publisher(tcp.Flow(me, at), endpoint.OnPresence(func(tcp.Data) actions.Action {
					return actions.Group(data(me, at, "hello"), eof(me, at))
				})),
				endpoint.Subscriber(tcp.Flow(at, me),
					endpoint.OnMessage(func(d tcp.Data) actions.Action {
						if !d.EOF {
							done <- string(d.Bytes)
						}
						return nil
					}),
					endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return actions.Quit() }),
				),
			)))
		}
		for range n {
			if got := <-done; got != "hello" {
				l.Errorf("got %q", got)
			}
		}
	})
}
