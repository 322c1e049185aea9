package proof

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/eventrelay"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/drivers/udp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal/waltest"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// A crash test runs a program in a bubble, where it says things at a desk, and
// crashes it as often as it likes.
type crashTest struct {
	*testing.T
	boot    func() []actions.Action
	disk    *waltest.Disk
	outside *outside
	stop    func()
	over    chan error
}

// crashing begins a test of a program.
func crashing(t *testing.T, boot func() []actions.Action) *crashTest {
	c := &crashTest{T: t, boot: boot, disk: waltest.NewDisk()}
	c.start()
	return c
}

func (c *crashTest) program(o *outside) journal.Program {
	return journal.Booting(append([]actions.Action{clerk(desk{"d", o})}, c.boot()...)...)
}

func (c *crashTest) start() {
	c.Helper()
	j, err := journal.Config{Trace: true, Logger: slog.New(slog.DiscardHandler)}.OpenStore(c.disk)
	if err != nil {
		c.Fatal(err)
	}
	c.outside, c.over = newOutside(), make(chan error, 1)
	ctx, stop := context.WithCancel(c.Context())
	c.stop = stop
	over, program := c.over, c.program(c.outside)
	go func() { g := ground.Ground{Journal: j}; over <- g.RunFunc(ctx, program.Boot) }()
	synctest.Wait()
}

// crash crashes the program, and lets it go on after a while.
func (c *crashTest) crash(after time.Duration) {
	c.Helper()
	disk := c.disk.Crash(waltest.LoseAll)
	c.stop()
	if err := <-c.over; err == nil {
		c.Fatal("it has not crashed")
	}
	c.disk = disk
	time.Sleep(after) // in the bubble
	c.start()
}

// says checks what the program has said since the last call, in any order:
// devices are opened at the same time.
func (c *crashTest) says(want ...string) {
	c.Helper()
	synctest.Wait()
	var got []string
	for len(c.outside.acked) > 0 {
		got = append(got, (<-c.outside.acked).(Ack).Was)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		c.Error(diff)
	}
}

// end stops the program, and replays its journal.
func (c *crashTest) end() {
	c.Helper()
	c.stop()
	if err := <-c.over; err != nil {
		c.Error(err)
	}
	if _, err := relive(c, c.disk, c.program); err != nil {
		c.Error(err)
	}
}

// say says something at the desk.
func say(format string, args ...any) actions.Action {
	return actions.Send(Ack{Was: fmt.Sprintf(format, args...)})
}

// TestSocketsAreOpenedAgain: a udp socket takes and sends packets after a crash.
func TestSocketsAreOpenedAgain(t *testing.T) {
	for _, at := range []udp.Addr{udp.Listener("127.0.0.1", 53), udp.Listener("127.0.0.1", 0), udp.Handle("us")} {
		t.Run(at.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := simnet.New("sim")
				c := crashing(t, func() []actions.Action {
					return []actions.Action{
						udp.Config{Network: network}.Driver(),
						endpoint.ObservePublishers(udp.ListeningAt(at), endpoint.OnPresence(func(l udp.Listening) actions.Action { return say("%d", l.Bound.Port()) })),
						actions.Spawn(actions.Stateless(
							endpoint.Publisher(udp.Leaving(at)),
							endpoint.Subscriber(udp.Arriving(at), endpoint.OnMessage(func(p udp.Packet) actions.Action {
								return actions.Tree{say("%s", p.Body), actions.Send(udp.Packet{Source: at, Destination: p.Source, Body: p.Body})}
							})))),
					}
				})
				peer, err := network.ListenPacket(t.Context(), "udp", "127.0.0.1:9")
				if err != nil {
					t.Fatal(err)
				}
				defer peer.Close()
				port := c.port(at.Port())
				for range 3 {
					if _, err := peer.WriteTo([]byte("ping"), net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port))); err != nil {
						t.Fatal(err)
					}
					c.says("ping")
					b := make([]byte, 10)
					if n, _, err := peer.ReadFrom(b); string(b[:n]) != "ping" {
						t.Errorf("the answer is %q, %v", b[:n], err)
					}
					c.crash(time.Minute)
					if at.Port() == 0 || at.Kind() == udp.Handle("us").Kind() {
						port = c.port(0)
					}
				}
				c.end()
			})
		})
	}
}

