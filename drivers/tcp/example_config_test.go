package tcp_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/world/simnet"
)

// A public server accepts 100 connections per second, at least 10 ms apart, and keeps
// at most 1000. Three clients that connect at once are served one after another.
func ExampleConfig() {
	network := simnet.New("example")
	config := tcp.Config{
		Network:        network, // leave it away for the network of the system
		IdleLimit:      time.Minute,
		MaxConnections: 1000,
		AcceptRate:     100,
		AcceptBurst:    1,
		Backlog:        512, // on the network of the system
	}
	at := tcp.Listener("127.0.0.1", 5999)
	greet := func(c tcp.Connection) actions.Process {
		return actions.Stateless(c.Publisher(), c.SendString("hello"), actions.Quit())
	}
	listening, stopped := make(chan struct{}), make(chan error)
	ctx, stop := context.WithCancel(context.Background())
	go func() {
		stopped <- ground.Run(ctx, config.Driver(),
			endpoint.ObservePublishers(tcp.Arriving(at), endpoint.OnPresence(func(d tcp.Data) actions.Action {
				return actions.Spawn(greet(d.Connection()))
			})),
			endpoint.ObservePublishers(tcp.ListeningAt(at), endpoint.OnPresence(func(tcp.Listening) actions.Action {
				close(listening) // only an example may do this
				return nil
			})),
		)
	}()
	<-listening

	began := time.Now()
	var clients [3]net.Conn
	for i := range clients {
		clients[i], _ = network.Dial(ctx, "tcp", "127.0.0.1:5999")
	}
	for _, c := range clients {
		greeting, err := io.ReadAll(c)
		fmt.Printf("%s, %v\n", greeting, err)
		c.Close()
	}
	fmt.Println("in 20 ms or more:", time.Since(began) >= 20*time.Millisecond)

	stop()
	fmt.Println(<-stopped)
	// Output:
	// hello, <nil>
	// hello, <nil>
	// hello, <nil>
	// in 20 ms or more: true
	// <nil>
}
