package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/examples/internal/servers"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/world"
)

// script returns what the client does, step by step.
func script() []step {
	return []step{
		call(servers.Set, servers.Entry{Key: "user0", Value: 100}),
		call(servers.Set, servers.Entry{Key: "user2", Value: 200}),
		call(servers.Get, "user0"),
		call(servers.Get, "user2"),
		cast(servers.Unset, "user2"),
		call(servers.Get, "user2"),
		call(servers.Open, "user0"),
		call(servers.Add, servers.Change{Owner: "user0", Amount: 10}),
		call(servers.Remove, servers.Change{Owner: "user0", Amount: 5}),
		call(servers.Remove, servers.Change{Owner: "user0", Amount: 1000}),
		call(servers.Open, "user0"),
		call(servers.Add, servers.Change{Owner: "nobody", Amount: 10}),
	}
}

// A step returns what a visit does.
type step func(visit) actions.Action

// A visit is a process that does one step, and starts the visit for the next one. So each
// step is that of another client, and all of them use the same table and accounts.
type visit struct {
	At   distributed.Place // where the servers are
	Step int
	End  *world.Exit // how the client has ended
}

var visits = actions.Define("bank.visit", visit.open)

// open returns what ends the program if the client has ended. A client with a journal that
// is started again then ends at once, in the same way.
func (v visit) open() actions.Action {
	if v.End == nil {
		return nil
	}
	return endpoint.Device(world.Result{}, endpoint.OnValue(func(world.ResultOpen) actions.Action {
		return actions.Tell(world.Result{}, *v.End)
	}))
}

func (v visit) start() actions.Action { return visits.Spawn(v, script()[v.Step](v)) }

// call returns the step that calls an operation, and prints the result.
func call[A any](op rpc.Op[A, int], a A) step {
	return func(v visit) actions.Action {
		return rpc.CallThen(op, a, answered, fmt.Sprintf("%v(%v)", op, a), rpc.At(v.At))
	}
}

// cast returns the step that tells a server something, and does not wait.
func cast[A any](c rpc.Cast[A], a A) step {
	return func(v visit) actions.Action {
		v.Step++
		return actions.Group(rpc.Tell(c, a, rpc.At(v.At)), console.Printf("%v(%v)", c, a), v.start())
	}
}

// answered is set by init, because visit.answered makes calls that continue with it.
var answered rpc.Then[visit, string, int]

func init() { answered = rpc.DefineThen("bank.visit.answered", visit.answered) }

// answered continues after a call. If a server refuses it, that is a result as well. If the
// call has failed otherwise, the client ends.
func (v visit) answered(call string, result int, err error) actions.Transition[visit] {
	line := console.Printf("%s: %d", call, result)
	if refused(err) {
		line, err = console.Printf("%s: %v", call, err), nil
	}
	switch v.Step++; {
	case err != nil:
		return v.end(nil, fmt.Errorf("%s: %w", call, err))
	case v.Step == len(script()):
		return v.end(line, nil)
	}
	return actions.Next(v, line, v.start())
}

// refused reports whether err is that of a server, and not that of a call.
func refused(err error) bool {
	refusals := []error{servers.ErrNotFound, servers.ErrExists, servers.ErrNoAccount, servers.ErrNotEnough, servers.ErrAmount}
	return slices.ContainsFunc(refusals, func(r error) bool { return errors.Is(err, r) })
}

// end ends the program.
func (v visit) end(last actions.Action, err error) actions.Transition[visit] {
	how := world.ExitWith(err)
	v.End = &how
	return actions.Next(v, last, v.open())
}
