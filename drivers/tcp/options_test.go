package tcp

import (
	"net/netip"
	"testing"

	"github.com/go-marketplace/marketplace/world"
)

// DR-27: without options, devices have the same names as before there were options,
// so that earlier journals go on.
func TestDR27NamesWithoutOptions(t *testing.T) {
	plain, set := Config{}.settings(), Config{Backlog: 7, NoReuse: true, AcceptRate: 10, DialFrom: netip.MustParseAddr("127.0.0.2")}.settings()
	conn := world.Ref{Device: "x", Generation: 2, Number: 3}
	for _, test := range []struct {
		device world.Device
		want   string
	}{
		{newDriver(plain).device(serverAt), `tcp.listener("system", "system", listener(:80))`},
		{newInbound(plain, carried{peer, serverAt}, conn).socket, `tcp.acceptedConn(#2.3 of x)`},
		{newOutbound(plain, carried{far, us}).socket, `tcp.dialedConn("system", handle("us"), far.test:7)`},
		{newDriver(set).device(serverAt), `tcp.listener("system", "system", backlog 7, no reuse true, every 100ms, slack 900ms, listener(:80))`},
		{newInbound(set, carried{peer, serverAt}, conn).socket, `tcp.acceptedConn(#2.3 of x)`},
		{newOutbound(set, carried{far, us}).socket, `tcp.dialedConn("system", from "127.0.0.2", handle("us"), far.test:7)`},
	} {
		if got := test.device.DeviceName(); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}
