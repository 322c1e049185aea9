package udp_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/udp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// A server that sends everything back to where it came from, on a network in
// memory. With udp.Driver() instead of udp.DriverOn(network) it is on the
// network of the operating system.
func Example() {
	network := simnet.New("example")
	at := udp.Listener("", 7)

	listening := make(chan udp.Addr)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	stopped := make(chan error)
	go func() {
		stopped <- ground.Run(ctx,
			udp.DriverOn(network),
			endpoint.Subscriber(udp.Arriving(at), endpoint.OnMessage(func(p udp.Packet) actions.Action {
				return actions.Send(udp.Packet{Source: at, Destination: p.Source, Body: p.Body})
			})),
			endpoint.ObservePublishers(udp.ListeningAt(at), endpoint.OnPresence(func(l udp.Listening) actions.Action {
				listening <- l.Bound // only an example may do this
				return nil
			})),
		)
	}()
	fmt.Println("listening on port", (<-listening).Port())

	client, err := network.ListenPacket(ctx, "udp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := client.WriteTo([]byte("hello, world"), &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7}); err != nil {
		fmt.Println(err)
		return
	}
	b := make([]byte, 100)
	n, from, err := client.ReadFrom(b)
	fmt.Printf("%q from %v, %v\n", b[:n], from, err)
	client.Close()

	stop()
	fmt.Println(<-stopped)
	// Output:
	// listening on port 7
	// "hello, world" from 127.0.0.1:7, <nil>
	// <nil>
}

// A client that asks a server, and is done when it has the answer. The machine
// then comes to rest, because nobody needs a socket any more, and Run returns.
func ExampleHandle() {
	network := simnet.New("example")
	network.AddHost("echo.test", "192.0.2.7")
	us, them := udp.Handle("question"), udp.Remote("echo.test", 7)

	client := actions.Stateless(
		endpoint.Publisher(udp.Flow(us, them), endpoint.OnPresence(func(udp.Packet) actions.Action {
			return actions.Send(udp.Packet{Source: us, Destination: them, Body: []byte("is anybody there?")})
		})),
		endpoint.Subscriber(udp.Arriving(us), endpoint.OnMessage(func(p udp.Packet) actions.Action {
			fmt.Printf("%q from %v\n", p.Body, p.Source)
			return actions.Quit()
		})),
	)
	at := udp.Listener("192.0.2.7", 7)
	server := actions.Stateless(
		endpoint.Subscriber(udp.Arriving(at), endpoint.OnMessage(func(p udp.Packet) actions.Action {
			return actions.Group(
				actions.Send(udp.Packet{Source: at, Destination: p.Source, Body: p.Body}),
				actions.Quit(),
			)
		})),
	)
	err := ground.Run(context.Background(),
		udp.DriverOn(network),
		actions.Spawn(server),
		// The client waits until there is somebody to ask.
		endpoint.ObservePublishers(udp.ListeningAt(at), endpoint.OnPresence(func(udp.Listening) actions.Action {
			return actions.Group(actions.Spawn(client), actions.Quit())
		})),
	)
	fmt.Println(err)
	// Output:
	// "is anybody there?" from 192.0.2.7:7
	// <nil>
}

// The driver tells the sender of a packet that it cannot send.
func ExampleUndelivered() {
	us := udp.Handle("us")
	err := ground.Run(context.Background(),
		udp.DriverOn(simnet.New("example")),
		actions.Spawn(actions.Stateless(
			endpoint.Publisher(udp.Flow(us, udp.Remote("192.0.2.1", 7)), endpoint.OnPresence(func(udp.Packet) actions.Action {
				return actions.Send(udp.Packet{Source: us, Destination: udp.Remote("192.0.2.1", 7), Body: make([]byte, 70000)})
			})),
			endpoint.Subscriber(udp.NotLeaving(us), endpoint.OnMessage(func(u udp.Undelivered) actions.Action {
				fmt.Println(u.Destination, errors.Is(u.Reason, syscall.EMSGSIZE))
				return actions.Quit()
			})),
		)),
	)
	fmt.Println(err)
	// Output:
	// 192.0.2.1:7 true
	// <nil>
}

// A member of a multicast group hears what is sent to the group.
func ExampleListener_multicast() {
	group := udp.Listener("239.1.2.3", 5000)
	everybody := udp.Remote("239.1.2.3", 5000)
	err := ground.Run(context.Background(),
		udp.DriverOn(simnet.New("example")),
		actions.Spawn(actions.Stateless(
			endpoint.Subscriber(udp.Arriving(group), endpoint.OnMessage(func(p udp.Packet) actions.Action {
				fmt.Printf("%q\n", p.Body)
				return actions.Quit()
			})),
			endpoint.Publisher(udp.Flow(group, everybody), endpoint.OnPresence(func(udp.Packet) actions.Action {
				return actions.Send(udp.Packet{Source: group, Destination: everybody, Body: []byte("hello, all")})
			})),
		)),
	)
	fmt.Println(err)
	// Output:
	// "hello, all"
	// <nil>
}
