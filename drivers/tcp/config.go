package tcp

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"reflect"
	"time"
	"unique"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/drivers/internal/sockopt"
	"github.com/go-marketplace/marketplace/world"
)

// A Config says how a driver works. The zero Config is ready to use; a zero
// field stands for its default.
type Config struct {
	// Network is where connections come from and go to. Default: the network
	// of the operating system.
	Network world.Network

	// Clock measures ClaimLimit, HandshakeLimit, IdleLimit, AcceptRate, and the
	// pauses after a failure to accept a connection. Default: the clock of the
	// system.
	Clock world.Clock

	// TLS has the TLS settings, by the names that addresses give: those of
	// Listener("", 443).TLS("web") are under "web". The settings of a server need
	// a certificate. If the settings of a client have no ServerName, the
	// certificate of the server must be for the host of the address. Nobody may
	// change the settings while the driver uses them. An address with a name that
	// is not in TLS fails with [ErrSettings]. Default: none.
	TLS map[string]*tls.Config

	// Addresses has the values of addresses with names, host:port: that of
	// [NamedListener]("web") is under "web". An address with a name that is not in
	// Addresses fails. Default: none.
	Addresses map[string]string

	// ClaimLimit is how long an incoming connection may wait until a process
	// takes part in it. Default: 30 s.
	ClaimLimit time.Duration

	// DialLimit is how long making a connection may take, including the lookup of
	// the name. Default: 30 s.
	DialLimit time.Duration

	// HandshakeLimit is how long the TLS handshake may take, on either side.
	// Default: 10 s.
	HandshakeLimit time.Duration

	// IdleLimit is how long a connection may be open while no byte comes or goes.
	// It then ends with [ErrIdle]. Bytes that wait in the socket because no
	// process takes them do not count, and neither do bytes that the peer does
	// not take. Default: no limit.
	IdleLimit time.Duration

	// KeepAlive says how the system checks that a silent peer is still there: see
	// [net.KeepAliveConfig]. If Enable is false, the system does not check. It has
	// no effect on networks whose connections do not support it. Default: that of
	// package net, a probe after 15 s of silence and every 15 s from then on, of
	// which nine may go unanswered.
	KeepAlive *net.KeepAliveConfig

	// LingerLimit is how long a connection that is being closed waits for the
	// peer to close its side. The driver discards what the peer sends meanwhile:
	// unread bytes would reset the connection, and the peer might lose what was
	// sent to it last. Default: 1 s.
	LingerLimit time.Duration

	// ReadBuffer is how many bytes a single incoming Data can have. A connection
	// starts with a buffer of 4 KiB, or ReadBuffer if that is less, and doubles it
	// while reads fill it. Default: 64 KiB.
	ReadBuffer int

	// Backlog is how many connections may wait in the queue of the system until
	// the driver accepts them. Beyond that, most systems ignore attempts to
	// connect, and the peer's system repeats them for a while. Backlog has an
	// effect only on the network of the operating system, and only on Unix:
	// package net takes no backlog, and other systems do not change that of a
	// listening socket. Default: as many as the system allows (on Linux,
	// net.core.somaxconn), which is the most in any case.
	Backlog int

	// NoReuse makes the system refuse an address while connections of an earlier
	// listener linger there. By default the driver can listen there again at
	// once, as SO_REUSEADDR allows. NoReuse has an effect only on the network of
	// the operating system, and only on Unix; on Windows a listening socket never
	// has that option.
	NoReuse bool

	// DialFrom is the address of this host from which connections are made; the
	// address of the peer must be of the same family. It has an effect only on
	// the network of the operating system. Default: the system chooses.
	DialFrom netip.Addr

	// MaxConnections is how many connections of one listener may be open at the
	// same time. Others wait in the queue of the system until one ends. Default:
	// no limit.
	MaxConnections int

	// AcceptRate is how many connections a listener accepts per second, even if
	// they fail later. Others wait in the queue of the system. Default: no limit.
	AcceptRate int

	// AcceptBurst is how many connections a listener with an AcceptRate accepts
	// at once, after a time in which few have come. With 1, connections are never
	// closer to each other than the rate says. Default: AcceptRate, which is as
	// many as in a second.
	AcceptBurst int
}

// Driver returns the action that spawns the process through which the other
// processes of its machine use the network of the operating system. The driver makes
// connections and listens, according to what they publish, subscribe to and observe.
// It works at the ground and in nested machines at any depth. A machine has one
// driver. The connections end with the driver ([ErrDriver]).
func Driver() actions.SpawnProcess { return Config{}.Driver() }

// DriverOn returns a [Driver] for another network, such as a simulated one: see
// package [github.com/go-marketplace/marketplace/world/simnet].
func DriverOn(n world.Network) actions.SpawnProcess { return Config{Network: n}.Driver() }

// Driver returns a [Driver] that works as c says. It panics if a limit is negative,
// if there is an AcceptBurst without an AcceptRate, if the Network or the Clock cannot
// be compared, if an address has no name or is not host:port, and if the TLS settings of a
// name are nil or allow renegotiation, which this package does not support.
func (c Config) Driver() actions.SpawnProcess {
	s := c.settings()
	return actions.SpawnFunc(func(self actions.PID) actions.Process { return serve(self, s) }).Named("tcp driver")
}

// The defaults of a Config.
const (
	defaultClaimLimit     = 30 * time.Second
	defaultDialLimit      = 30 * time.Second
	defaultHandshakeLimit = 10 * time.Second
	defaultLingerLimit    = time.Second
	defaultReadBuffer     = 64 << 10
)

// settings are a Config with its defaults.
type settings struct {
	network     world.Network
	clock       world.Clock
	keys        *keyring
	addresses   *inet.Addresses
	claim       time.Duration
	dial        time.Duration
	from        netip.Addr
	options     sockopt.Options
	rate        rate
	tuning      unique.Handle[tuning]
	connections int // 0 for no limit
}

func (c Config) settings() settings {
	s := settings{
		network:     world.SystemNetwork(),
		clock:       world.SystemClock(),
		keys:        newKeyring(c.TLS),
		addresses:   inet.NewAddresses(c.Addresses),
		claim:       limit("ClaimLimit", c.ClaimLimit, defaultClaimLimit),
		dial:        limit("DialLimit", c.DialLimit, defaultDialLimit),
		from:        c.DialFrom,
		options:     sockopt.Options{NoReuse: c.NoReuse, Backlog: limit("Backlog", c.Backlog, 0)},
		rate:        newRate(c.AcceptRate, c.AcceptBurst),
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
	t := tuning{
		clock:     s.clock,
		linger:    limit("LingerLimit", c.LingerLimit, defaultLingerLimit),
		handshake: limit("HandshakeLimit", c.HandshakeLimit, defaultHandshakeLimit),
		idle:      limit("IdleLimit", c.IdleLimit, 0),
		buffer:    limit("ReadBuffer", c.ReadBuffer, defaultReadBuffer),
	}
	if k := c.KeepAlive; k != nil {
		limit("KeepAlive.Idle", k.Idle, 0)
		limit("KeepAlive.Interval", k.Interval, 0)
		limit("KeepAlive.Count", k.Count, 0)
		t.keepAlive = keepAlive{true, *k}
	}
	s.tuning = unique.Make(t)
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
