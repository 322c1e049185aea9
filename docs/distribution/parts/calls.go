package parts

import (
	"context"
	"errors"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/world"
)

// A Change is money for an account.
type Change struct {
	Owner  string
	Amount int
}

func init() { world.Register[Change]("parts.Change") }

// Add puts money into an account. The result is what is in it.
var Add = rpc.Define[Change, int]("parts.add")

func pay(bank distributed.Place, c Change) actions.Action {
	return rpc.Call(Add, c, func(balance int, err error) actions.Action {
		switch {
		case err == nil:
			return console.Printf("paid, %d in all", balance)
		case errors.Is(err, rpc.ErrUnreachable), errors.Is(err, rpc.ErrNobody):
			return console.Printf("not paid")
		case errors.Is(err, rpc.ErrGone), errors.Is(err, context.DeadlineExceeded):
			return console.Printf("nobody knows: look at the account")
		default: // the error of the bank
			return console.Printf("refused: %v", err)
		}
	}, rpc.At(bank), rpc.Within(10*time.Second))
}

// payFrom does the same from ordinary Go code.
func payFrom(ctx context.Context, hatch *door.Door, bank distributed.Place, c Change) (int, error) {
	return rpc.Do(ctx, hatch, Add, c, rpc.At(bank))
}
