package outbox

import (
	"cmp"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A Box says where messages are delivered. It is plain data.
type Box struct {
	Place distributed.Place // where the receiver is; the zero Place is this machine
	Name  string            // of the receiver: UTF-8, 1 to 255 bytes
}

// String returns a text for people.
func (b Box) String() string { return fmt.Sprintf("%q at %v", b.Name, b.Place) }

// A Message is what a process hands over: see [Deliver].
type Message struct {
	To   Box
	Body any // a value of a registered type
}

// An ID tells the messages to a box apart.
type ID struct {
	Sender uint64 // the life of the sender
	N      uint64 // counts the messages of that life, from 1
}

// A Delivery is a message that has arrived. The receiver sends it to those who subscribe to
// [From].
type Delivery struct {
	Box  string // the name of the receiver
	ID   ID     // the same as the call of the sender returns
	Body any
}

// A Status is what a sender has.
type Status struct {
	Waiting int // messages that are not acknowledged
	Sent    int // of these, that were sent at least once
	Bytes   int // of all that wait

	// Reason says why the receiver is not within reach. It is nil if it is.
	Reason *world.Error
}

// The operations of a sender. A sender serves those for its box only.
var (
	// Deliver hands a message over. The call ends when the message is delivered, or will
	// not be: the package comment has the errors.
	Deliver = rpc.Define[Message, ID]("outbox.deliver")

	// Inspect returns the status of the sender for a box.
	Inspect = rpc.Define[Box, Status]("outbox.inspect")
)

// Why a message is not taken, or not certainly delivered, and why a process ends.
var (
	// ErrFull says that the sender has as many messages as it may have. Its text
	// has the reason why they wait, if the receiver is not within reach.
	ErrFull = errors.New("outbox: too many messages wait")

	// ErrForgotten says that the receiver does not know the sender any more, so nobody
	// knows whether the message was delivered.
	ErrForgotten = errors.New("outbox: the receiver has forgotten the sender; the message may have been delivered")

	// ErrNoReceiver says that no process receives the messages to a box.
	ErrNoReceiver = errors.New("outbox: nobody receives there")

	// ErrTaken says that the machine has another sender or receiver for the box. The later
	// one of the two fails.
	ErrTaken = errors.New("outbox: the box has such a process already")
)

func init() {
	world.Register[Box]("outbox.Box")
	world.Register[Message]("outbox.Message")
	world.Register[ID]("outbox.ID")
	world.Register[Delivery]("outbox.Delivery")
	world.Register[Status]("outbox.Status")
	world.RegisterErrorKind("outbox.ErrFull", ErrFull)
	world.RegisterErrorKind("outbox.ErrForgotten", ErrForgotten)
	world.RegisterErrorKind("outbox.ErrNoReceiver", ErrNoReceiver)
	world.RegisterErrorKind("outbox.ErrTaken", ErrTaken)
}

var (
	messageTo   = topic.FieldOf(func(m *Message) *Box { return &m.To })
	boxPlace    = topic.FieldOf(func(b *Box) *distributed.Place { return &b.Place })
	boxName     = topic.FieldOf(func(b *Box) *string { return &b.Name })
	deliveryBox = topic.FieldOf(func(d *Delivery) *string { return &d.Box })
)

// From returns the topic of the messages that have arrived for the receiver with a name, in
// its machine. The receiver takes messages while somebody subscribes to it.
func From(name string) topic.Pattern[Delivery] { return topic.Where(deliveryBox.Is(name)) }

// A Config has the limits of a sender and of a receiver. The zero Config is ready to use.
type Config struct {
	// Messages is how many messages may wait at a sender. Default: 1024.
	Messages int

	// Bytes is how many bytes of messages may wait at a sender: at least 262,144. Default:
	// 1 MiB.
	Bytes int

	// Window is how many messages are sent before the first of them is acknowledged: up to
	// 256, and together up to 64 KiB, unless it is only one. Default: 64.
	Window int

	// Senders is how many lives of senders a receiver remembers. Default: 1024.
	Senders int
}

const (
	maxName     = wire.MaxName
	maxWindow   = 256
	windowBytes = 64 << 10
	minBytes    = 256 << 10
	maxBody     = wire.MaxMessage - 1<<10 // bytes of an encoded body
)

// settled returns c with its defaults. It panics if c, or the name of a box, is not allowed.
func (c Config) settled(method, name string) Config {
	c.Messages = cmp.Or(c.Messages, 1024)
	c.Bytes = cmp.Or(c.Bytes, 1<<20)
	c.Window = cmp.Or(c.Window, 64)
	c.Senders = cmp.Or(c.Senders, 1024)
	err := c.check()
	if name == "" || len(name) > maxName || !utf8.ValidString(name) {
		err = fmt.Errorf("the name %.32q has %d bytes; it has 1 to %d, of UTF-8", name, len(name), maxName)
	}
	if err != nil {
		panic(fmt.Sprintf("outbox: %s: %v", method, err))
	}
	return c
}

func (c Config) check() error {
	switch {
	case c.Messages < 1:
		return fmt.Errorf("the limit Messages is %d; it is at least 1", c.Messages)
	case c.Bytes < minBytes:
		return fmt.Errorf("the limit Bytes is %d; it is at least %d", c.Bytes, minBytes)
	case c.Window < 1 || c.Window > maxWindow:
		return fmt.Errorf("the limit Window is %d; it is 1 to %d", c.Window, maxWindow)
	case c.Senders < 1:
		return fmt.Errorf("the limit Senders is %d; it is at least 1", c.Senders)
	}
	return nil
}

// Sender is [Config.Sender] with the default limits.
func Sender(to Box) actions.SpawnProcess { return Config{}.Sender(to) }

// Sender returns the action that spawns the sender for a box. Its machine has the driver of
// [distributed.Config.Driver], unless the box is in the machine itself. A machine has one
// sender for each box; a second one fails with [ErrTaken].
//
// Sender panics if the name of the box, or the Config, is not allowed.
func (c Config) Sender(to Box) actions.SpawnProcess {
	c = c.settled("Sender", to.Name)
	return actions.SpawnFunc(func(self actions.PID) actions.Process {
		return senders.Process(newSender(c, self, to))
	}).Named("outbox to " + to.String())
}

// Receiver is [Config.Receiver] with the default limits.
func Receiver(name string) actions.SpawnProcess { return Config{}.Receiver(name) }

// Receiver returns the action that spawns the receiver with a name. Its machine is a place
// ([distributed.Config.Serve]), unless the senders are in the machine itself. A machine has
// one receiver of each name; a second one fails with [ErrTaken].
//
// Receiver panics if the name, or the Config, is not allowed.
func (c Config) Receiver(name string) actions.SpawnProcess {
	c = c.settled("Receiver", name)
	return actions.SpawnFunc(func(self actions.PID) actions.Process {
		return receivers.Process(newReceiver(c, self, name))
	}).Named(fmt.Sprintf("outbox from %q", name))
}

// Types returns the types of senders and receivers, for machines that are saved.
func Types() []actions.Type { return []actions.Type{senders.Type, receivers.Type} }

// A post is the presence of a sender or a receiver in its machine.
type post struct {
	Box      Box
	Receives bool
}

var (
	postBox      = topic.FieldOf(func(p *post) *Box { return &p.Box })
	postReceives = topic.FieldOf(func(p *post) *bool { return &p.Receives })
)

// hold says that a process with a state of type S has a post. If an earlier process has it,
// this one fails.
func hold[S any](self actions.PID, p post) actions.Tree {
	about := topic.Where(postBox.Is(p.Box), postReceives.Is(p.Receives))
	return actions.Tree{
		endpoint.Publisher(about),
		endpoint.ObservePublishers(about, endpoint.OnEvent(actions.Presence, func(s S, ev endpoint.Event[post]) actions.Transition[S] {
			return actions.Next(s, actions.When(ev.PeerID.PID < self, actions.Fail(fmt.Errorf("%w: %v", ErrTaken, p.Box))))
		})),
	}
}
