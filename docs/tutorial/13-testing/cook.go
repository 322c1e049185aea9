// Package cook has a process that boils eggs, and a test of it.
package cook

import (
	"errors"
	"strconv"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// An Order asks for an egg that is boiled for some minutes.
type Order struct{ Table, Minutes int }

// Served says that an egg is on the table.
type Served struct{ Table int }

// ErrNoEggs is the reason of a cook who has run out of eggs.
var ErrNoEggs = errors.New("cook: there are no more eggs")

type cook struct {
	clock world.Clock
	eggs  int
}

// New returns a cook with a supply of eggs. It fails with [ErrNoEggs] when it
// gets an order for which there is no egg.
func New(clock world.Clock, eggs int) actions.Process {
	return actions.Next(cook{clock, eggs},
		endpoint.Subscriber(topic.All[Order](), endpoint.OnMessageState(cook.boil)),
	)
}

func (c cook) boil(o Order) actions.Transition[cook] {
	if c.eggs == 0 {
		return actions.Next(c, actions.Fail(ErrNoEggs))
	}
	c.eggs--
	return actions.Next(c, endpoint.Device(alarm(c.clock, o), endpoint.OnValue(func(world.AlarmRang) actions.Action {
		return actions.Send(Served{o.Table})
	})))
}

// alarm is the alarm for an order. There is one for each table.
func alarm(clock world.Clock, o Order) world.Alarm {
	return world.Alarm{Clock: clock, After: time.Duration(o.Minutes) * time.Minute, Label: strconv.Itoa(o.Table)}
}
