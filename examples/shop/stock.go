package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// The operations of the warehouse.
var (
	Reserve = rpc.Define[Line, int]("shop.reserve") // takes pieces out of the stock; the result is what is left
	Release = rpc.Define[Line, int]("shop.release") // puts them back
	Count   = rpc.Define[All, Levels]("shop.count") // the whole stock
)

// A Line is a number of pieces of an item.
type Line struct {
	Item     string `json:"item"`
	Quantity int    `json:"quantity"`
}

// Levels are how many pieces of each item are left.
type Levels map[string]int

// All asks for everything.
type All struct{}

// Stock is what is left of an item. The warehouse does not send it. The warehouse is
// present as a publisher of it, so anyone who subscribes sees the stock as it is, and
// then all changes.
type Stock struct {
	Item string `json:"item"`
	Left int    `json:"left"`
}

var (
	stockItem = topic.FieldOf(func(s *Stock) *string { return &s.Item })
	stockLeft = topic.FieldOf(func(s *Stock) *int { return &s.Left })
)

// Why the warehouse reserves nothing.
var (
	ErrNoItem   = errors.New("the shop does not sell this item")
	ErrQuantity = errors.New("the quantity must be at least 1")
	ErrSoldOut  = errors.New("there are not enough pieces left")
)

func init() {
	world.Register[Line]("shop.Line")
	world.Register[Levels]("shop.Levels")
	world.Register[All]("shop.All")
	world.Register[Stock]("shop.Stock")
	world.RegisterErrorKind("shop.ErrNoItem", ErrNoItem)
	world.RegisterErrorKind("shop.ErrQuantity", ErrQuantity)
	world.RegisterErrorKind("shop.ErrSoldOut", ErrSoldOut)
}

var warehouses = actions.Define("shop.warehouse", warehouse.open)

// A warehouse keeps the stock.
type warehouse struct{ Left Levels }

func (w warehouse) open() actions.Action {
	all := actions.Tree{rpc.Methods(
		rpc.HandleLater(Reserve, warehouse.reserve),
		rpc.HandleLater(Release, warehouse.release),
		rpc.Handle(Count, func(w warehouse, _ All) (warehouse, Levels, error) { return w, w.Left, nil }),
	)}
	for _, item := range slices.Sorted(maps.Keys(w.Left)) {
		all = append(all, show(item, w.Left[item]))
	}
	return all
}

// show makes the stock of an item visible.
func show(item string, left int) actions.AddEndpoint {
	return endpoint.Publisher(topic.Where(stockItem.Is(item), stockLeft.Is(left))).As("stock of " + item)
}

func (w warehouse) reserve(r rpc.Ask[Line, int]) actions.Transition[warehouse] {
	left, sells := w.Left[r.Args.Item]
	switch {
	case !sells:
		return actions.Next(w, r.Fail(fmt.Errorf("%w: %q", ErrNoItem, r.Args.Item)))
	case r.Args.Quantity < 1:
		return actions.Next(w, r.Fail(fmt.Errorf("%w, and is %d", ErrQuantity, r.Args.Quantity)))
	case r.Args.Quantity > left:
		return actions.Next(w, r.Fail(fmt.Errorf("%w: %q, %d left", ErrSoldOut, r.Args.Item, left)))
	}
	return w.answer(r, left-r.Args.Quantity)
}

func (w warehouse) release(r rpc.Ask[Line, int]) actions.Transition[warehouse] {
	return w.answer(r, w.Left[r.Args.Item]+r.Args.Quantity)
}

// answer changes the stock, shows the change, and answers a request with what is left.
func (w warehouse) answer(r rpc.Ask[Line, int], left int) actions.Transition[warehouse] {
	w.Left = maps.Clone(w.Left)
	w.Left[r.Args.Item] = left
	return actions.Next(w, actions.Replace(show(r.Args.Item, left)), r.Reply(left))
}
