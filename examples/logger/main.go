// Logger is the logger of Factor's distributed concurrency: one node registers the name
// "logger", and others send lines to it.
//
//	go run ./examples/logger -node log -listen 127.0.0.1:7100
//	go run ./examples/logger -node app -peers log=127.0.0.1:7100 -say "hello"
//
// The first command prints the lines of all nodes, until a signal stops it. The second sends
// a line without waiting, asks how many lines the logger has, and prints the answer. Its exit
// status is 1 if the logger cannot be reached. See [distributed.LinkFlags] for nodes of other
// machines or users.
package main

import (
	"flag"
	"fmt"

	"github.com/go-marketplace/marketplace"
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
)

var (
	links distributed.LinkFlags
	say   = flag.String("say", "", "send a `text` to the logger instead of being the logger")
	to    = flag.String("to", "log", "with -say: the `node` of the logger")
)

func main() {
	links.Register(flag.CommandLine)
	marketplace.Main(marketplace.Program{Configure: configure})
}

// configure makes the program a logger or a speaker, as the flags say.
func configure(p *marketplace.Program) error {
	network, err := links.Network()
	if err != nil {
		return err
	}
	if *say == "" {
		*p = logs(network)
		return nil
	}
	if _, known := links.Config().Peers[*to]; !known {
		return fmt.Errorf("-say needs the address of node %q: add -peers %s=host:port", *to, *to)
	}
	*p = speaks(network, *to, *say)
	return nil
}

// logs returns the program of the logger.
func logs(n distributed.Network) marketplace.Program {
	cluster := distributed.Config{Network: n}
	return marketplace.Program{
		Types: append(cluster.Types(), loggers.Type),
		Start: func() actions.Action {
			return actions.Group(loggers.Spawn(logger{}), marketplace.ServePlace("logger", cluster, ""))
		},
		Serves: true,
	}
}

// speaks returns the program that sends a text to the logger of a node.
func speaks(n distributed.Network, to, text string) marketplace.Program {
	cluster := distributed.Config{Network: n}
	return marketplace.Program{
		Types: append(cluster.Types(), speakers.Type),
		Start: func() actions.Action {
			return actions.Group(cluster.Driver(), speak(distributed.Place{Node: to}, Line{n.Node(), text}))
		},
	}
}
