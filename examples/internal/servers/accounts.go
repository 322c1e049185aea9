package servers

import (
	"errors"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/world"
)

// A Change is money that goes into an account, or out of it.
type Change struct {
	Owner  string
	Amount int
}

// The operations of the bank. The result of each is the balance.
var (
	Open   = rpc.Define[string, int]("bank.open") // an account for an owner
	Add    = rpc.Define[Change, int]("bank.add")
	Remove = rpc.Define[Change, int]("bank.remove")
)

// Why the bank refuses something. The errors are the same on both sides of a link.
var (
	ErrExists    = errors.New("bank: the account exists")
	ErrNoAccount = errors.New("bank: no such account")
	ErrNotEnough = errors.New("bank: not enough in the account")
	ErrAmount    = errors.New("bank: the amount must be from 1 to 1,000,000,000")
)

func init() {
	world.Register[Change]("bank.Change")
	world.RegisterErrorKind("bank.ErrExists", ErrExists)
	world.RegisterErrorKind("bank.ErrNoAccount", ErrNoAccount)
	world.RegisterErrorKind("bank.ErrNotEnough", ErrNotEnough)
	world.RegisterErrorKind("bank.ErrAmount", ErrAmount)
}

var banks = actions.CodedAs(actions.Define("bank.accounts", accounts.open),
	func(a accounts) []Entry { return a.entries() },
	func(all []Entry) (accounts, error) { return accounts{tableOf(all)}, nil })

// accounts is the state of the bank: the balances by the owners.
type accounts struct{ table }

func (accounts) open() actions.Action {
	return rpc.Methods(rpc.Handle(Open, accounts.account), rpc.Handle(Add, accounts.add), rpc.Handle(Remove, accounts.remove))
}

func (a accounts) account(owner string) (accounts, int, error) {
	if _, ok := a.value(owner); ok {
		return a, 0, ErrExists
	}
	return accounts{a.with(owner, 0)}, 0, nil
}

func (a accounts) add(c Change) (accounts, int, error) { return a.change(c, c.Amount) }

func (a accounts) remove(c Change) (accounts, int, error) { return a.change(c, -c.Amount) }

// change changes the balance of an account by a number.
func (a accounts) change(c Change, by int) (accounts, int, error) {
	balance, ok := a.value(c.Owner)
	switch {
	case c.Amount < 1 || c.Amount > 1_000_000_000:
		return a, 0, ErrAmount
	case !ok:
		return a, 0, ErrNoAccount
	case balance+by < 0:
		return a, 0, ErrNotEnough
	}
	return accounts{a.with(c.Owner, balance+by)}, balance + by, nil
}
