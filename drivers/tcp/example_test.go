package tcp_test

import (
	"context"
	"fmt"
	"io"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// A server that sends everything back, on a network in memory. With tcp.Driver()
// instead of tcp.DriverOn(network) it uses the network of the operating system.
func Example() {
	network := simnet.New("example")
	at := tcp.Listener("", 5999)

	listening := make(chan tcp.Addr)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	stopped := make(chan error)
	go func() {
		stopped <- ground.Run(ctx,
			tcp.DriverOn(network),
			endpoint.ObservePublishers(tcp.Arriving(at),
				endpoint.OnPresence(func(d tcp.Data) actions.Action {
					return actions.Spawn(echo(d.Connection()))
				}),
			),
			endpoint.ObservePublishers(tcp.ListeningAt(at),
				endpoint.OnPresence(func(l tcp.Listening) actions.Action {
					listening <- l.Bound // only an example may do this
					return nil
				}),
			),
		)
	}()

	fmt.Println("listening on port", (<-listening).Port())
	conn, err := network.Dial(ctx, "tcp", "localhost:5999")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprint(conn, "hello, world")
	conn.(interface{ CloseWrite() error }).CloseWrite()
	answer, err := io.ReadAll(conn)
	fmt.Printf("%q, %v\n", answer, err)
	conn.Close()

	stop()
	fmt.Println(<-stopped)
	// Output:
	// listening on port 5999
	// "hello, world", <nil>
	// <nil>
}

// echo talks to one peer, until it goes away.
func echo(c tcp.Connection) actions.Process {
	return actions.Stateless(
		c.Publisher(),
		c.Subscriber(
			endpoint.OnMessage(c.Pass),
			endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return actions.Quit() }),
		),
	)
}

// A client that asks a server of the same machine, and is done when it has the
// answer. The machine then comes to rest, because nobody observes any more what
// arrives, and Run returns.
func ExampleHandle() {
	network := simnet.New("example")
	network.AddHost("echo.test", "192.0.2.7")
	at := tcp.Listener("192.0.2.7", 7)
	c := tcp.Between(tcp.Handle("question"), tcp.Remote("echo.test", 7))

	server := actions.Stateless(
		endpoint.ObservePublishers(tcp.Arriving(at),
			endpoint.OnPresence(func(d tcp.Data) actions.Action {
				return actions.Group(actions.Spawn(echo(d.Connection())), actions.Quit())
			}),
		),
	)
	client := actions.Stateless(
		c.Publisher(endpoint.OnPresence(func(tcp.Data) actions.Action {
			return actions.Group(c.SendString("is anybody there?"), c.End())
		})),
		c.Subscriber(
			endpoint.OnMessage(func(d tcp.Data) actions.Action {
				fmt.Printf("%q, end %v\n", d.Bytes, d.EOF)
				return nil
			}),
			endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return actions.Quit() }),
		),
	)
	err := ground.Run(context.Background(),
		tcp.DriverOn(network),
		actions.Spawn(server),
		// The client waits until there is somebody to ask.
		endpoint.ObservePublishers(tcp.ListeningAt(at),
			endpoint.OnPresence(func(tcp.Listening) actions.Action {
				return actions.Group(actions.Spawn(client), actions.Quit())
			}),
		),
	)
	fmt.Println(err)
	// Output:
	// "is anybody there?", end false
	// "", end true
	// <nil>
}

// Data goes to the peer, whatever the order of the addresses.
func ExampleConnection() {
	c := tcp.Between(tcp.Handle("question"), tcp.Remote("example.com", 7))
	fmt.Println(c == tcp.Between(c.Them, c.Us))
	fmt.Println(c.Subscriber())
	fmt.Println(c.Publisher())
	fmt.Println(c.SendString("hi"))
	fmt.Println(c.Pass(tcp.Data{From: tcp.Remote("example.org", 7), To: tcp.Handle("another"), Bytes: []byte("hi")}))
	fmt.Println(c.End())
	// Output:
	// true
	// open subscriber of tcp.Data{From: example.com:7, To: handle("question")}
	// open publisher of tcp.Data{From: handle("question"), To: example.com:7}
	// send tcp.Data{From: handle("question"), To: example.com:7, Bytes: "hi", EOF: false}
	// send tcp.Data{From: handle("question"), To: example.com:7, Bytes: "hi", EOF: false}
	// send tcp.Data{From: handle("question"), To: example.com:7, Bytes: nil, EOF: true}
}
