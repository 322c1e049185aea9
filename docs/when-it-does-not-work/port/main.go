// Port listens where somebody else listens already, and does not ask why it
// cannot.
package main

import (
	"context"
	"log"
	"net"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
)

func main() {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	at, err := tcp.ParseListener(taken.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	door := actions.Stateless(endpoint.ObservePublishers(tcp.Arriving(at)))
	if err := ground.Run(context.Background(), tcp.Driver(), actions.Spawn(door).Named("door")); err != nil {
		log.Fatal(err)
	}
}
