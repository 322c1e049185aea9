// State runs a process that remembers something: a till.
package main

import (
	"context"
	"log"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
)

// A Bill is what a table has to pay.
type Bill struct{ Table, Cents int }

// Evening has come: the till is to be counted.
type Evening struct{}

type till struct{ bills, cents int }

func (t till) ring(b Bill) actions.Transition[till] {
	t.bills++
	t.cents += b.Cents
	return actions.Next(t, console.Printf("till: %d cents from table %d", b.Cents, b.Table))
}

func (t till) count(Evening) actions.Transition[till] {
	return actions.Next(till{}, console.Printf("till: %d bills, %d cents", t.bills, t.cents))
}

func newTill() actions.Process {
	return actions.Next(till{},
		endpoint.Subscriber(topic.All[Bill](), endpoint.OnMessageState(till.ring)),
		endpoint.Subscriber(topic.All[Evening](), endpoint.OnMessageState(till.count)),
	)
}

func main() {
	day := actions.Stateless(
		actions.Send(Bill{Table: 4, Cents: 1250}),
		actions.Send(Bill{Table: 7, Cents: 2900}),
		actions.Send(Evening{}),
	)
	err := ground.Run(context.Background(), console.Driver(), actions.Spawn(newTill()), actions.Spawn(day))
	if err != nil {
		log.Fatal(err)
	}
}
