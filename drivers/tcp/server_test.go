package tcp_test

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// echoes spawns an echoer for every connection that arrives.
func echoes(at tcp.Addr) actions.Action {
	return endpoint.ObservePublishers(tcp.Arriving(at),
		endpoint.OnPresence(func(c tcp.Data) actions.Action { return actions.Spawn(echoer(c.From, c.To)) }),
	).As("echoes")
}

func echoer(them, us tcp.Addr) actions.Process {
	return actions.Stateless(
		endpoint.Publisher(tcp.Flow(us, them)),
		endpoint.Subscriber(tcp.Flow(them, us),
			endpoint.OnMessage(func(d tcp.Data) actions.Action {
				return actions.Send(tcp.Data{From: us, To: them, Bytes: d.Bytes, EOF: d.EOF})
			}),
			endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return actions.Quit() }),
		),
	)
}

// TestDR22Echo shows HL-02.
func TestDR22Echo(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		u := l.user("server")
		u.do(u.watchListening(loopback), echoes(loopback))
		bound := u.next("listening").listening.Bound
		for range 3 {
			c := l.dial(bound)
			c.write("hello")
			c.read("hello")
			c.write("world")
			c.closeWrite()
			c.read("world")
			c.end()
			c.Close()
		}
	})
}

func TestDR21PresenceOfArrivals(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		u := l.user("server")
		bound := u.listen(loopback)
		c := l.dial(bound)
		defer c.Close()
		if e := u.next("presence"); e.data.From.String() != c.LocalAddr().String() || e.data.To != loopback {
			l.Errorf("heard %v; want a connection from %v", e, c.LocalAddr())
		}
	})
}

func TestDR32PortZero(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		u := l.user("server")
		bound := u.listen(loopback)
		if bound.Kind() != inet.KindRemote || bound.Host() != "127.0.0.1" || bound.Port() == 0 {
			l.Errorf("bound to %v", bound)
		}
		u.do(actions.Delete("observe"))
		if e := u.next("not listening"); e.reason != nil || e.listening.Bound != bound {
			l.Errorf("heard %v", e)
		}
	})
}

func TestDR31PortIsTaken(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		taken, err := l.network.Listen(l.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			l.Fatal(err)
		}
		defer taken.Close()
		at, _ := tcp.ParseListener(taken.Addr().String())
		u := l.user("server")
		if bound := u.listen(at); bound != (tcp.Addr{}) {
			l.Errorf("bound to %v", bound)
		}
		e := u.next("not listening")
		reason, ok := errors.AsType[*world.Error](e.reason)
		if !ok || !errors.Is(e.reason, syscall.EADDRINUSE) || reason.Addr != taken.Addr().String() {
			l.Errorf("the reason is %#v", e.reason)
		}
		// Somebody else can try again.
		taken.Close()
		second := l.user("second")
		if bound := second.listen(at); bound.String() != taken.Addr().String() {
			l.Errorf("bound to %v", bound)
		}
	})
}

func TestDR31BadBindAddress(t *testing.T) {
	onSystem(t, tcp.Config{}, func(l *lab) {
		for _, host := range []string{"192.0.2.1", "no-such-host.invalid"} {
			u := l.user(host)
			u.listen(tcp.Listener(host, 0))
			if e := u.next("not listening"); e.reason == nil || !strings.Contains(e.reason.Error(), host) {
				l.Errorf("the reason is %v", e.reason)
			}
		}
	})
}

func TestBD03LastObserverClosesTheListener(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		a, b := l.user("a"), l.user("b")
		bound := a.listen(loopback)
		b.do(b.observe(loopback))
		c := l.dial(bound)
		a.next("presence")
		them := b.next("presence").data.From
		b.do(b.subscribe(them, loopback), publish(loopback, them))
		b.next("presence")
		a.do(actions.Delete("observe"))
		b.do(actions.Delete("observe"))
		a.until("not listening")
		// What is closed is closed soon after that.
		for {
			late, err := l.network.Dial(context.Background(), "tcp", bound.String())
			if errors.Is(err, syscall.ECONNREFUSED) {
				break
			}
			if err == nil {
				late.Close()
			}
		}
		// What is open stays open.
		c.write("still here")
		b.until("data")
		b.do(data(loopback, them, "so am I"))
		c.read("so am I")
		c.Close()
	})
}

func TestListenerReopensAtOnce(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		u := l.user("server")
		at := u.listen(loopback)
		u.do(actions.Delete("observe"), actions.Delete("listening"))
		fixed, _ := tcp.ParseListener(at.String())
		for range 20 {
			u.do(u.watchListening(fixed), u.observe(fixed))
			u.until("listening")
			u.do(actions.Delete("observe"))
			u.next("not listening")
			u.do(actions.Delete("listening"))
		}
	})
}

