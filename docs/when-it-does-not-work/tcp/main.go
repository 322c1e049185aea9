// Tcp observes what arrives without a driver that listens.
package main

import (
	"context"
	"log"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
)

func main() {
	door := actions.Stateless(endpoint.ObservePublishers(tcp.Arriving(tcp.Listener("127.0.0.1", 5999))))
	boot := actions.Spawn(door).Named("door")
	if err := ground.Run(context.Background(), boot); err != nil {
		log.Fatal(err)
	}
}
