package tcp_test

import (
	"context"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/eventrelay"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// DR-11: a server works at every depth, with relays in the machines around it and
// without; data through the relays arrives beside it.
func TestDR11WithRelaysAndWithout(t *testing.T) {
	for depth := range 4 {
		for _, relays := range []bool{false, true} {
			t.Run(fmt.Sprintf("depth=%d,relays=%v", depth, relays), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { testBesideRelays(t, depth, relays) })
			})
		}
	}
}

func testBesideRelays(t *testing.T, depth int, relays bool) {
	network := simnet.New("test")
	at := tcp.Listener("127.0.0.1", 5999)
	alarm := world.Alarm{Clock: world.SystemClock(), After: time.Hour, Label: "tea"}
	rang := 0
	boot := actions.Group(
		tcp.DriverOn(network),
		endpoint.ObservePublishers(tcp.Arriving(at), endpoint.OnPresence(func(c tcp.Data) actions.Action {
			us, them := c.To, c.From
			return actions.Spawn(actions.Stateless(
				endpoint.Publisher(tcp.Flow(us, them)),
				endpoint.Subscriber(tcp.Flow(them, us),
					endpoint.OnMessage(func(d tcp.Data) actions.Action {
						return actions.Send(tcp.Data{From: us, To: them, Bytes: d.Bytes, EOF: d.EOF})
					}),
					endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return actions.Quit() }),
				)))
		})),
		endpoint.Subscriber(eventrelay.From(alarm), endpoint.OnMessage(func(e eventrelay.Event) actions.Action {
			if _, ok := e.Value.(world.AlarmRang); ok {
				rang++
			}
			return nil
		})),
	)
	for i := range depth {
		var relay actions.Action
		if relays {
			relay = eventrelay.Relay(fmt.Sprint(i))
		}
		boot = actions.Spawn(vm.Nested(relay, boot))
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- ground.Run(ctx, eventrelay.Driver(), boot) }()
	synctest.Wait()
	c, err := network.Dial(ctx, "tcp", "127.0.0.1:5999")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Fatal(err)
	}
	if err := c.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); err != nil || string(got) != "hello" {
		t.Errorf("%q came back, %v", got, err)
	}
	c.Close()
	<-time.After(2 * time.Hour)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	want := 0
	if depth == 0 || relays {
		want = 1
	}
	if rang != want {
		t.Errorf("the alarm has rung %d times, want %d", rang, want)
	}
}