func TestIPv6(t *testing.T) {
	if probe, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Skip("there is no ::1 here:", err)
	} else {
		probe.Close()
	}
	everywhere(t, tcp.Config{}, func(l *lab) {
		for _, host := range []string{"::1", ""} {
			at := tcp.Listener(host, 0)
			u := l.user("server " + host)
			bound := u.listen(at)
			c := l.dial(tcp.Remote("::1", bound.Port()))
			e := u.next("presence")
			if e.data.From.Host() != "::1" || e.data.From.String() != c.LocalAddr().String() {
				l.Errorf("heard %v", e)
			}
			c.Close()
			if host == "" {
				// The same socket takes IPv4, whose addresses look as such.
				c := l.dial(tcp.Remote("127.0.0.1", bound.Port()))
				for u.until("presence").data.From.Host() != "127.0.0.1" {
				}
				c.Close()
			}
		}
	})
}

func TestDR11DriverThreeLevelsDeep(t *testing.T) {
	nest := func(p actions.Process) actions.Process {
		return vm.NestedFunc(func(actions.PID) actions.Process { return p })
	}
	test := func(l *lab) {
		u := l.user("server")
		u.do(u.watchListening(loopback), echoes(loopback))
		c := l.dial(u.next("listening").listening.Bound)
		c.write("down there")
		c.read("down there")
		c.closeWrite()
		c.end()
		c.Close()
	}
	t.Run("system", func(t *testing.T) {
		newLab(t, tcp.Config{Network: world.SystemNetwork()}, false, nest, nest, nest).run(test)
	})
}

// Users in nested machines reach the driver with AtMeta.
func TestDR11UsersThreeLevelsDeep(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		u := l.user("server")
		u.do(u.watchListening(loopback))
		meta := func(as ...actions.Action) actions.Action {
			return actions.AtMeta(actions.AtMeta(actions.AtMeta(as...)))
		}
		inner := endpoint.ObservePublishers(tcp.Arriving(loopback), endpoint.OnPresence(func(c tcp.Data) actions.Action {
			return actions.Spawn(actions.Stateless(meta(
				endpoint.Publisher(tcp.Flow(c.To, c.From)),
				endpoint.Subscriber(tcp.Flow(c.From, c.To),
					endpoint.OnMessage(func(d tcp.Data) actions.Action {
						return meta(actions.Send(tcp.Data{From: d.To, To: d.From, Bytes: d.Bytes, EOF: d.EOF}))
					}),
					endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return actions.Quit() }),
				),
			)))
		}))
		u.do(actions.Spawn(vm.Nested(actions.Spawn(vm.Nested(actions.Spawn(vm.Nested(meta(inner))))))))
		c := l.dial(u.next("listening").listening.Bound)
		c.write("up here")
		c.read("up here")
		c.closeWrite()
		c.end()
		c.Close()
	})
}

func TestFloodOfConnections(t *testing.T) {
	everywhere(t, tcp.Config{}, func(l *lab) {
		u := l.user("server")
		u.do(u.watchListening(loopback), echoes(loopback))
		bound := u.next("listening").listening.Bound
		const floods, each = 8, 40
		done := make(chan error, floods)
		for f := range floods {
			go func() {
				for i := range each {
					c, err := l.network.Dial(context.Background(), "tcp", bound.String())
					if err != nil {
						done <- err
						return
					}
					switch (f + i) % 4 {
					case 0: // closes at once
					case 1: // resets
						io.WriteString(c, "hello")
						c.(interface{ SetLinger(int) error }).SetLinger(0)
					case 2: // does not wait for an answer
						io.WriteString(c, "hello")
					default:
						c.SetDeadline(time.Now().Add(patience))
						io.WriteString(c, "hello")
						c.(interface{ CloseWrite() error }).CloseWrite()
						if b, err := io.ReadAll(c); err != nil || string(b) != "hello" {
							done <- errors.Join(err, errors.New("read "+string(b)))
							return
						}
					}
					c.Close()
				}
				done <- nil
			}()
		}
		for range floods {
			if err := <-done; err != nil {
				l.Error(err)
			}
		}
		c := l.dial(bound)
		c.write("still alive")
		c.read("still alive")
		c.Close()
	})
}

func TestDR33MaxConnectionsWait(t *testing.T) {
	everywhere(t, tcp.Config{MaxConnections: 2}, func(l *lab) {
		u := l.user("server")
		bound := u.listen(loopback)
		first, second, third := l.dial(bound), l.dial(bound), l.dial(bound)
		defer second.Close()
		defer third.Close()
		them := u.next("presence").data.From
		u.next("presence")
		u.silence()
		u.do(u.subscribe(them, loopback))
		u.next("presence") // of the flow
		first.Close()
		u.end2(them)
		if e := u.next("presence"); e.data.From.String() != third.LocalAddr().String() {
			l.Errorf("heard %v; want the third", e)
		}
	})
}

// end2 is end for a user that also observes, and so hears of absence twice.
func (u *user) end2(them tcp.Addr) {
	u.l.Helper()
	if e := u.next("data"); !e.data.EOF {
		u.l.Fatalf("%s heard %v", u.name, e)
	}
	for range 2 {
		if e := u.next("absence"); e.data.From != them {
			u.l.Fatalf("%s heard %v", u.name, e)
		}
	}
}
