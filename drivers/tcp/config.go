package tcp

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/world"
)

// Reasons for which connections end. They are the Kind of a [*world.Error] that
// names the address; use [errors.Is].
var (
	// ErrSlowConsumer says that the peer did not take what was sent fast
	// enough, so that too much was waiting. It is that of package world.
	ErrSlowConsumer = world.ErrSlowConsumer

	// ErrUnclaimed says that nobody took part in a connection that came in.
	ErrUnclaimed = errors.New("tcp: nobody has published or subscribed to a flow of the connection in time")

	// ErrInterrupted says that a connection was open when the machine ended,
	// and that the machine has gone on without it.
	ErrInterrupted = errors.New("tcp: the connection did not survive a restart of the machine")
)

// A Config says how a driver works. The zero Config is ready to use; a zero
// field stands for its default.
type Config struct {
	// Network is where connections come from and go to. Default: the network
	// of the operating system. One that wraps connections in TLS is a Network,
	// too.
	Network world.Network

	// Clock measures ClaimLimit, and the time until a failed attempt to accept
	// a connection is repeated. Default: the clock of the system.
	Clock world.Clock

	// ClaimLimit is how long a connection that has come in may wait for a
	// process to take part in it. Default: 30 s.
	ClaimLimit time.Duration

	// DialLimit is how long making a connection may take, looking up the name
	// included. Default: 30 s.
	DialLimit time.Duration

	// LingerLimit is how long a connection that is being closed waits for the
	// peer to close its side. What the peer sends in that time is thrown away;
	// if it were left unread, the connection would be reset, and the peer
	// might lose what was sent to it last. Default: 1 s.
	LingerLimit time.Duration

	// ReadBuffer is how many bytes a single Data can have that comes in. A
	// connection starts with a buffer of 4 KiB, or ReadBuffer if that is less,
	// and doubles it while reads fill it. Default: 64 KiB.
	ReadBuffer int

	// MaxConnections is how many connections of one listener may be open at
	// the same time. Others wait in the queue of the system until one ends.
	// Default: no limit.
	MaxConnections int
}

// Driver returns the process through which the others of its machine reach the
// network of the operating system: it makes connections, and sockets that
// listen, out of what they publish, subscribe to and observe. It works at the
// ground and in nested machines at any depth. There is one driver in a machine.
func Driver() actions.SpawnProcess { return Config{}.Driver() }

// DriverOn returns a [Driver] for another network, such as a
// [world.SimNetwork].
func DriverOn(n world.Network) actions.SpawnProcess { return Config{Network: n}.Driver() }

// Driver returns a [Driver] that works as c says. It panics if a limit is
// negative.
func (c Config) Driver() actions.SpawnProcess {
	return actions.Spawn(serve(c.settings())).Named("tcp driver")
}

// The defaults of a Config.
const (
	defaultClaimLimit  = 30 * time.Second
	defaultDialLimit   = 30 * time.Second
	defaultLingerLimit = time.Second
	defaultReadBuffer  = 64 << 10
)

// settings are a Config with its defaults.
type settings struct {
	network     world.Network
	clock       world.Clock
	claim       time.Duration
	dial        time.Duration
	tuning      tuning
	connections int // 0 for no limit
}

// tuning is what the device of a connection has to know.
type tuning struct {
	linger time.Duration
	buffer int
}

func (c Config) settings() settings {
	s := settings{
		network:     world.SystemNetwork(),
		clock:       world.SystemClock(),
		claim:       limit("ClaimLimit", c.ClaimLimit, defaultClaimLimit),
		dial:        limit("DialLimit", c.DialLimit, defaultDialLimit),
		tuning:      tuning{limit("LingerLimit", c.LingerLimit, defaultLingerLimit), limit("ReadBuffer", c.ReadBuffer, defaultReadBuffer)},
		connections: limit("MaxConnections", c.MaxConnections, 0),
	}
	if c.Network != nil {
		mustCompare("Network", c.Network)
		s.network = c.Network
	}
	if c.Clock != nil {
		mustCompare("Clock", c.Clock)
		s.clock = c.Clock
	}
	return s
}

func limit[T time.Duration | int](name string, value, normal T) T {
	switch {
	case value < 0:
		panic(fmt.Sprintf("tcp: Config.%s is %v: it must not be negative; leave it zero for the default", name, value))
	case value == 0:
		return normal
	}
	return value
}

func mustCompare(name string, v any) {
	if !reflect.ValueOf(v).Comparable() {
		panic(fmt.Sprintf("tcp: Config.%s is a %T, which cannot be compared: use a pointer to one", name, v))
	}
}
