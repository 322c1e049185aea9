// Printer prints more lines than a pipe holds, and says on standard error when
// it has, and when it has stopped.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/interrupt"
)

func main() {
	ctx, stop := interrupt.Context(context.Background())
	defer stop()
	g := ground.Ground{CloseLimit: 100 * time.Millisecond}
	err := g.Run(ctx, console.Driver(), actions.Spawn(actions.Stateless(yield(func() actions.Action {
		lines := make(actions.Tree, 30_000)
		for i := range lines {
			lines[i] = console.Printf("line %d", i)
		}
		return append(lines, yield(func() actions.Action {
			fmt.Fprintln(os.Stderr, "all is printed")
			return nil
		}))
	}))))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, "stopped")
}

// yield performs what f returns in the next turn.
func yield(f func() actions.Action) actions.Action {
	return actions.Yield(func(struct{}) actions.Transition[struct{}] { return actions.Stateless(f()) })
}
