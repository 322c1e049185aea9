package sharded

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"reflect"
	"runtime"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/internal/applog"
	"github.com/go-marketplace/marketplace/world"
)

// A Config says how a [Listener] works. The zero Config is ready to use; a zero
// field stands for its default.
type Config struct {
	// Workers is how many machines share the connections. Default: the number of
	// processors that the program may use, [runtime.GOMAXPROCS].
	Workers int

	// BootLimit is how long a worker may take from the start of its machine until
	// the machine listens. Default: 60 s.
	BootLimit time.Duration

	// DrainLimit is how long a Listener that stops may take to hand accepted
	// connections over and to end the machines. Default: 30 s.
	DrainLimit time.Duration

	// Backlog is how many accepted connections may wait for each worker.
	// Default: 4096.
	Backlog int

	// NoReuse makes the system refuse the address while connections of an earlier
	// listener linger there. By default the address can be used again at once, on
	// systems where SO_REUSEADDR has that meaning; on other systems NoReuse has no
	// effect. It is for the network of the operating system only.
	NoReuse bool

	// Network is where to listen, and what the drivers of the workers connect
	// through. Default: the network of the operating system.
	Network world.Network

	// Listener, if not nil, is where connections come from, in place of a socket
	// on Network. Listen takes it over, and closes it in the end, even if Listen
	// fails.
	Listener net.Listener

	// TLS, if not nil, has the TLS settings for incoming connections. The workers
	// make the handshakes, which delay no other connection.
	TLS *tls.Config

	// Policy says which worker gets the next connection. Default: strictly in
	// turn, beginning with worker 0.
	Policy Policy

	// OnDeath says what happens when a worker dies. Default: [Restart].
	OnDeath OnDeath

	// Ground, if not nil, returns the ground for the next machine, with its
	// logger, its limits and its Watch function, which serves one machine only.
	// The Listener sets the Incarnation, to Worker.Start. Default: the zero
	// Ground.
	Ground func(Worker) ground.Ground

	// Clock measures BootLimit and DrainLimit, and the pauses before a retry. The
	// drivers of the workers use it, too. Default: the clock of the system.
	Clock world.Clock

	// Logger gets what happens to workers and to connections that nobody serves.
	// It gets failures to accept a connection once a minute, with a count.
	// Default: as for [ground.Ground.Logger], standard error, from the level in
	// the environment variable MARKETPLACE_LOG on, or warn.
	Logger *slog.Logger

	refusals *applog.Counter // for what the outside can repeat
	flush    func()          // logs what the default Logger has counted
}

// OnDeath says what happens when a worker dies after it has booted.
type OnDeath uint8

const (
	// Restart starts another machine in its place, at once. If that one dies
	// soon, or does not boot, Restart starts the next after a pause of 5 ms at
	// first, and then twice as long each time, up to 1 s. The other workers are
	// not affected.
	Restart OnDeath = iota

	// Stop ends the Listener.
	Stop
)

// String returns the name of the constant, in lower case.
func (d OnDeath) String() string {
	switch d {
	case Restart:
		return "restart"
	case Stop:
		return "stop"
	}
	return fmt.Sprintf("OnDeath(%d)", uint8(d))
}

// Listen listens with the zero [Config]: see [Config.Listen].
func Listen(ctx context.Context, address string, boot func(Worker) actions.Process) (*Listener, error) {
	return Config{}.Listen(ctx, address, boot)
}

// The defaults of a Config.
const (
	defaultBootLimit  = 60 * time.Second
	defaultDrainLimit = 30 * time.Second
	defaultBacklog    = 4096
)

// withDefaults returns c with its defaults.
func (c Config) withDefaults() (Config, error) {
	for _, f := range []struct {
		name  string
		value any
		bad   bool
	}{
		{"Workers", c.Workers, c.Workers < 0},
		{"BootLimit", c.BootLimit, c.BootLimit < 0},
		{"DrainLimit", c.DrainLimit, c.DrainLimit < 0},
		{"Backlog", c.Backlog, c.Backlog < 0},
	} {
		if f.bad {
			return c, fmt.Errorf("sharded: Config.%s is %v: it must not be negative; leave it zero for the default", f.name, f.value)
		}
	}
	switch {
	case c.OnDeath > Stop:
		return c, fmt.Errorf("sharded: Config.OnDeath is %v: it must be Restart or Stop", c.OnDeath)
	case c.NoReuse && c.Listener != nil:
		return c, errors.New("sharded: Config.NoReuse is set, and Config.Listener too, which listens already; set the option where that is made")
	case c.NoReuse && c.Network != nil && c.Network != world.SystemNetwork():
		return c, fmt.Errorf("sharded: Config.NoReuse is set, and Config.Network is %q: it is for the network of the operating system only", c.Network.NetworkName())
	case c.Clock != nil && !reflect.ValueOf(c.Clock).Comparable():
		return c, fmt.Errorf("sharded: Config.Clock is a %T, which cannot be compared: use a pointer to one", c.Clock)
	}
	if c.Network == nil {
		c.Network = world.SystemNetwork()
	}
	if c.Clock == nil {
		c.Clock = world.SystemClock()
	}
	c.flush = func() {}
	if c.Logger == nil {
		l, _, flush, err := applog.FromEnvironment()
		if err != nil {
			return c, fmt.Errorf("sharded: %w", err)
		}
		if l == nil {
			l = slog.New(slog.DiscardHandler)
		}
		c.Logger, c.flush = l, flush
	}
	c.refusals = applog.Counting(c.Logger.Handler(), 1)
	if c.Ground == nil {
		c.Ground = func(Worker) ground.Ground { return ground.Ground{} }
	}
	setDefault(&c.Workers, runtime.GOMAXPROCS(0))
	setDefault(&c.BootLimit, defaultBootLimit)
	setDefault(&c.DrainLimit, defaultDrainLimit)
	setDefault(&c.Backlog, defaultBacklog)
	return c, nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
