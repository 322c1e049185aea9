package udp

import (
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/world"
)

// Reasons with which there is no socket, or a packet is not sent. They are the Kind of
// a [*world.Error] that names the address; use [errors.Is].
var (
	// ErrTLS says that an address is one with TLS.
	ErrTLS = errors.New("udp: TLS goes over TCP only: use an address without it")

	// ErrDestination says that the destination of a packet is the zero Addr, or
	// has no port.
	ErrDestination = errors.New("udp: a packet goes to a Remote with a port, or to a Handle or a Listener")

	// ErrNames says that too many packets wait for the lookup of names: for one
	// name, for too many names, or more bytes than Config.SendQueue.
	ErrNames = errors.New("udp: too much is waiting for names to be looked up: send less at once, or to addresses in numbers")
)

// A Config says how a driver works. The zero Config is ready to use; a zero
// field stands for its default.
type Config struct {
	// Network is where packets come from and go to. Default: the network of
	// the operating system.
	Network world.PacketNetwork

	// Addresses has the values of listeners with names, host:port: that of
	// [NamedListener]("dns") is under "dns". A listener with a name that is not in
	// Addresses fails. Default: none.
	Addresses map[string]string

	// ReceiveBuffer is how many bytes of a datagram the driver takes. The rest of
	// a longer one is lost, and [Packet.Truncated] says so. Default: 64 KiB, which
	// is enough for every datagram.
	ReceiveBuffer int

	// SendQueue is how many bytes of packets may wait to be sent from one local
	// address, beyond what the system takes at once; a packet counts for at least
	// 64 bytes. The driver does not send packets beyond that, with
	// [world.ErrSlowConsumer]. Default: 4 MiB.
	SendQueue int

	// LookupLimit is how long the lookup of the name of a host may take.
	// Default: 10 s.
	LookupLimit time.Duration

	// LookupLife is how long the driver uses the addresses of a host before it
	// looks them up again. Default: 30 s.
	LookupLife time.Duration
}

// Driver returns the action that spawns the process through which the other processes
// of its machine exchange packets with the network of the operating system. It opens
// sockets for the local addresses that they publish from and subscribe to. It works at
// the ground and in nested machines at any depth. A machine has one driver.
func Driver() actions.SpawnProcess { return Config{}.Driver() }

// DriverOn returns a [Driver] for another network, such as a simulated one: see
// package [github.com/go-marketplace/marketplace/world/simnet].
func DriverOn(n world.PacketNetwork) actions.SpawnProcess { return Config{Network: n}.Driver() }

// Driver returns a [Driver] that works as c says. It panics if a limit is
// negative, the network cannot be compared, or an address has no name or is not host:port.
func (c Config) Driver() actions.SpawnProcess {
	return actions.Spawn(serve(c.settings())).Named("udp driver")
}

// The defaults of a Config.
const (
	defaultReceiveBuffer = 64 << 10
	defaultSendQueue     = 4 << 20
	defaultLookupLimit   = 10 * time.Second
	defaultLookupLife    = 30 * time.Second
)

// settings are a Config with its defaults.
type settings struct {
	network   world.PacketNetwork
	addresses *inet.Addresses
	buffer    int
	queue     int
	lookup    time.Duration
	life      time.Duration
}

func (c Config) settings() settings {
	s := settings{
		network:   world.SystemPacketNetwork(),
		addresses: inet.NewAddresses(c.Addresses),
		buffer:    limit("ReceiveBuffer", c.ReceiveBuffer, defaultReceiveBuffer),
		queue:     limit("SendQueue", c.SendQueue, defaultSendQueue),
		lookup:    limit("LookupLimit", c.LookupLimit, defaultLookupLimit),
		life:      limit("LookupLife", c.LookupLife, defaultLookupLife),
	}
	if c.Network != nil {
		if !reflect.ValueOf(c.Network).Comparable() {
			panic(fmt.Sprintf("udp: Config.Network is a %T, which cannot be compared: use a pointer to one", c.Network))
		}
		s.network = c.Network
	}
	return s
}

func limit[T time.Duration | int](name string, value, normal T) T {
	switch {
	case value < 0:
		panic(fmt.Sprintf("udp: Config.%s is %v: it must not be negative; leave it zero for the default", name, value))
	case value == 0:
		return normal
	}
	return value
}
