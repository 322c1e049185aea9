package udp_test

import (
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/udp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// Issue 9.8: a port that cannot be opened is a warning, unless a process hears
// the reason.
func TestRefusalIsHeard(t *testing.T) {
	at := udp.Listener("127.0.0.1", 700)
	for name, tt := range map[string]struct {
		boot actions.Action
		want bool
	}{
		"nobody": {endpoint.Subscriber(udp.Arriving(at), endpoint.OnMessage(func(udp.Packet) actions.Action { return nil })), true},
		"the reader": {endpoint.Subscriber(udp.Arriving(at),
			endpoint.OnAbsence(func(udp.Packet, error) actions.Action { return nil })), false},
		"an observer of the socket": {actions.Group(endpoint.Subscriber(udp.Arriving(at)), endpoint.Subscriber(udp.ListeningAt(at),
			endpoint.OnAbsence(func(udp.Listening, error) actions.Action { return nil }))), false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := simnet.New("test")
				if _, err := network.ListenPacket(t.Context(), "udp", "127.0.0.1:700"); err != nil {
					t.Fatal(err)
				}
				var log strings.Builder
				ground := &ground.Ground{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))}
				if err := ground.Run(t.Context(), udp.DriverOn(network), actions.Spawn(actions.Stateless(tt.boot))); err != nil {
					t.Error(err)
				}
				got := log.String()
				if strings.Contains(got, `name="udp listener(127.0.0.1:700)"`) != tt.want || strings.Contains(got, "already in use") != tt.want ||
					strings.Count(got, "level=") > 1 {
					t.Errorf("got\n%s", got)
				}
			})
		})
	}
}
