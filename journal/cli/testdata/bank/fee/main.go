// Fee is a later build of the bank, which takes a fee of 10, and has renamed a field. It reads payments from standard input, as "ann 100", and
// prints balances.
package main

import (
	"flag"
	"fmt"

	"github.com/go-marketplace/marketplace"
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

var greeting = flag.String("greeting", "has", "`word` between a name and a balance")

func main() {
	marketplace.Main(marketplace.Program{
		Types: []actions.Type{accounts.Type, audits.Type},
		Start: func() actions.Action {
			return actions.Group(accounts.Spawn(account{Joint: *greeting}), audits.Spawn(audit{}))
		},
		Serves: true,
	})
}

// An account is what a customer has.
type account struct {
	Joint   string `cbor:"Word"` // the name that it had
	Balance int
}

var accounts = actions.Define("bank.account", func(account) actions.Action {
	return endpoint.Subscriber(topic.All[console.Line](), endpoint.OnMessageState(account.pay))
})

func (a account) pay(l console.Line) actions.Transition[account] {
	var name string
	var amount int
	if _, err := fmt.Sscan(l.Text, &name, &amount); err != nil {
		return actions.Next(a)
	}
	a.Balance += amount - 10
	return actions.Next(a, console.Printf("%s %s %d", name, a.Joint, a.Balance))
}

// An audit counts payments until somebody says "enough".
type audit struct{ Lines int }

var audits = actions.Define("bank.audit", func(audit) actions.Action {
	return endpoint.Subscriber(topic.All[console.Line](), endpoint.OnMessageState(func(a audit, l console.Line) actions.Transition[audit] {
		a.Lines++
		if l.Text == "enough" {
			return actions.Next(a, console.Printf("audited %d", a.Lines), actions.Quit())
		}
		return actions.Next(a)
	}))
})
