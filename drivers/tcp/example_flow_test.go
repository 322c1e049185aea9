package tcp_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/world"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// A peer sends everything at once, and a process takes one line after another, each
// when it is done with the one before.
func ExampleSetMode() {
	network := simnet.New("example")
	at := tcp.Listener("127.0.0.1", 5999)
	c := tcp.Between(tcp.Handle("reader"), tcp.Remote("127.0.0.1", 5999))

	sender := func(c tcp.Connection) actions.Action {
		return actions.Spawn(actions.Stateless(
			c.Publisher(),
			c.SendString("one\r\ntwo\nand th"),
			actions.Quit(),
		))
	}
	reader := actions.Stateless(
		c.Subscriber(
			endpoint.OnPresence(func(tcp.Data) actions.Action { return c.SetMode(tcp.Lines(80), 1) }),
			endpoint.OnMessage(func(d tcp.Data) actions.Action {
				fmt.Printf("%q, end %v\n", d.Bytes, d.EOF)
				return c.Grant(1)
			}),
			endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return actions.Quit() }),
		),
	)
	fmt.Println(run(network, at, sender, reader))
	// Output:
	// "one\r\n", end false
	// "two\n", end false
	// "and th", end false
	// "", end true
	// <nil>
}

// A process sends much, but never has more than 10 bytes waiting for the peer.
func ExampleConfirm() {
	network := simnet.New("example")
	at := tcp.Listener("127.0.0.1", 5999)
	c := tcp.Between(tcp.Handle("writer"), tcp.Remote("127.0.0.1", 5999))

	var got strings.Builder // only an example may do this
	receiver := func(c tcp.Connection) actions.Action {
		return actions.Spawn(actions.Stateless(c.Subscriber(
			endpoint.OnMessage(func(d tcp.Data) actions.Action { got.Write(d.Bytes); return nil }),
			endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return actions.Quit() }),
		)))
	}
	w := writer{Connection: c, window: tcp.Window{Limit: 10}, rest: []byte("a good deal more than ten bytes")}
	fmt.Println(run(network, at, receiver, actions.Next(w,
		endpoint.Publisher(c.Written(), endpoint.OnMessageState(writer.written)),
		c.Publisher(endpoint.OnPresenceState(writer.begin)),
	)))
	fmt.Println(got.String())
	// Output:
	// <nil>
	// a good deal more than ten bytes
}

// A writer sends the rest of what it has, within a window.
type writer struct {
	tcp.Connection
	window tcp.Window
	rest   []byte
}

func (w writer) begin(tcp.Data) actions.Transition[writer] {
	return actions.Next(w, w.Confirm()).Then(writer.send)
}

func (w writer) written(c tcp.Written) actions.Transition[writer] {
	w.window = w.window.Written(c)
	return w.send()
}

func (w writer) send() actions.Transition[writer] {
	if len(w.rest) == 0 {
		return actions.Next(w, actions.When(w.window.Pending == 0, actions.Quit()))
	}
	n := min(w.window.Room(), len(w.rest))
	piece := w.rest[:n]
	w.rest, w.window = w.rest[n:], w.window.Sent(n)
	return actions.Next(w, w.Send(piece))
}

// run runs a machine that serves one connection, and the client that makes it.
func run(network world.Network, at tcp.Addr, serve func(tcp.Connection) actions.Action, client actions.Process) error {
	return ground.Run(context.Background(),
		tcp.DriverOn(network),
		actions.Spawn(actions.Stateless(
			endpoint.ObservePublishers(tcp.Arriving(at), endpoint.OnPresence(func(d tcp.Data) actions.Action {
				return actions.Group(serve(d.Connection()), actions.Quit())
			})),
		)),
		endpoint.ObservePublishers(tcp.ListeningAt(at), endpoint.OnPresence(func(tcp.Listening) actions.Action {
			return actions.Group(actions.Spawn(client), actions.Quit())
		})),
	)
}
