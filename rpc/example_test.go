package rpc_test

import (
	"context"
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/rpc"
)

// Square is an operation.
var Square = rpc.Define[int, int]("example.square")

// A calculator serves it, and counts.
type calculator struct{ Calls int }

func (c calculator) square(n int) (calculator, int, error) {
	if n > 1000 {
		return c, 0, fmt.Errorf("%d is too large", n)
	}
	return calculator{c.Calls + 1}, n * n, nil
}

func Example() {
	ask := func(n int) actions.Action {
		return rpc.Call(Square, n, func(square int, err error) actions.Action {
			fmt.Println(n, square, err)
			return nil
		})
	}
	server := actions.Spawn(rpc.Serve(calculator{}, rpc.Handle(Square, calculator.square)))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	done := rpc.Call(Square, 4, func(int, error) actions.Action { cancel(); return nil })
	if err := ground.Run(ctx, server, actions.Spawn(actions.Stateless(ask(3), ask(5000), done))); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 3 9 <nil>
	// 5000 0 5000 is too large
}
