package vmtest_test

import (
	"errors"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// The processes that are tested here: accounts, which take deposits and tell
// their balance to all who subscribe.

type Deposit struct {
	Account string
	Amount  int
}

type Balance struct {
	Account string
	Amount  int
	by      string // the last one to deposit
}

var (
	DepositTo = topic.FieldOf(func(d *Deposit) *string { return &d.Account })
	BalanceOf = topic.FieldOf(func(b *Balance) *string { return &b.Account })
)

var errOverdrawn = errors.New("bank: overdrawn")

type account struct {
	name    string
	balance int
}

func (a account) deposit(d Deposit) actions.Transition[account] {
	a.balance += d.Amount
	if a.balance < 0 {
		return actions.Next(a, actions.Fail(errOverdrawn))
	}
	return actions.Next(a, actions.Send(Balance{a.name, a.balance, "somebody"}))
}

func Account(name string) actions.SpawnProcess {
	return actions.Spawn(actions.Next(account{name: name},
		endpoint.Subscriber(topic.Where(DepositTo.Is(name)), endpoint.OnMessageState(account.deposit)),
		endpoint.Publisher(topic.Where(BalanceOf.Is(name))),
	)).Named("account " + name)
}
