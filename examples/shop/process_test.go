package main

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
)

// These tests run the processes without HTTP, a door or time. A test calls operations as
// a customer does, and plays the timer driver. At every moment the machine can be saved.

// A till is a machine with the processes of the shop, and the probes of a test.
type till struct {
	*testing.T
	m       *vmtest.Machine
	replies *vmtest.Probe[reply]
	stock   *vmtest.Probe[Stock]
	sets    *vmtest.Probe[timer.Set]
	clock   *vmtest.Probe[timer.Expired]
}

// A reply is what a customer of these tests publishes: the answer to a call.
type reply struct {
	Order Order
	Err   error
}

// newTill runs the shop.
func newTill(t *testing.T) *till { return tillOf(t, testShop.start()) }

var testShop = shop{Levels{"tea": 5}, time.Minute}

func tillOf(t *testing.T, processes ...actions.Action) *till {
	m := vmtest.Config{Types: testShop.program(door.New("counter")).Types}.Run(t, processes...)
	return &till{t, m,
		vmtest.Subscriber(m, topic.All[reply]()),
		vmtest.Subscriber(m, topic.All[Stock]()),
		vmtest.Subscriber(m, topic.All[timer.Set]()),
		vmtest.Publisher(m, topic.All[timer.Expired]()),
	}
}

// ask calls an operation, and returns the answer, if there is one at once.
func ask[A any](t *till, op rpc.Op[A, Order], a A) (Order, error) {
	t.Helper()
	t.m.Perform(actions.Spawn(actions.Stateless(rpc.Call(op, a, func(o Order, err error) actions.Action {
		return actions.Send(reply{o, err})
	}))))
	for _, h := range t.replies.Take() {
		if h.Kind == actions.Delivery {
			return h.About.Order, h.About.Err
		}
	}
	t.Fatalf("%v(%v) has no answer", op, a)
	return Order{}, nil
}

// pays is the outside that says whether an order is paid.
func (t *till) pays(id int, accepted bool) {
	t.m.Perform(actions.Spawn(actions.Stateless(rpc.Call(Settle, Payment{id, accepted}, func(_ bool, err error) actions.Action {
		return actions.Send(reply{Err: err})
	}))))
}

// settled expects the answer to pays.
func (t *till) settled(want error) {
	t.Helper()
	for _, h := range t.replies.Take() {
		if h.Kind == actions.Delivery {
			if !errors.Is(h.About.Err, want) || (want == nil && h.About.Err != nil) {
				t.Errorf("the payment: %v, want %v", h.About.Err, want)
			}
			return
		}
	}
	t.Error("the payment has no answer")
}

// expire lets the deadline of the last payment come.
func (t *till) expire() {
	var label string
	for _, h := range t.sets.Take() {
		if h.Kind == actions.Delivery {
			if label = h.About.Label; h.About.After != time.Minute {
				t.Errorf("the deadline is after %v", h.About.After)
			}
		}
	}
	t.clock.Send(timer.Expired{Label: label})
}

func (t *till) killProvider(reason error) {
	for p := range t.m.VM().Processes() {
		if _, ok := p.State.(payments); ok {
			t.m.Perform(actions.Kill(p.Path[0], reason))
			return
		}
	}
}

func (t *till) expectStock(want ...int) {
	t.Helper()
	var got []int
	for _, h := range t.stock.Take() {
		if h.Kind == actions.Presence {
			got = append(got, h.About.Left)
		}
	}
	if !cmp.Equal(got, want) {
		t.Errorf("the stock was %v, want %v", got, want)
	}
}

func (t *till) expectOrder(want Order) {
	t.Helper()
	if got, err := ask(t, Look, want.ID); err != nil || got != want {
		t.Errorf("the order is %+v, %v, want %+v", got, err, want)
	}
}

// expectQuiet expects that nothing is left of the orders but the entries in the book.
func (t *till) expectQuiet() {
	t.Helper()
	for p := range t.m.VM().Processes() {
		switch s := p.State.(type) {
		case order:
			t.Errorf("there is still the process of order %d", s.Order.ID)
		case payments:
			if left := s.Bills.values(); len(left) > 0 {
				t.Errorf("there are still bills: %+v", left)
			}
		}
	}
}

