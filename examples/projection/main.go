// Projection is a till, and a read model of it that is kept outside, in SQLite.
//
//	go run . -journal till.journal
//	go run . -project till.journal -db till.db
//
// The till reads payments, such as "ann 5", from standard input, and prints what each has. It
// knows that only while it runs, and in its journal. The second process follows the journal, and
// keeps all payments and balances in tables, for anybody who wants to ask for them in SQL. Both
// can be killed at any time, even with kill -9, and go on.
//
// See docs/projections.md, and [marketplace.Main] for the exit status.
package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/go-marketplace/marketplace"
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

var (
	project = flag.String("project", "", "do not run the till, but keep a read model of the journal in this `folder`")
	db      = flag.String("db", "till.db", "the `file` with the read model")
)

func main() {
	marketplace.Main(marketplace.Program{
		Types: []actions.Type{tills.Type},
		Start: func() actions.Action { return tills.Spawn(till{}) },
		Instead: func(ctx context.Context, _ bool) (bool, error) {
			if *project == "" {
				return false, nil
			}
			return true, keep(ctx, *project, *db)
		},
	})
}

// A payment is what a line says.
type payment struct {
	Account string
	Amount  int64
}

// parse reads a line. It reports false if that is no payment.
func parse(line string) (p payment, ok bool) {
	account, amount, _ := strings.Cut(strings.TrimSpace(line), " ")
	n, err := strconv.ParseInt(amount, 10, 32)
	return payment{account, n}, err == nil && account != ""
}

var tills = actions.Define("projection.till", till.open)

// A till keeps balances.
type till struct{ Balances map[string]int64 }

func (t till) open() actions.Action {
	return endpoint.Subscriber(topic.All[console.Line](),
		endpoint.OnMessageState(till.book),
		endpoint.OnAbsence(func(console.Line, error) actions.Action { return actions.Quit() }),
	)
}

// book books a payment, and prints what the account has.
func (t till) book(l console.Line) actions.Transition[till] {
	p, ok := parse(l.Text)
	if !ok {
		return actions.Next(t, console.Printf("%q is no payment, such as ann 5", l.Text))
	}
	balances := maps.Clone(t.Balances)
	if balances == nil {
		balances = map[string]int64{}
	}
	balances[p.Account] += p.Amount
	return actions.Next(till{balances}, console.Printf("%s", fmt.Sprint(p.Account, " has ", balances[p.Account])))
}
