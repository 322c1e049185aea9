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
	// Workers is how many machines share the connections. Default: the number
	// of processors that the program may use, [runtime.GOMAXPROCS].
	Workers int

	// BootLimit is how long a worker may take from the start of its machine
	// until that listens. Default: 60 s.
	BootLimit time.Duration

	// DrainLimit is how long a Listener that stops waits for what has been
	// accepted to be handed over, and for the machines to end. Default: 30 s.
	DrainLimit time.Duration

	// Backlog is how many connections may wait for each worker, after they
	// have been accepted. Default: 4096.
	Backlog int

	// NoReuse has the address be refused as long as connections of an earlier
	// listener linger there. By default it can be used again at once, on
	// systems where SO_REUSEADDR has that meaning; on the others NoReuse says
	// nothing new. It is for the network of the operating system only.
	NoReuse bool

	// Network is where to listen, and what the workers' drivers connect
	// through. Default: the network of the operating system.
	Network world.Network

	// Listener, if not nil, is where connections come from, in place of a
	// socket on Network. It belongs to Listen from the call on: it is closed
	// in the end, even if Listen fails.
	Listener net.Listener

	// TLS, if not nil, has the workers' drivers speak TLS with those who
	// connect. The handshakes are made by the workers, and hold up nobody.
	TLS *tls.Config

	// Policy says which worker gets the next connection. Default: they get
	// them strictly in turn, beginning with worker 0.
	Policy Policy

	// OnDeath says what happens when a worker dies. Default: [Restart].
	OnDeath OnDeath

	// Ground, if not nil, returns the ground for a machine that is about to be
	// started: its logger, its limits, and what watches it, which watches one
	// machine only and so cannot be the same for all. The Incarnation is set by
	// the Listener: it is Worker.Start. Default: the zero Ground.
	Ground func(Worker) ground.Ground

	// Clock measures BootLimit and DrainLimit, and the pauses before something
	// is tried again. The workers' drivers use it, too. Default: the clock of
	// the system.
	Clock world.Clock

	// Logger gets what happens to workers and to connections that nobody
	// serves. That connections cannot be accepted is said once a minute, with a
	// count. Default: as for [ground.Ground.Logger], standard error, from the level
	// on that the environment variable MARKETPLACE_LOG says, or warn.
	Logger *slog.Logger

	refusals *applog.Counter // for what the outside can repeat
	flush    func()          // says what the default Logger has counted
}

// OnDeath says what happens when a worker dies after it has booted.
type OnDeath uint8

const (
	// Restart starts another machine in its place, at once; if that one dies
	// soon, or does not boot, the next is started after a pause, of 5 ms at
	// first and then twice as long each time, up to 1 s. The other workers
	// notice nothing.
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