func TestOrderIsPaid(t *testing.T) {
	c := newTill(t)
	o, err := ask(c, Place, Line{"tea", 2})
	if want := (Order{1, "tea", 2, Awaiting, ""}); err != nil || o != want {
		t.Errorf("the order is %+v, %v, want %+v", o, err, want)
	}
	c.expectOrder(o)
	c.expectStock(5, 3)
	c.pays(1, true)
	c.settled(nil)
	c.expectOrder(Order{1, "tea", 2, Paid, ""})
	c.expectStock()
	c.expectQuiet()
	c.pays(1, true)
	c.settled(ErrNotDue)
}

// Whatever stops a payment, the stock is given back.
func TestOrderIsCompensated(t *testing.T) {
	for why, stop := range map[string]func(*till){
		"no payment arrived within 1m0s": (*till).expire,
		"the payment was declined":       func(c *till) { c.pays(1, false); c.settled(nil) },
	} {
		t.Run(why, func(t *testing.T) {
			c := newTill(t)
			if _, err := ask(c, Place, Line{"tea", 2}); err != nil {
				t.Fatal(err)
			}
			c.expectStock(5, 3)
			stop(c)
			c.expectStock(5)
			c.expectOrder(Order{1, "tea", 2, Cancelled, why})
			c.expectQuiet()
			c.pays(1, true)
			c.settled(ErrNotDue)
		})
	}
}

// If the provider of payments fails, the orders that wait for it are cancelled, and it is
// started again for the next ones.
func TestProviderFails(t *testing.T) {
	c := newTill(t)
	if _, err := ask(c, Place, Line{"tea", 2}); err != nil {
		t.Fatal(err)
	}
	c.killProvider(errors.New("out of money"))
	c.expectStock(5, 3, 5)
	o, err := ask(c, Look, 1)
	want := Order{1, "tea", 2, Cancelled, fmt.Sprintf("%v: shop.bill: out of money", rpc.ErrGone)}
	if err != nil || o != want {
		t.Errorf("the order is %+v, %v, want %+v", o, err, want)
	}
	if _, err := ask(c, Place, Line{"tea", 1}); err != nil {
		t.Fatal(err)
	}
	c.pays(2, true)
	c.settled(nil)
	c.expectOrder(Order{2, "tea", 1, Paid, ""})
}

func TestRefusals(t *testing.T) {
	c := newTill(t)
	for _, l := range []struct {
		Line
		want error
	}{
		{Line{"gold", 1}, ErrNoItem},
		{Line{"tea", 0}, ErrQuantity},
		{Line{"tea", -1}, ErrQuantity},
		{Line{"tea", 6}, ErrSoldOut},
	} {
		if o, err := ask(c, Place, l.Line); !errors.Is(err, l.want) {
			t.Errorf("%+v: %+v, %v, want %v", l.Line, o, err, l.want)
		}
	}
	if o, err := ask(c, Look, 1); !errors.Is(err, ErrNoOrder) {
		t.Errorf("order %+v, %v, want %v", o, err, ErrNoOrder)
	}
	c.expectStock(5)
	c.expectQuiet()
	if _, err := ask(c, Place, Line{"tea", 5}); err != nil {
		t.Errorf("nothing has been sold: %v", err)
	}
}

// If a payment arrives while its deadline passes, either the order is paid, or its
// customer hears that no payment is due: never something in between.
func TestPaymentMeetsDeadline(t *testing.T) {
	o := order{Order: Order{ID: 1, Item: "tea", Quantity: 2, Status: Awaiting}, PayWithin: time.Minute}
	for _, paid := range []bool{true, false} {
		bills := payments{}
		bills.Bills = bills.Bills.with(1, bill{Ask: rpc.Ask[int, bool]{Op: "shop.bill", Args: 1}, Settled: paid, Paid: paid})
		c := tillOf(t, warehouses.Spawn(warehouse{testShop.Stock}), providers.Spawn(bills), books.Spawn(book{}))
		late := o.billed("", false, context.DeadlineExceeded)
		c.m.Perform(orders.Spawn(late.State, late.Actions))
		want := Order{1, "tea", 2, Cancelled, "no payment arrived within 1m0s"}
		if paid {
			want.Status, want.Reason = Paid, ""
		}
		c.expectOrder(want)
		c.expectQuiet()
	}
}
