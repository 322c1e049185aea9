// Processes spawns four of them, and each comes to its end in a way of its own.
package main

import (
	"context"
	"errors"
	"log"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// A Cake has twelve pieces, which the guests at a table share.
type Cake struct{ Table, Guests int }

// Table is the field of Cake that topics can pin.
var Table = topic.FieldOf(func(c *Cake) *int { return &c.Table })

var (
	errTooMany = errors.New("not enough pieces")
	errClosing = errors.New("closing time")
)

func waiter(table int) actions.Process {
	return actions.Stateless(endpoint.Subscriber(topic.Where(Table.Is(table)), endpoint.OnMessage(cut)))
}

func cut(c Cake) actions.Action {
	pieces := 12 / c.Guests // nobody has thought of a table without guests
	if pieces == 0 {
		return actions.Fail(errTooMany)
	}
	return actions.Tree{console.Printf("table %d: %d pieces each", c.Table, pieces), actions.Quit()}
}

type manager struct{ newest actions.PID }

func (m manager) hired(waiter actions.PID) actions.Transition[manager] {
	return actions.Next(manager{newest: waiter})
}

func (m manager) lost(c Cake, reason error) actions.Transition[manager] {
	_, crashed := errors.AsType[*vm.PanicError](reason)
	return actions.Next(m,
		console.Printf("manager: table %d has lost its waiter: %v", c.Table, reason),
		actions.When(crashed, actions.Kill(m.newest, errClosing)),
	)
}

func newManager() actions.Process {
	hire := func(table int) actions.Action { return actions.SpawnThen(waiter(table), manager.hired) }
	return actions.Next(manager{},
		endpoint.ObserveSubscribers(topic.All[Cake](), endpoint.OnAbsenceState(manager.lost)),
		hire(1), hire(2), hire(3), hire(4),
	)
}

// order orders a cake as soon as there is a waiter for the table.
func order(c Cake) actions.Action {
	return endpoint.Publisher(topic.Where(Table.Is(c.Table)),
		endpoint.OnPresence(func(Cake) actions.Action { return actions.Send(c) }))
}

func main() {
	guests := actions.Stateless(order(Cake{1, 4}), order(Cake{2, 40}), order(Cake{3, 0}))
	err := ground.Run(context.Background(), console.Driver(), actions.Spawn(newManager()), actions.Spawn(guests))
	if err != nil {
		log.Fatal(err)
	}
}
