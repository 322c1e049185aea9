package distributed

import (
	"cmp"
	"fmt"
	"time"

	"github.com/go-marketplace/marketplace/distributed/internal/session"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/world"
)

// A Config says how a machine takes part. The zero values of all fields but Network stand
// for their defaults. Drivers and places that are made of equal Configs are equal.
type Config struct {
	// Network is how nodes reach each other. It is needed.
	Network Network

	// Clock measures the times below. The default is [world.SystemClock].
	Clock world.Clock

	// Heartbeat is how often this machine wants to hear something from the other side of a
	// link, from 1 ms to 24 h. The default is 200 ms; over long distances, 1 s is better.
	Heartbeat time.Duration

	// Lease is how long the other side of a link may be silent before this machine gives
	// the link up: at least two heartbeats. The default is five.
	Lease time.Duration

	// Window is how many bytes the other side of a link may send before the machine has
	// taken some of them: 524,228 to 1 GiB. The default is 1 MiB.
	Window int

	// Admission says what others may do at a place: see [Admit]. The default allows
	// everything that authenticated nodes do.
	Admission Admission
}

// The defaults.
const (
	defaultHeartbeat = 200 * time.Millisecond
	defaultLease     = 5 // heartbeats
	defaultWindow    = 1 << 20
)

// settled returns c with its defaults. It panics if c is no Config to work with.
func (c Config) settled(method string) Config {
	c.Clock = cmp.Or(c.Clock, world.SystemClock())
	c.Heartbeat = cmp.Or(c.Heartbeat, defaultHeartbeat)
	c.Lease = cmp.Or(c.Lease, defaultLease*c.Heartbeat)
	c.Window = cmp.Or(c.Window, defaultWindow)
	if err := c.check(); err != nil {
		panic(fmt.Sprintf("distributed: Config.%s: %v", method, err))
	}
	return c
}

func (c Config) check() error {
	switch {
	case c.Network == nil:
		return fmt.Errorf("there is no Network: use TLS, or Memory for a test")
	case c.Heartbeat < time.Millisecond || c.Heartbeat > 24*time.Hour:
		return fmt.Errorf("the Heartbeat is %v; it is from 1ms to 24h", c.Heartbeat)
	case c.Lease < 2*c.Heartbeat:
		return fmt.Errorf("the Lease is %v; it is at least two heartbeats, %v", c.Lease, 2*c.Heartbeat)
	case c.Window < wire.MinWindow || c.Window > 1<<30:
		return fmt.Errorf("the Window is %d bytes; it is from %d to %d", c.Window, wire.MinWindow, 1<<30)
	case c.Admission != "" && admissionOf(c.Admission) == nil:
		return fmt.Errorf("no Admission is registered as %q: see RegisterAdmission", c.Admission)
	}
	return nil
}

// name returns a text that distinguishes c from other Configs, for names of devices.
func (c Config) name() string {
	return fmt.Sprintf("%q, %q, %v, %v, %d", c.Network.NetworkName(), c.Clock.ClockName(), c.Heartbeat, c.Lease, c.Window)
}

// A copyingLink is a [Link] whose method Send keeps no frame.
type copyingLink interface{ copiesFrames() }

// session returns the configuration of a session on a link.
func (c Config) session(l Link) session.Config {
	_, copies := l.(copyingLink)
	return session.Config{Heartbeat: c.Heartbeat, Lease: c.Lease, Window: uint64(c.Window), Reuse: copies}
}
