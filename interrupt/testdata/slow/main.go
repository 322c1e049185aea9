// Slow says "running" on standard output. When it is asked to stop, it says
// "stopping", and takes as long as its standard input is open.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/go-marketplace/marketplace/interrupt"
)

func main() {
	ctx, stop := interrupt.Context(context.Background())
	defer stop()
	fmt.Println("running")
	<-ctx.Done()
	fmt.Println("stopping:", context.Cause(ctx))
	io.Copy(io.Discard, os.Stdin)
	fmt.Println("stopped")
}
