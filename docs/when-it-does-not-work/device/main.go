// Device holds a device that cannot be compared.
package main

import (
	"context"
	"errors"
	"log"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/world"
)

type radio struct{ stations []string }

func (radio) DeviceName() string { return "radio" }

func (radio) Open(context.Context, world.Env) (world.Handle, error) {
	return nil, errors.ErrUnsupported
}

func main() {
	listener := actions.Stateless(
		endpoint.Device(radio{[]string{"jazz"}}, endpoint.OnValue(func(song string) actions.Action { return console.Printf("%s", song) })),
	)
	if err := ground.Run(context.Background(), console.Driver(), actions.Spawn(listener).Named("listener")); err != nil {
		log.Fatal(err)
	}
}
