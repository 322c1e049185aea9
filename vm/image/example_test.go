package image_test

import (
	"encoding/json"
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vm/image"
)

type Deposit struct {
	Account string
	Amount  int
}

var Account = topic.FieldOf(func(d *Deposit) *string { return &d.Account })

// Savings are plain data, so they need no codec of their own.
type savings struct {
	Account string
	Balance int
}

// open is all that a process with savings has open.
func (s savings) open() actions.Action {
	return endpoint.Subscriber(topic.Where(Account.Is(s.Account)), endpoint.OnMessageState(savings.deposit)).As("deposits")
}

func (s savings) deposit(d Deposit) actions.Transition[savings] {
	s.Balance += d.Amount
	return actions.Next(s)
}

// A machine is saved, and goes on somewhere else.
func Example() {
	types, err := image.NewTypes(actions.Define("bank.savings", savings.open).Type)
	if err != nil {
		panic(err)
	}
	s := savings{Account: "tony"}
	m := vm.New(actions.Spawn(actions.Next(s, s.open())), actions.Spawn(actions.Stateless(actions.Send(Deposit{"tony", 3}))))
	m.Apply(vm.Input{Kind: vm.Start})
	im, err := image.Of(m.Snapshot(), types, func(_ actions.Type, state any) ([]byte, error) { return json.Marshal(state) })
	if err != nil {
		panic(err)
	}

	text, _ := json.Marshal(im) // this is where it would go to a file
	_ = json.Unmarshal(text, &im)

	state, err := im.State(types, func(_ actions.Type, data []byte) (any, error) {
		var s savings
		err := json.Unmarshal(data, &s)
		return s, err
	})
	if err != nil {
		panic(err)
	}
	fmt.Print(state.Machine(nil))
	// Output:
	// 2  image_test.savings{Account: "tony", Balance: 3}
	// 	subscriber of image_test.Deposit{Account: "tony"} as "deposits"
}