// port returns the port that the program has said, or the one that it was to
// have.
func (c *crashTest) port(fixed uint16) (port uint16) {
	c.Helper()
	synctest.Wait()
	for len(c.outside.acked) > 0 {
		if _, err := fmt.Sscan((<-c.outside.acked).(Ack).Was, &port); err != nil {
			c.Fatal(err)
		}
	}
	if port == 0 || fixed != 0 && port != fixed {
		c.Fatalf("the port is %d", port)
	}
	return port
}

// TestTimersThatFellDue: a timer that fell due while the program was down expires
// once; one that did not waits; one that comes again and again does not lose its
// step.
func TestTimersThatFellDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := crashing(t, func() []actions.Action {
			wait := func(label string, set actions.Action) actions.Action {
				return actions.Spawn(actions.Stateless(endpoint.Subscriber(timer.Expiring(label),
					endpoint.OnPresence(func(timer.Expired) actions.Action { return set }),
					endpoint.OnMessage(func(e timer.Expired) actions.Action { return say("%s", label) }))))
			}
			return []actions.Action{timer.Driver(),
				wait("soon", timer.After("soon", time.Minute)),
				wait("late", timer.After("late", time.Hour)),
				wait("often", timer.Every("often", 7*time.Minute)),
			}
		})
		time.Sleep(30 * time.Second) // in the bubble
		c.crash(10 * time.Minute)
		c.says("soon", "often")
		c.crash(time.Second)
		c.says()
		time.Sleep(210 * time.Second) // in the bubble; 14 minutes have passed
		c.says("often")
		c.crash(time.Hour)
		c.says("late", "often")
		c.end()
	})
}

// TestConsoleGoesOn: what is typed after a crash is read, and what is printed is
// seen.
func TestConsoleGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out strings.Builder
		var keys *io.PipeWriter
		c := crashing(t, func() []actions.Action {
			r, w := io.Pipe()
			keys = w
			return []actions.Action{console.Config{In: r, Out: &out}.Driver(),
				endpoint.Subscriber(topic.All[console.Line](), endpoint.OnMessage(func(l console.Line) actions.Action {
					return actions.Tree{console.Printf("you say %s", l.Text), say("%s", l.Text)}
				}))}
		})
		for _, line := range []string{"one", "two", "three"} {
			old := keys
			fmt.Fprintln(old, line)
			c.says(line)
			c.crash(time.Second)
			old.Close()
		}
		if got, want := out.String(), "you say one\nyou say two\nyou say three\n"; got != want {
			t.Errorf("printed %q", got)
		}
		last := keys
		c.end()
		last.Close()
		keys.Close()
	})
}

// TestRelayedDevicesGoOn: a device that is available by subscription is opened
// again, and its values come, inside and outside.
func TestRelayedDevicesGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alarm := world.Alarm{Clock: world.SystemClock(), After: time.Minute, Label: "a"}
		listen := func(where string) actions.Action {
			return endpoint.Subscriber(eventrelay.From(alarm), endpoint.OnMessage(func(e eventrelay.Event) actions.Action {
				return say("%s: %T", where, e.Value)
			}))
		}
		c := crashing(t, func() []actions.Action {
			return []actions.Action{eventrelay.Driver(), listen("outside"), actions.Spawn(vm.Nested(
				eventrelay.Relay("r"),
				endpoint.Subscriber(eventrelay.From(alarm), endpoint.OnMessage(func(e eventrelay.Event) actions.Action {
					return actions.AtMeta(say("inside: %T", e.Value))
				}))))}
		})
		c.says("outside: world.AlarmSet", "inside: world.AlarmSet")
		c.crash(time.Minute)
		c.says("outside: world.AlarmSet", "inside: world.AlarmSet")
		time.Sleep(time.Minute) // in the bubble
		c.says("outside: world.AlarmRang", "inside: world.AlarmRang")
		c.end()
	})
}
