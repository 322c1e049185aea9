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

// A Worker tells the function that boots a machine what it is for.
type Worker struct {
	N     int    // how many workers there are
	ID    int    // which of them it is, from 0 to N-1
	Host  string // where connections arrive; empty for all interfaces
	Port  uint16 // the port, as it is in fact
	Start uint64 // which of the machines of this worker it is, from 1

	m *machine
}

// Listener returns the address at which the connections of the worker arrive:
// its machine listens as soon as a process observes them there. The port is the
// one at which the socket listens in fact. If there is a Config.TLS, the address
// is one with TLS.
func (w Worker) Listener() tcp.Addr { return w.m.worker.at }

// Network returns the network of the worker. To listen is possible at its own
// address only, and gets the connections that are dealt to it. Connections are
// made as on Config.Network.
//
// A machine listens once. When it has ceased to, another machine of the same
// worker takes its place.
func (w Worker) Network() world.Network { return network{w.m} }

// TCP returns the settings of the worker's driver, for programs that want to
// change some before they call [tcp.Config.Driver]. What is set there is for this
// worker alone. The Backlog and NoReuse of a [tcp.Config] have no effect, because
// the socket is the Listener's.
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

// Driver returns the TCP driver for the worker's machine. It works on
// [Worker.Network].
func (w Worker) Driver() actions.SpawnProcess { return w.TCP().Driver() }

// Done is closed when the machine is told to stop, or has ended. It is for
// goroutines outside the machine; processes hear of the end of their devices.
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
			Err:  fmt.Sprintf("worker %d gets its connections from %s and nowhere else: observe what arrives at Worker.Listener", w.id, w.bare.HostPort()),
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
