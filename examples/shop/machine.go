package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/supervise"
)

// A shop is what the flags say of the shop. A journal is replayed with the same.
type shop struct {
	Stock     Levels // at the beginning
	PayWithin time.Duration
}

// If the provider of payments fails, its bills are lost, and their orders are cancelled.
// So it can be started again. The warehouse and the book cannot: they are what the shop
// knows.
var supervisor = supervise.Define[payments]("shop.provider", supervise.Spec{},
	supervise.Child{Name: "payments", Start: providers.Spawn(payments{})})

// start starts the processes of the shop.
func (s shop) start() actions.Action {
	return actions.Group(warehouses.Spawn(warehouse{s.Stock}), supervisor.Spawn(), books.Spawn(book{PayWithin: s.PayWithin}))
}

// program is the program of the machine: the processes of the shop, the driver of timers
// for the deadlines of payments, and a door.
func (s shop) program(d *door.Door) journal.Program {
	p := journal.Booting(timer.Driver(), d.Driver(), s.start())
	p.Types = slices.Concat(timer.Types(), door.Types(d), []actions.Type{
		warehouses.Type, providers.Type, supervisor.Type, books.Type, orders.Type,
	})
	return p
}

// parse reads the stock from a flag.
func (l *Levels) parse(s string) error {
	*l = Levels{}
	for part := range strings.SplitSeq(s, ",") {
		item, number, _ := strings.Cut(part, "=")
		n, err := strconv.ParseUint(number, 10, 31)
		if _, twice := (*l)[item]; err != nil || item == "" || twice {
			return fmt.Errorf("%q is not an item and a number, as in tea=5, or is there twice", part)
		}
		(*l)[item] = int(n)
	}
	return nil
}
