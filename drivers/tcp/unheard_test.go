package tcp_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// Issue 9.8: a failed listener and a failed connection are warnings, unless a process
// hears the reason.
func TestRefusalsAreHeard(t *testing.T) {
	remote, local := tcp.Remote("127.0.0.1", 701), tcp.Handle("here")
	taken := func(t *testing.T, network *simnet.Network) {
		if _, err := network.Listen(t.Context(), "tcp", "127.0.0.1:700"); err != nil {
			t.Error(err)
		}
	}
	at := tcp.Listener("127.0.0.1", 700)
	for name, tt := range map[string]struct {
		boot actions.Action
		want []string // nothing if it is heard
	}{
		"port": {arrivals(at), []string{"127.0.0.1:700", "path=2 name=\"tcp driver\"", "address already in use"}},
		"port, presence only": {actions.Group(arrivals(at), endpoint.Subscriber(tcp.ListeningAt(at),
			endpoint.OnPresence(func(tcp.Listening) actions.Action { return nil }))), []string{"127.0.0.1:700"}},
		"port, heard": {actions.Group(arrivals(at), endpoint.Subscriber(tcp.ListeningAt(at),
			endpoint.OnAbsence(func(tcp.Listening, error) actions.Action { return nil }))), nil},
		"dial": {endpoint.Subscriber(tcp.Flow(remote, local)), []string{`name="tcp handle(\"here\") to 127.0.0.1:701"`, "connection refused"}},
		"dial, heard by who reads": {endpoint.Subscriber(tcp.Flow(remote, local),
			endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return nil })), nil},
		"dial, heard by who writes": {endpoint.Publisher(tcp.Flow(local, remote),
			endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return nil })), nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := simnet.New("test")
				taken(t, network)
				got := strings.Join(warnings(t, nil, tcp.DriverOn(network), actions.Spawn(actions.Stateless(tt.boot))), "\n")
				if (got == "") != (tt.want == nil) || strings.Count(got, "level=WARN") > 1 {
					t.Errorf("got\n%s", got)
				}
				for _, w := range tt.want {
					if !strings.Contains(got, w) {
						t.Errorf("there is no %q in\n%s", w, got)
					}
				}
			})
		})
	}
}
