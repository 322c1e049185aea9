// Package servers has the two servers of the example: a tuple server, which keeps values by
// their keys, and a bank, which keeps accounts.
package servers

import (
	"errors"
	"log/slog"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/world"
)

// An Entry is a key and its value.
type Entry struct {
	Key   string
	Value int
}

// The operations of the tuple server.
var (
	Set   = rpc.Define[Entry, int]("tuple.set")   // the result is the value
	Get   = rpc.Define[string, int]("tuple.get")  // the value of a key
	Unset = rpc.DefineCast[string]("tuple.unset") // removes a key
	Hello = rpc.DefineCast[string]("tuple.hello") // logs a greeting
)

// ErrNotFound says that a key has no value.
var ErrNotFound = errors.New("tuple: not found")

func init() {
	world.Register[Entry]("tuple.Entry")
	world.RegisterErrorKind("tuple.ErrNotFound", ErrNotFound)
}

// Types are the process types of the servers.
var Types = []actions.Type{tupleServers.Type, banks.Type}

// Tuples spawns a tuple server.
func Tuples() actions.SpawnProcess { return tupleServers.Spawn(tuples{}) }

// Bank spawns a bank.
func Bank() actions.SpawnProcess { return banks.Spawn(accounts{}) }

var tupleServers = actions.CodedAs(actions.Define("tuple.server", tuples.open),
	func(t tuples) []Entry { return t.entries() },
	func(all []Entry) (tuples, error) { return tuples{tableOf(all)}, nil })

// tuples is the state of the tuple server.
type tuples struct{ table }

func (tuples) open() actions.Action {
	return rpc.Methods(rpc.Handle(Set, tuples.set), rpc.Handle(Get, tuples.get), rpc.On(Unset, tuples.unset), rpc.On(Hello, tuples.hello))
}

func (t tuples) set(e Entry) (tuples, int, error) {
	return tuples{t.with(e.Key, e.Value)}, e.Value, nil
}

func (t tuples) get(key string) (tuples, int, error) {
	v, ok := t.value(key)
	if !ok {
		return t, 0, ErrNotFound
	}
	return t, v, nil
}

func (t tuples) unset(key string) actions.Transition[tuples] {
	return actions.Next(tuples{t.without(key)})
}

func (t tuples) hello(who string) actions.Transition[tuples] {
	return actions.Next(t, distributed.Log(slog.LevelInfo, "hello from a cast", "who", who))
}

// A table is a map that never changes: a changed one shares most of it. The zero table is
// empty.
type table struct {
	m *immutable.SortedMap[string, int]
}

func (t table) value(key string) (v int, ok bool) {
	if t.m == nil {
		return 0, false
	}
	return t.m.Get(key)
}

func (t table) with(key string, v int) table {
	if t.m == nil {
		t.m = immutable.NewSortedMap[string, int](nil)
	}
	return table{t.m.Set(key, v)}
}

func (t table) without(key string) table {
	if t.m == nil {
		return t
	}
	return table{t.m.Delete(key)}
}

// entries returns the entries in the order of their keys.
func (t table) entries() (all []Entry) {
	if t.m == nil {
		return nil
	}
	for i := t.m.Iterator(); !i.Done(); {
		k, v, _ := i.Next()
		all = append(all, Entry{k, v})
	}
	return all
}

// tableOf returns the table of some entries.
func tableOf(all []Entry) (t table) {
	for _, e := range all {
		t = t.with(e.Key, e.Value)
	}
	return t
}
