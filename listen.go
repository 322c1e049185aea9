package marketplace

import (
	"errors"
	"flag"
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/world"
)

// ListenFlag registers a flag for an address to listen on, "host:port", with a
// default. The address may be used once the flags have been parsed. It panics if
// the default is no such address.
func ListenFlag(name, value, usage string) *tcp.Addr {
	return listenFlag(flag.CommandLine, name, value, usage)
}

func listenFlag(set *flag.FlagSet, name, value, usage string) *tcp.Addr {
	at, err := tcp.ParseListener(value)
	if err != nil {
		panic(fmt.Sprintf("marketplace: the default of the flag -%s: %v", name, err))
	}
	set.Func(name, fmt.Sprintf("%s (default %s)", usage, value), func(s string) (err error) {
		at, err = tcp.ParseListener(s)
		return err
	})
	return &at
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
