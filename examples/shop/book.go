package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/world"
)

// The operations of the book.
var (
	Place = rpc.Define[Line, Order]("shop.place") // makes an order; the answer comes when the stock is reserved
	Look  = rpc.Define[int, Order]("shop.look")   // an order by its number
)

// ErrNoOrder says that there is no order with a number.
var ErrNoOrder = errors.New("there is no such order")

func init() { world.RegisterErrorKind("shop.ErrNoOrder", ErrNoOrder) }

// A book numbers the orders, starts a process for each, and remembers them all. (A shop
// that lives for years would move old ones into a database.)
type book struct {
	PayWithin time.Duration
	Last      int // the number of the last order
	Orders    table[Order]
}

var books = actions.CodedAs(actions.Define("shop.book", book.open), book.write, writtenBook.read)

func (book) open() actions.Action {
	return rpc.Methods(rpc.HandleLater(Place, book.place), rpc.Handle(Look, book.look), rpc.On(Changed, book.changed))
}

// place starts an order. The order answers the customer.
func (b book) place(r rpc.Ask[Line, Order]) actions.Transition[book] {
	b.Last++
	o := Order{ID: b.Last, Item: r.Args.Item, Quantity: r.Args.Quantity}
	return actions.Next(b, order{r, o, b.PayWithin}.spawn())
}

func (b book) look(id int) (book, Order, error) {
	o, ok := b.Orders.get(id)
	if !ok {
		return b, o, fmt.Errorf("%w: %d", ErrNoOrder, id)
	}
	return b, o, nil
}

func (b book) changed(o Order) actions.Transition[book] {
	b.Orders = b.Orders.with(o.ID, o)
	return actions.Next(b)
}

// A writtenBook is a book as it is saved.
type writtenBook struct {
	PayWithin time.Duration
	Last      int
	Orders    []Order
}

func (b book) write() writtenBook { return writtenBook{b.PayWithin, b.Last, b.Orders.values()} }

func (w writtenBook) read() (book, error) {
	return book{w.PayWithin, w.Last, tableOf(w.Orders, func(o Order) int { return o.ID })}, nil
}

// A table is a map that never changes: a changed one shares most of it, so a change costs
// little however large the table is. The zero table is empty.
type table[V any] struct{ m *immutable.SortedMap[int, V] }

func (t table[V]) get(key int) (v V, ok bool) {
	if t.m == nil {
		return v, false
	}
	return t.m.Get(key)
}

func (t table[V]) with(key int, v V) table[V] {
	if t.m == nil {
		t.m = immutable.NewSortedMap[int, V](nil)
	}
	return table[V]{t.m.Set(key, v)}
}

func (t table[V]) without(key int) table[V] {
	if t.m == nil {
		return t
	}
	return table[V]{t.m.Delete(key)}
}

// values returns the values in the order of their keys.
func (t table[V]) values() (all []V) {
	if t.m == nil {
		return nil
	}
	for it := t.m.Iterator(); !it.Done(); {
		_, v, _ := it.Next()
		all = append(all, v)
	}
	return all
}

// tableOf is the table of some values.
func tableOf[V any](all []V, key func(V) int) (t table[V]) {
	for _, v := range all {
		t = t.with(key(v), v)
	}
	return t
}
