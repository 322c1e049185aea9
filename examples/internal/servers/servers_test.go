package servers_test

import (
	"errors"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/examples/internal/servers"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/vmtest"
)

// A deed is a call in a test.
type deed func(t *testing.T, m *vmtest.Machine) (int, error)

func ask[A any](op rpc.Op[A, int], a A) deed {
	return func(t *testing.T, m *vmtest.Machine) (n int, err error) {
		calls := 0
		m.Perform(actions.Spawn(actions.Stateless(rpc.Call(op, a, func(got int, failed error) actions.Action {
			n, err = got, failed
			calls++
			return nil
		}))))
		if calls == 0 {
			t.Fatalf("%v(%v) has no answer", op, a)
		}
		return n, err
	}
}

func tell[A any](c rpc.Cast[A], a A) deed {
	return func(_ *testing.T, m *vmtest.Machine) (int, error) {
		m.Perform(rpc.Tell(c, a))
		return 0, nil
	}
}

// The servers keep a state, answer calls, and take casts. DP-13, DP-14, DP-15, DP-18.
func TestServers(t *testing.T) {
	m := vmtest.Config{Types: servers.Types}.Run(t, servers.Tuples(), servers.Bank())
	for i, tt := range []struct {
		deed
		n   int
		err error
	}{
		{ask(servers.Get, "a"), 0, servers.ErrNotFound},
		{tell(servers.Unset, "a"), 0, nil},
		{ask(servers.Set, servers.Entry{Key: "a", Value: 1}), 1, nil},
		{ask(servers.Set, servers.Entry{Key: "b", Value: 2}), 2, nil},
		{ask(servers.Get, "a"), 1, nil},
		{ask(servers.Set, servers.Entry{Key: "a", Value: 3}), 3, nil},
		{ask(servers.Get, "a"), 3, nil},
		{tell(servers.Unset, "a"), 0, nil},
		{ask(servers.Get, "a"), 0, servers.ErrNotFound},
		{ask(servers.Get, "b"), 2, nil},
		{ask(servers.Add, servers.Change{Owner: "a", Amount: 1}), 0, servers.ErrNoAccount},
		{ask(servers.Remove, servers.Change{Owner: "a", Amount: 1}), 0, servers.ErrNoAccount},
		{ask(servers.Open, "a"), 0, nil},
		{ask(servers.Open, "a"), 0, servers.ErrExists},
		{ask(servers.Remove, servers.Change{Owner: "a", Amount: 1}), 0, servers.ErrNotEnough},
		{ask(servers.Add, servers.Change{Owner: "a", Amount: 10}), 10, nil},
		{ask(servers.Add, servers.Change{Owner: "a", Amount: 0}), 0, servers.ErrAmount},
		{ask(servers.Add, servers.Change{Owner: "a", Amount: -1}), 0, servers.ErrAmount},
		{ask(servers.Remove, servers.Change{Owner: "a", Amount: -1}), 0, servers.ErrAmount},
		{ask(servers.Add, servers.Change{Owner: "a", Amount: 1_000_000_001}), 0, servers.ErrAmount},
		{ask(servers.Remove, servers.Change{Owner: "a", Amount: 11}), 0, servers.ErrNotEnough},
		{ask(servers.Remove, servers.Change{Owner: "a", Amount: 10}), 0, nil},
	} {
		if n, err := tt.deed(t, m); n != tt.n || !errors.Is(err, tt.err) || tt.err == nil && err != nil {
			t.Errorf("call %d: %d, %v; want %d, %v", i, n, err, tt.n, tt.err)
		}
	}
}
