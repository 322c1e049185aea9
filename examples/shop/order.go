package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/world"
)

// An Order is what customers see of an order.
type Order struct {
	ID       int    `json:"id"`
	Item     string `json:"item"`
	Quantity int    `json:"quantity"`
	Status   Status `json:"status"`
	Reason   string `json:"reason,omitempty"` // why it is cancelled
}

// A Status is how far an order is.
type Status string

// An order begins as Awaiting, and ends as Paid or Cancelled.
const (
	Awaiting  Status = "awaiting payment"
	Paid      Status = "paid"
	Cancelled Status = "cancelled"
)

// Changed tells the book that an order is new, or has another status.
var Changed = rpc.DefineCast[Order]("shop.changed")

func init() { world.Register[Order]("shop.Order") }

// An order is a process manager: it leads one order through its steps, and undoes what
// has been done if a step fails. Each order is a process, which ends with the last step.
//
//	reserve the stock   fails: the customer is told why, and there is no order
//	bill the customer   and wait, but only so long
//	close the bill      this decides whether the order is paid, also if a payment
//	                    arrives at the same moment as the deadline
//	release the stock   if it is not paid
//
// A step is a call, and its continuation has a name. So orders are saved with the machine
// at any step, however long they wait.
type order struct {
	Ask       rpc.Ask[Line, Order] // of the customer
	Order     Order
	PayWithin time.Duration
}

var orders = actions.Define("shop.order", func(order) actions.Action { return nil })

var (
	reserved = rpc.DefineThen("shop.order.reserved", order.reserved)
	billed   = rpc.DefineThen("shop.order.billed", order.billed)
	closed   = rpc.DefineThen("shop.order.closed", order.closed)
	released = rpc.DefineThen("shop.order.released", order.released)
)

type step = actions.Transition[order]

func (o order) line() Line { return Line{o.Order.Item, o.Order.Quantity} }

// spawn starts the order.
func (o order) spawn() actions.Action {
	return orders.Spawn(o, rpc.CallThen(Reserve, o.line(), reserved, ""))
}

func (o order) reserved(_ string, _ int, err error) step {
	if err != nil {
		return actions.Next(o, o.Ask.Fail(err))
	}
	o.Order.Status = Awaiting
	return actions.Next(o,
		rpc.Tell(Changed, o.Order),
		o.Ask.Reply(o.Order),
		rpc.CallThen(Bill, o.Order.ID, billed, "", rpc.Within(o.PayWithin)),
	)
}

func (o order) billed(_ string, paid bool, err error) step {
	why := "the payment was declined"
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		why = fmt.Sprintf("no payment arrived within %v", o.PayWithin)
	case err != nil:
		why = err.Error()
	}
	return actions.Next(o, rpc.CallThen(Close, o.Order.ID, closed, why))
}

func (o order) closed(why string, paid bool, _ error) step {
	if paid {
		return o.end(Paid, "")
	}
	return actions.Next(o, rpc.CallThen(Release, o.line(), released, why))
}

func (o order) released(why string, _ int, err error) step {
	if err != nil {
		why = fmt.Sprintf("%s; the stock was not released: %v", why, err)
	}
	return o.end(Cancelled, why)
}

// end is the last step: the process has nothing to wait for any more.
func (o order) end(s Status, why string) step {
	o.Order.Status, o.Order.Reason = s, why
	return actions.Next(o, rpc.Tell(Changed, o.Order))
}
