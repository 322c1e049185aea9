package sharded

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/world"
)

// A Worker describes a worker to the function that boots its machine.
type Worker struct {
	N     int    // the number of workers
	ID    int    // the number of this one, from 0 to N-1
	Host  string // where connections arrive; empty for all interfaces
	Port  uint16 // the actual port
	Start uint64 // the number of this machine of the worker, from 1

	m *machine
}

// Listener returns the address at which the connections of the worker arrive. The
// machine listens as soon as a process observes what arrives there. The port is the
// actual one. If there is a Config.TLS, the address is one with TLS.
func (w Worker) Listener() tcp.Addr { return w.m.worker.at }

// Network returns the network of the worker. A machine can listen only at the address
// of its worker, where it gets the connections of the worker, and it can listen only
// once. When it has stopped listening, another machine of the worker takes its place.
// Dial connects on Config.Network.
func (w Worker) Network() world.Network { return network{w.m} }

// TCP returns the settings of the driver of the worker, for programs that change some
// before they call [tcp.Config.Driver]. Limits there hold for this worker alone. The
// Backlog and NoReuse of a [tcp.Config] have no effect, because the socket belongs to
// the Listener.
func (w Worker) TCP() tcp.Config {
	l := w.m.worker.listener
	c := tcp.Config{Network: w.Network(), Clock: l.config.Clock}
	if l.config.TLS != nil {
		c.TLS = map[string]*tls.Config{tlsName: l.config.TLS}
	}
	return c
}

// tlsName is the name of Config.TLS in the addresses of workers.
const tlsName = "sharded"

// Driver returns the TCP driver for the machine of the worker. It uses
// [Worker.Network].
func (w Worker) Driver() actions.SpawnProcess { return w.TCP().Driver() }

// Done returns a channel that is closed when the machine is told to stop, or has ended.
// It is for goroutines outside the machine; processes hear of the end of their devices.
func (w Worker) Done() <-chan struct{} { return w.m.ctx.Done() }

// network is the network of a machine.
type network struct{ m *machine }

// NetworkName implements [world.Network].
func (n network) NetworkName() string {
	w := n.m.worker
	return fmt.Sprintf("worker %d of %d at %v on %s", w.id, len(w.listener.workers), w.bare, strconv.Quote(w.listener.config.Network.NetworkName()))
}

// Listen implements [world.Network].
func (n network) Listen(_ context.Context, network, address string) (net.Listener, error) {
	w := n.m.worker
	at, err := tcp.ParseListener(address)
	if err != nil || at != w.bare {
		err := &net.OpError{Op: "listen", Net: network, Err: &net.AddrError{
			Err:  fmt.Sprintf("worker %d can listen only at %s: observe what arrives at Worker.Listener", w.id, w.bare.HostPort()),
			Addr: address,
		}}
		n.m.hear(err)
		return nil, err
	}
	return n.m.listen(network)
}

// Dial implements [world.Network].
func (n network) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return n.m.worker.listener.config.Network.Dial(ctx, network, address)
}
