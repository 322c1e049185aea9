package tcp_test

import (
	"context"
	"fmt"
	"io"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/world"
)

// A server that sends everything back to where it came from, on a network in
// memory. With tcp.Driver() instead of tcp.DriverOn(network) it is on the
// network of the operating system.
func Example() {
	network := world.NewSimNetwork("example")
	at := tcp.Listener("", 5999)

	listening := make(chan tcp.Addr)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	stopped := make(chan error)
	go func() {
		stopped <- ground.Run(ctx,
			tcp.DriverOn(network),
			endpoint.ObservePublishers(tcp.Arriving(at),
				endpoint.OnPresence(func(c tcp.Data) actions.Action {
					return actions.Spawn(echo(c.From, c.To))
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
func echo(them, us tcp.Addr) actions.Process {
	return actions.Stateless(
		endpoint.Publisher(tcp.Flow(us, them)),
		endpoint.Subscriber(tcp.Flow(them, us),
			endpoint.OnMessage(func(d tcp.Data) actions.Action {
				return actions.Send(tcp.Data{From: us, To: them, Bytes: d.Bytes, EOF: d.EOF})
			}),
			endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return actions.Quit() }),
		),
	)
}

// A client that asks a server of the same machine, and is done when it has the
// answer. The machine then comes to rest, because nobody observes any more what
// arrives, and Run returns.
func ExampleHandle() {
	network := world.NewSimNetwork("example")
	network.AddHost("echo.test", "192.0.2.7")
	at := tcp.Listener("192.0.2.7", 7)
	us, them := tcp.Handle("question"), tcp.Remote("echo.test", 7)

	server := actions.Stateless(
		endpoint.ObservePublishers(tcp.Arriving(at),
			endpoint.OnPresence(func(c tcp.Data) actions.Action {
				return actions.Group(actions.Spawn(echo(c.From, c.To)), actions.Quit())
			}),
		),
	)
	client := actions.Stateless(
		endpoint.Publisher(tcp.Flow(us, them), endpoint.OnPresence(func(tcp.Data) actions.Action {
			return actions.Send(tcp.Data{From: us, To: them, Bytes: []byte("is anybody there?"), EOF: true})
		})),
		endpoint.Subscriber(tcp.Flow(them, us),
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
