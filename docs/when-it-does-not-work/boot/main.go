// Boot fails in what Run is given to do.
package main

import (
	"context"
	"errors"
	"log"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/vm"
)

var errNoKeys = errors.New("no keys")

func main() {
	boot := actions.Tree{console.Driver(), actions.Fail(errNoKeys)}
	if err := vm.Run(context.Background(), boot); err != nil {
		log.Fatal(err)
	}
}
