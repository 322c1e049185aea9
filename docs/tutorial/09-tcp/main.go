// Tcp serves guests who come over the network, and order a dish in each line.
//
//	go run ./docs/tutorial/09-tcp
//	nc 127.0.0.1 5999
package main

import (
	"context"
	"errors"
	"log"
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/world"
)

// door listens at an address, and spawns a waiter for each guest who comes in.
func door(at tcp.Addr) actions.Process {
	return actions.Stateless(
		endpoint.ObservePublishers(tcp.Arriving(at), endpoint.OnPresence(func(d tcp.Data) actions.Action {
			return actions.Spawn(waiter(d.Connection())).Named("waiter")
		})),
		endpoint.ObservePublishers(tcp.ListeningAt(at), endpoint.OnAbsence(func(_ tcp.Listening, reason error) actions.Action {
			failed := reason != nil && !errors.Is(reason, world.ErrStopped) // a stop is no failure
			return actions.When(failed, console.Printf("the door stays shut: %v", reason))
		})),
	)
}

// waiter serves one guest, for as long as the guest is there.
func waiter(guest tcp.Connection) actions.Process {
	return actions.Stateless(
		guest.SetMode(tcp.Lines(100), tcp.Unlimited),
		guest.Publisher(),
		guest.Subscriber(
			endpoint.OnMessage(func(d tcp.Data) actions.Action {
				dish := strings.TrimSpace(string(d.Bytes))
				answer := guest.SendString("one " + dish + ", coming up\n")
				return actions.When(dish != "", answer, console.Printf("waiter: one %s", dish))
			}),
			endpoint.OnAbsence(func(_ tcp.Data, reason error) actions.Action {
				return actions.Tree{console.Printf("waiter: the guest has gone: %v", reason), actions.Quit()}
			}),
		),
	)
}

// restaurant is all that the machine consists of.
func restaurant(at tcp.Addr) actions.Action {
	return actions.Group(console.Driver(), tcp.Driver(), actions.Spawn(door(at)).Named("door"))
}

func main() {
	if err := ground.Run(context.Background(), restaurant(tcp.Listener("127.0.0.1", 5999))); err != nil {
		log.Fatal(err)
	}
}
