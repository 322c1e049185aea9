package udp_test

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/drivertest"
	"github.com/go-marketplace/marketplace/drivers/udp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// tallied is a network that keeps a tally of what the driver has open on it.
type tallied struct {
	*simnet.Network
	drivertest.Tally
}

func newTallied() *tallied { return &tallied{Network: simnet.New("test")} }

func (n *tallied) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	c, err := n.Network.ListenPacket(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &talliedConn{c.(*simnet.PacketConn), n.Opened("socket " + address)}, nil
}

type talliedConn struct {
	*simnet.PacketConn
	closed func()
}

func (c *talliedConn) Close() error { c.closed(); return c.PacketConn.Close() }

const theirPort = 7000

func ourPort(i int) uint16 { return uint16(6000 + i) }

func ourAddr(i int) udp.Addr { return udp.Listener("127.0.0.1", ourPort(i)) }

// outside opens a socket that is not the driver's.
func outside(t testing.TB, n *tallied, port uint16) net.PacketConn {
	t.Helper()
	c, err := n.Network.ListenPacket(context.Background(), "udp", fmt.Sprint("127.0.0.1:", port))
	if err != nil {
		t.Fatalf("outside, there is no socket: %v", err)
	}
	return c
}

// serving returns a driver for sockets at two ports.
func serving(t testing.TB, n *tallied, demand func(i int) actions.Action) drivertest.Driver {
	return drivertest.Driver{
		Boot:   udp.DriverOn(n),
		Types:  udp.Config{Network: n}.Types(),
		Things: 2,
		Demand: demand,
		Ready:  func(i int) actions.Action { return endpoint.ObservePublishers(udp.ListeningAt(ourAddr(i))) },
		Fail: func(i int) (func(), error) {
			taken := outside(t, n, ourPort(i))
			return func() { taken.Close() }, syscall.EADDRINUSE
		},
		Open: n.Open,
	}
}

// The driver keeps the promises of drivers to those who want what arrives at a
// port.
func TestDrivertestReceiving(t *testing.T) {
	drivertest.Test(t, func(t testing.TB) drivertest.Driver {
		network := newTallied()
		peer := outside(t, network, theirPort)
		d := serving(t, network, func(i int) actions.Action { return endpoint.Subscriber(udp.Arriving(ourAddr(i))) })
		d.Happen = func(i, n int) []any {
			body := fmt.Appendf(nil, "packet number %d", n)
			to := net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), ourPort(i)))
			_, _ = peer.WriteTo(body, to) // a packet to a closed socket is lost
			return []any{udp.Packet{Source: udp.Remote("127.0.0.1", theirPort), Destination: ourAddr(i), Body: body}}
		}
		d.Close = func() { peer.Close() }
		return d
	})
}

// The driver keeps them to those who send from a port, too.
func TestDrivertestSending(t *testing.T) {
	drivertest.Test(t, func(t testing.TB) drivertest.Driver {
		return serving(t, newTallied(), func(i int) actions.Action {
			return endpoint.Publisher(udp.Flow(ourAddr(i), udp.Remote("127.0.0.1", theirPort)))
		})
	})
}
