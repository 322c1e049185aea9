package main

import (
	"context"
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/ground"
)

// With the zero Place, the same processes work in one machine.
func Example_here() {
	err := ground.Run(context.Background(), console.Driver(), actions.Spawn(cook()), actions.Spawn(waiter(distributed.Place{})))
	fmt.Println(err)
	// Output:
	// waiter: one soup
	// waiter: there is no cook any more: no gas
	// <nil>
}
