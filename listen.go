package marketplace

import (
	"errors"
	"flag"
	"fmt"
	"maps"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/world"
)

// ListenFlag registers a flag for an address to listen on, "host:port", with a
// default. It returns the address, which has the name of the flag: see
// [tcp.NamedListener]. [Main] gives the drivers the value of the flag, so the value
// is no part of the state of a process: a program that goes on from a journal with
// another value listens there. ListenFlag panics if the default is no such address.
func ListenFlag(name, value, usage string) tcp.Addr {
	return listenFlag(flag.CommandLine, name, value, usage)
}

func listenFlag(set *flag.FlagSet, name, value, usage string) tcp.Addr {
	v := &listenValue{value}
	if err := v.Set(value); err != nil {
		panic(fmt.Sprintf("marketplace: the default of the flag -%s: %v", name, err))
	}
	set.Var(v, name, usage)
	return tcp.NamedListener(name)
}

// A listenValue is the value of a flag that ListenFlag has registered.
type listenValue struct{ text string }

func (v *listenValue) String() string { return v.text }

func (v *listenValue) Set(s string) error {
	if _, err := tcp.ParseListener(s); err != nil {
		return err
	}
	v.text = s
	return nil
}

// ListenAddresses returns the values of the flags of [ListenFlag], by the names of the flags: the
// Addresses for the drivers of a program that does not use [Main].
func ListenAddresses() map[string]string { return withListenFlags(flag.CommandLine, nil) }

// withListenFlags adds the values of the flags of ListenFlag to addresses, except for names that
// are there.
func withListenFlags(set *flag.FlagSet, addresses map[string]string) map[string]string {
	all := map[string]string{}
	set.VisitAll(func(f *flag.Flag) {
		if v, ok := f.Value.(*listenValue); ok {
			all[f.Name] = v.text
		}
	})
	maps.Copy(all, addresses)
	return all
}

// Report spawns a process that prints on the console where a listener listens,
// after the name of the program. If the listener fails, the process ends the
// program with the reason.
func Report(name string, at tcp.Addr) actions.Action {
	return reporters.Spawn(reporter{name, at})
}

var reporters = actions.Define("marketplace.reporter", reporter.open)

// Types returns the types of the processes of [Report] and [ServePlace], for a journal or
// an image of a machine that [Main] does not run.
func Types() []actions.Type { return []actions.Type{reporters.Type, hosts.Type} }

type reporter struct {
	Name string // of the program
	At   tcp.Addr
}

func (r reporter) open() actions.Action {
	return endpoint.ObservePublishers(tcp.ListeningAt(r.At),
		endpoint.OnPresence(func(l tcp.Listening) actions.Action {
			return actions.When(l.Bound != tcp.Addr{}, console.Printf("%s: listening on %v", r.Name, l.Bound))
		}),
		endpoint.OnAbsence(func(_ tcp.Listening, reason error) actions.Action {
			return actions.When(reason != nil && !errors.Is(reason, world.ErrStopped), endpoint.Exit(reason))
		}),
	)
}
