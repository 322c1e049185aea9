// Boot fails in what Run is given to do.
package main

import (
	"context"
	"errors"
	"log"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/ground"
)

var errNoKeys = errors.New("no keys")

func main() {
	boot := actions.Tree{console.Driver(), actions.Fail(errNoKeys)}
	if err := ground.Run(context.Background(), boot); err != nil {
		log.Fatal(err)
	}
}
