package main

import (
	"errors"
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/world"
)

// The operations of the payment provider.
var (
	Bill   = rpc.Define[int, bool]("shop.bill")       // asks for the payment of an order; the result is whether it was paid or declined
	Close  = rpc.Define[int, bool]("shop.close")      // ends a bill for good; the result is whether it was paid
	Settle = rpc.Define[Payment, bool]("shop.settle") // pays a bill or declines it, as the outside says
)

// A Payment is the news that a customer has paid an order, or will not.
type Payment struct {
	Order    int
	Accepted bool
}

// ErrNotDue says that no payment is expected for an order: there is no such order, or it
// is paid or cancelled.
var ErrNotDue = errors.New("no payment is due for this order")

func init() {
	world.Register[Payment]("shop.Payment")
	world.RegisterErrorKind("shop.ErrNotDue", ErrNotDue)
}

// payments stand for a payment provider. They keep bills until the outside says what the
// customers do.
type payments struct{ Bills table[bill] }

// A bill is open until it is settled, and is kept until its order closes it.
type bill struct {
	Ask     rpc.Ask[int, bool] // of the order
	Settled bool
	Paid    bool
}

var providers = actions.CodedAs(actions.Define("shop.payments", payments.open),
	func(p payments) []bill { return p.Bills.values() },
	func(all []bill) (payments, error) {
		return payments{tableOf(all, func(b bill) int { return b.Ask.Args })}, nil
	})

func (payments) open() actions.Action {
	return rpc.Methods(rpc.HandleLater(Bill, payments.bill), rpc.HandleLater(Settle, payments.settle), rpc.Handle(Close, payments.close))
}

func (p payments) bill(r rpc.Ask[int, bool]) actions.Transition[payments] {
	return actions.Next(payments{p.Bills.with(r.Args, bill{Ask: r})})
}

func (p payments) settle(r rpc.Ask[Payment, bool]) actions.Transition[payments] {
	b, ok := p.Bills.get(r.Args.Order)
	if !ok || b.Settled {
		return actions.Next(p, r.Fail(fmt.Errorf("%w: %d", ErrNotDue, r.Args.Order)))
	}
	b.Settled, b.Paid = true, r.Args.Accepted
	return actions.Next(payments{p.Bills.with(r.Args.Order, b)}, b.Ask.Reply(b.Paid), r.Reply(b.Paid))
}

func (p payments) close(order int) (payments, bool, error) {
	b, _ := p.Bills.get(order)
	return payments{p.Bills.without(order)}, b.Paid, nil
}
