// Topics shows patterns over a struct: what they match, and what two of them
// have in common.
package main

import (
	"fmt"

	"github.com/go-marketplace/marketplace/topic"
)

// An Order is what a table wants.
type Order struct {
	Table int
	Dish  string
}

// The fields of Order that topics can pin.
var (
	Table = topic.FieldOf(func(o *Order) *int { return &o.Table })
	Dish  = topic.FieldOf(func(o *Order) *string { return &o.Dish })
)

func main() {
	all := topic.All[Order]()                       // whatever is ordered
	four := topic.Where(Table.Is(4))                // whatever table 4 orders
	soups := topic.Where(topic.Glob(Dish, "*soup")) // any soup, for any table

	tart := Order{Table: 4, Dish: "tart"}
	fmt.Println(all.Matches(tart), four.Matches(tart), soups.Matches(tart))

	both, ok := four.Intersect(soups)
	fmt.Println(both, ok)

	_, ok = four.Intersect(topic.Where(Table.Is(7)))
	fmt.Println(ok)
}
