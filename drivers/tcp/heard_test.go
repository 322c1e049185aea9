package tcp_test

import (
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/world"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// warnings returns what a machine logs at level warn within a minute, while meet, if
// it is not nil, uses the network. It runs in a bubble.
func warnings(t *testing.T, meet func(), boot ...actions.Action) []string {
	t.Helper()
	var log strings.Builder
	ground := &ground.Ground{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))}
	ctx, cancel := context.WithTimeout(t.Context(), 59*time.Second)
	defer cancel()
	if meet != nil {
		go meet()
	}
	if err := ground.Run(ctx, boot...); err != nil {
		t.Error(err)
	}
	return strings.Split(strings.TrimSpace(log.String()), "\n")
}

func arrivals(at tcp.Addr) actions.Action {
	return endpoint.ObservePublishers(tcp.Arriving(at), endpoint.OnPresence(func(tcp.Data) actions.Action { return nil }))
}

// Issue 9.8: the log has a failure to accept once, and then a count.
func TestAcceptFailuresAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newTroubled()
		for range 12 {
			network.trouble <- os.NewSyscallError("accept", syscall.EMFILE)
		}
		got := warnings(t, nil, tcp.Config{Network: network}.Driver(), arrivals(loopback))
		if len(got) != 2 || !strings.Contains(got[0], "accepting a connection failed") || !strings.Contains(got[0], "too many open files") ||
			!strings.HasSuffix(got[1], "repeated=11") || !strings.Contains(got[1], "too many open files") {
			t.Errorf("got\n%s", strings.Join(got, "\n"))
		}
	})
}

// Issue 9.8: the log has a failed handshake once, and then a count.
func TestHandshakeFailuresAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := simnet.New("test")
		at := tcp.Listener("127.0.0.1", 700).TLS("web")
		got := warnings(t, func() {
			synctest.Wait() // it listens
			for range 3 {
				c, err := network.Dial(t.Context(), "tcp", "127.0.0.1:700")
				if err != nil {
					t.Error(err)
					return
				}
				io.WriteString(c, "GET / HTTP/1.1\r\n\r\n")
				io.ReadAll(c)
				c.Close()
			}
		}, secured(tcp.Config{Network: network}).Driver(), arrivals(at))
		if len(got) != 2 || !strings.Contains(got[0], `msg="tcp: a TLS handshake with a client failed" remote=127.0.0.1:`) ||
			!strings.Contains(got[0], "which looks like HTTP") || !strings.HasSuffix(got[1], "repeated=2") {
			t.Errorf("got\n%s", strings.Join(got, "\n"))
		}
	})
}

// A slow network is slow to make connections.
type slow struct{ *simnet.Network }

func (n slow) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	select {
	case <-time.After(5 * time.Second):
		return n.Network.Dial(ctx, network, address)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Issue 9.10: data that is sent before there is a connection is lost, and the
// log says so.
func TestDataBeforeTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := slow{simnet.New("test")}
		far, err := network.Listen(t.Context(), "tcp", "127.0.0.1:700")
		if err != nil {
			t.Fatal(err)
		}
		them := tcp.Remote("127.0.0.1", 700)
		var got []byte
		log := warnings(t, func() {
			c, err := far.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			got, _ = io.ReadAll(c)
			c.Close()
			far.Close()
		}, tcp.Config{Network: network}.Driver(),
			endpoint.Publisher(tcp.Flow(me, them), endpoint.OnPresence(func(tcp.Data) actions.Action {
				return actions.Group(data(me, them, "in time"), eof(me, them))
			})),
			endpoint.Device(world.Alarm{Clock: world.SystemClock(), After: time.Second}, endpoint.OnValue(func(world.AlarmRang) actions.Action {
				return actions.Group(data(me, them, "early"), data(me, them, "early, too"))
			})))
		if string(got) != "in time" {
			t.Errorf("the peer got %q", got)
		}
		if len(log) != 2 || !strings.Contains(log[0], `msg="nobody hears a message"`) || !strings.Contains(log[0], "type=tcp.Data because=") ||
			!strings.Contains(log[0], "takes no messages, or not yet") ||
			!strings.HasSuffix(log[1], `types="tcp.Data (2 in all)"`) {
			t.Errorf("got\n%s", strings.Join(log, "\n"))
		}
	})
}
