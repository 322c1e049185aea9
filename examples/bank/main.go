// Bank is a tuple server and a bank, which keeps accounts, and a client that uses both. The
// same client and servers run in one machine, with the servers in a nested machine, and on
// two nodes:
//
//	go run ./examples/bank
//	go run ./examples/bank -nested
//
//	go run ./examples/bank -node bank -listen 127.0.0.1:7101 -serve -journal bank.journal
//	go run ./examples/bank -node client -peers bank=127.0.0.1:7101 -place bank
//
// Only the value of a [distributed.Place] differs: see the functions at the end of this file.
// The client prints the result of each step, and ends with status 0, or with status 1 if the
// bank cannot be reached. With -journal, the bank keeps its accounts when it is killed, even
// with kill -9.
//
// The servers are in examples/internal/servers, the client is in client.go.
package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"

	"github.com/go-marketplace/marketplace"
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/examples/internal/servers"
	"github.com/go-marketplace/marketplace/vm"
)

var (
	links  distributed.LinkFlags
	serve  = flag.Bool("serve", false, "serve the bank to other nodes, until a signal stops it")
	place  = flag.String("place", "", "be a client of the bank on this `node`")
	nested = flag.Bool("nested", false, "run the bank in a nested machine")
)

func main() {
	links.Register(flag.CommandLine)
	marketplace.Main(marketplace.Program{Configure: configure})
}

// configure chooses where the bank and the client run, as the flags say.
func configure(p *marketplace.Program) error {
	link := links.Config()
	switch {
	case *serve && *place != "" || *nested && (*serve || *place != ""):
		return errors.New("of -serve, -place and -nested, only one can be given")
	case *nested:
		*p = inside(distributed.Config{Network: distributed.Memory().Node("home")})
		return nil
	case !*serve && *place == "":
		if link.Node != "" || len(link.Peers) > 0 {
			return errors.New("-node and -peers need -serve or -place")
		}
		*p = here()
		return nil
	}
	if _, known := link.Peers[*place]; !*serve && !known {
		return fmt.Errorf("-place %s needs the address of that node: add -peers %s=host:port", *place, *place)
	}
	network, err := links.Network()
	if err != nil {
		return err
	}
	cluster := distributed.Config{Network: network}
	if *serve {
		*p = server(cluster)
	} else {
		*p = client(cluster, *place)
	}
	return nil
}

var types = append(slices.Clip(servers.Types), visits.Type)

// both starts the tuple server and the bank.
func both() actions.Action { return actions.Group(servers.Tuples(), servers.Bank()) }

// here is the program in which all processes are in one machine.
func here() marketplace.Program {
	return marketplace.Program{Types: types, Start: func() actions.Action {
		return actions.Group(both(), visit{}.start())
	}}
}

// inside is the program in which the servers are in a nested machine.
func inside(c distributed.Config) marketplace.Program {
	return marketplace.Program{Types: append(c.Types(), types...), Start: func() actions.Action {
		return actions.Group(
			actions.Spawn(vm.Nested(both(), c.Serve("bank"))).Named("bank"),
			c.Driver(),
			visit{At: distributed.Place{Node: c.Network.Node(), Name: "bank"}}.start(),
		)
	}}
}

// server is the program with the servers for other nodes.
func server(c distributed.Config) marketplace.Program {
	return marketplace.Program{Types: append(c.Types(), types...), Serves: true, Start: func() actions.Action {
		return actions.Group(both(), marketplace.ServePlace("bank", c, "bank"))
	}}
}

// client is the program with the client of the servers on another node.
func client(c distributed.Config, node string) marketplace.Program {
	return marketplace.Program{Types: append(c.Types(), types...), Start: func() actions.Action {
		return actions.Group(c.Driver(), visit{At: distributed.Place{Node: node, Name: "bank"}}.start())
	}}
}
