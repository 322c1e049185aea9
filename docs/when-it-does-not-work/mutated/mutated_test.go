//go:build mistake

package mutated

import (
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
)

// An Order is what a guest wants.
type Order struct{ Dish string }

type till map[string]int

func (t till) ring(o Order) actions.Transition[till] {
	t[o.Dish]++
	return actions.Next(t)
}

func TestTill(t *testing.T) {
	m := vmtest.Run(t, actions.Spawn(actions.Next(till{},
		endpoint.Subscriber(topic.All[Order](), endpoint.OnMessageState(till.ring)))).Named("till"))
	vmtest.Publisher(m, topic.All[Order]()).Send(Order{"soup"})
}
