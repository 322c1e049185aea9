package main

import (
	"context"
	"fmt"
	"io"
	"net"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
)

// Issue 9.14: a guest comes in through a real socket.
func Example() {
	ctx, stop := context.WithCancel(context.Background())
	at, bound := tcp.Listener("127.0.0.1", 0), make(chan string, 1)
	watch := endpoint.ObservePublishers(tcp.ListeningAt(at), endpoint.OnPresence(func(l tcp.Listening) actions.Action {
		bound <- l.Bound.String() // only an example may do this
		return nil
	}))
	answers := make(chan string, 1)
	go func() {
		defer stop()
		answers <- dine(<-bound, "soup\r\n\ntart")
	}()
	if err := ground.Run(ctx, restaurant(at), actions.Spawn(actions.Stateless(watch))); err != nil {
		fmt.Println(err)
	}
	fmt.Print(<-answers)
	// Output:
	// waiter: one soup
	// waiter: one tart
	// waiter: the guest has gone: <nil>
	// one soup, coming up
	// one tart, coming up
}

// dine orders over the network, and returns all that comes back.
func dine(addr, orders string) string {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	if _, err := io.WriteString(c, orders); err != nil {
		return err.Error()
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		return err.Error()
	}
	answers, err := io.ReadAll(c)
	if err != nil {
		return err.Error()
	}
	return string(answers)
}
