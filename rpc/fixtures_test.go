package rpc_test

import (
	"errors"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// The server of these tests is a bank. A negative balance is refused, and an amount of
// 666 crashes the bank.
type Change struct {
	Account string
	Amount  int
}

var (
	Add  = rpc.Define[Change, int]("rpc_test.add")
	Note = rpc.DefineCast[string]("rpc_test.note")

	Account = topic.FieldOf(func(c *Change) *string { return &c.Account })

	errOverdrawn = errors.New("rpc_test: overdrawn")
)

func init() {
	world.Register[Change]("rpc_test.Change")
	world.RegisterErrorKind("rpc_test.errOverdrawn", errOverdrawn)
}

type accounts struct{ Sum int }

func (a accounts) add(c Change) (accounts, int, error) {
	switch {
	case c.Amount == 666:
		panic("666")
	case a.Sum+c.Amount < 0:
		return a, 0, errOverdrawn
	}
	a.Sum += c.Amount
	return a, a.Sum, nil
}

func (a accounts) open() actions.Action { return rpc.Methods(rpc.Handle(Add, accounts.add)) }

var banks = actions.Define("rpc_test.bank", accounts.open)

// An Answer is what a caller of these tests says about a call.
type Answer struct {
	Tag    string
	Result int
	Err    string
}

// A customer is a process that makes a call when it is asked to, and says what the
// answer is.
type customer struct{ Asked int }

// An Order asks customers to call.
type Order struct {
	Tag    string
	Change Change
}

var answered = rpc.DefineThen("rpc_test.answered", func(c customer, tag string, r int, err error) actions.Transition[customer] {
	return actions.Next(c, answer(tag)(r, err))
})

func (c customer) open() actions.Action {
	return endpoint.Subscriber(topic.All[Order](), endpoint.OnMessageState(customer.order))
}

func (c customer) order(o Order) actions.Transition[customer] {
	c.Asked++
	return actions.Next(c, rpc.CallThen(Add, o.Change, answered, o.Tag))
}

var customers = actions.Define("rpc_test.customer", customer.open)

// answer returns a continuation that says what the answer is.
func answer(tag string) func(int, error) actions.Action {
	return func(r int, err error) actions.Action {
		a := Answer{tag, r, ""}
		if err != nil {
			a.Err = err.Error()
			for _, known := range []error{rpc.ErrNobody, rpc.ErrGone, rpc.ErrNoTimer, errOverdrawn, vm.ErrPanic} {
				if errors.Is(err, known) {
					a.Err = known.Error()
				}
			}
		}
		return actions.Send(a)
	}
}

// call calls Add, and says what the answer is.
func call(tag string, c Change, opts ...rpc.Option) actions.Action {
	return rpc.Call(Add, c, answer(tag), opts...)
}

// caller is a process that performs calls, and nothing else.
func caller(as ...actions.Action) actions.Action {
	return actions.Spawn(actions.Stateless(as...)).Named("caller")
}
