package marketplace

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/drivers/udp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/supervise"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
	"github.com/go-marketplace/marketplace/world/simnet"
)

var errKilled = errors.New("killed by the test")

func init() { world.RegisterErrorKind("marketplace_test.errKilled", errKilled) }

// killing spawns a process that kills a driver when a timer says so, and once more at
// each of its starts up to a number of kills.
func killing(driver string, after time.Duration, times int) actions.Action {
	type killer struct {
		pid   actions.PID
		kills int
		armed bool
	}
	kill := func(k killer) actions.Transition[killer] {
		if !k.armed || k.kills == times || k.pid == 0 {
			return actions.Next(k)
		}
		k.kills++
		pid := k.pid
		k.pid = 0
		return actions.Next(k, actions.Kill(pid, errKilled))
	}
	return actions.Spawn(actions.Next(killer{},
		endpoint.ObservePublishers(topic.Where(supervise.ChildName.Is(driver)), endpoint.OnPresenceState(func(k killer, r supervise.Running) actions.Transition[killer] {
			k.pid = r.PID
			return kill(k)
		})),
		endpoint.Subscriber(timer.Expiring("kill"), endpoint.OnMessageState(func(k killer, _ timer.Expired) actions.Transition[killer] {
			k.armed = true
			return kill(k)
		})),
		timer.After("kill", after),
	))
}

// TestKillOfTCP: the driver is started again, listeners are back, and the connections
// that there were have ended with a reason.
func TestKillOfTCP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New("net")
		at := tcp.Listener("127.0.0.1", 80)
		var reasons []error
		p := Program{
			TCP: tcp.Config{Network: n}, Console: console.Config{Out: io.Discard},
			Start: func() actions.Action {
				return actions.Group(killing("tcp", time.Minute, 1), actions.Spawn(actions.Stateless(
					endpoint.ObservePublishers(tcp.Arriving(at), endpoint.OnPresence(func(d tcp.Data) actions.Action {
						return actions.Spawn(actions.Stateless(
							endpoint.Publisher(tcp.Flow(d.To, d.From)),
							endpoint.Subscriber(tcp.Flow(d.From, d.To),
								endpoint.OnMessage(func(d tcp.Data) actions.Action { return d.Connection().SendString("echo") }),
								endpoint.OnAbsence(func(_ tcp.Data, reason error) actions.Action {
									reasons = append(reasons, reason)
									return actions.Quit()
								}),
							),
						))
					})),
				)))
			},
		}
		ctx, stop := context.WithCancel(t.Context())
		over := make(chan string)
		go func() {
			status, stderr := run(ctx, p)
			over <- fmt.Sprint(status, stderr)
		}()
		synctest.Wait()
		talk := func() net.Conn {
			c, err := n.Dial(t.Context(), "tcp", "127.0.0.1:80")
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintln(c, "hello")
			if b := make([]byte, 4); true {
				if _, err := io.ReadFull(bufio.NewReader(c), b); err != nil || string(b) != "echo" {
					t.Errorf("%q, %v", b, err)
				}
			}
			return c
		}
		old := talk()
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		if len(reasons) != 1 || !errors.Is(reasons[0], tcp.ErrDriver) || !strings.Contains(reasons[0].Error(), "killed by the test") {
			t.Errorf("the connection has ended for %v", reasons)
		}
		if _, err := old.Read(make([]byte, 1)); err == nil {
			t.Error("the connection is open for its peer")
		}
		talk().Close()
		stop()
		if s := <-over; s != "0" {
			t.Errorf("the program has ended: %s", s)
		}
		old.Close()
	})
}

// TestKillOfUDP: the driver is started again, and serves the same socket.
func TestKillOfUDP(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New("net")
		n.AddHost("here", "192.0.2.1")
		at := udp.Listener("127.0.0.1", 53)
		got := 0
		p := Program{
			UDP: udp.Config{Network: n}, Console: console.Config{Out: io.Discard},
			Start: func() actions.Action {
				return actions.Group(killing("udp", time.Minute, 1), actions.Spawn(actions.Stateless(
					endpoint.Subscriber(topic.Where(udp.Destination.Is(at)), endpoint.OnMessage(func(udp.Packet) actions.Action { got++; return nil })))))
			},
		}
		ctx, stop := context.WithCancel(t.Context())
		over := make(chan int)
		go func() {
			status, _ := run(ctx, p)
			over <- status
		}()
		c, err := n.ListenPacket(t.Context(), "udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			synctest.Wait()
			c.WriteTo([]byte("x"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 53})
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			if got != i+1 {
				t.Errorf("%d packets have come", got)
			}
		}
		stop()
		if status := <-over; status != 0 {
			t.Errorf("status %d", status)
		}
		c.Close()
	})
}

// TestKillOfTimerAndConsole: the drivers are started again; who asks for a timer when
// the driver is back gets it, and what is printed appears.
func TestKillOfTimerAndConsole(t *testing.T) {
	for _, driver := range []string{"timer", "console"} {
		synctest.Test(t, func(t *testing.T) {
			var out strings.Builder
			asks := endpoint.Subscriber(timer.Expiring("ask"),
				endpoint.OnPresence(func(timer.Expired) actions.Action { return timer.After("ask", time.Hour) }),
				endpoint.OnMessage(func(timer.Expired) actions.Action {
					return actions.Group(console.Printf("an hour"), actions.Delete("ask"))
				})).As("ask")
			p := Program{Console: console.Config{Out: &out}, Start: func() actions.Action {
				return actions.Group(killing(driver, time.Minute, 1), actions.Spawn(actions.Stateless(asks)))
			}}
			begin := time.Now()
			if status, stderr := run(t.Context(), p); status != 0 || out.String() != "an hour\n" {
				t.Errorf("%s: status %d; it says %q and %q", driver, status, &out, stderr)
			}
			want := time.Hour
			if driver == "timer" {
				want += time.Minute
			}
			if d := time.Since(begin); d != want {
				t.Errorf("%s: it has taken %v", driver, d)
			}
		})
	}
}

// TestDriversGiveUp: a driver that is killed again and again ends the program with the
// reasons.
func TestDriversGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Program{Console: console.Config{Out: io.Discard}, Stay: true, Start: func() actions.Action { return killing("udp", time.Minute, 99) }}
		status, stderr := run(t.Context(), p)
		if status != 1 || !strings.Contains(stderr, "supervise: marketplace.drivers gives up after 4 ends of children in 5s: udp: killed by the test; udp: ") {
			t.Errorf("status %d: %s", status, stderr)
		}
	})
}
