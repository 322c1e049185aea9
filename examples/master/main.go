// Master starts a node, has a tuple server and a bank run there, and uses both. It is the
// first example of Racket's distributed places.
//
//	go run ./examples/master
//	go run ./examples/master -ssh ann@host -binary bin/master -listen 0.0.0.0:0
//
// The node is a process of its own, which runs this program once more. With -ssh it is one on
// another machine, where the program is installed.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/node"
	"github.com/go-marketplace/marketplace/examples/internal/servers"
	"github.com/go-marketplace/marketplace/interrupt"
	"github.com/go-marketplace/marketplace/rpc"
)

// The programs that the node can run.
var (
	tupleServer = node.NewProgram("master.tuples", func(struct{}) actions.SpawnProcess { return servers.Tuples() }, servers.Types...)
	bank        = node.NewProgram("master.bank", func(struct{}) actions.SpawnProcess { return servers.Bank() }, servers.Types...)
)

// The places at which they run.
var (
	tuples = distributed.Place{Node: "far", Name: "tuple-server"}
	vault  = distributed.Place{Node: "far", Name: "bank"}
)

func main() {
	node.Main(tupleServer, bank) // does not return in the process of the node
	var far node.SSH
	flag.StringVar(&far.Host, "ssh", "", "start the node on this `host`, with ssh")
	flag.StringVar(&far.Binary, "binary", "master", "with -ssh: the `program` there")
	flag.StringVar(&far.Addr, "listen", "0.0.0.0:0", "with -ssh: the `address` on which the node listens, host:port")
	flag.Parse()
	ctx, stop := interrupt.Context(context.Background())
	defer stop()
	var how node.Launcher = node.Local{}
	if far.Host != "" {
		how = far
	}
	if err := run(ctx, how, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "master:", err)
		os.Exit(1)
	}
}

// run does what the master does, and prints the results.
func run(ctx context.Context, how node.Launcher, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	here := node.Private("master").Start(ctx, distributed.WriteLogs(tuples))
	defer here.Close()

	if err := here.Spawn(ctx, "far", how, node.Always); err != nil {
		return err
	}
	if err := here.Run(ctx, tuples, tupleServer.With(struct{}{}), node.Always); err != nil {
		return err
	}
	if err := here.Run(ctx, vault, bank.With(struct{}{}), node.Always); err != nil {
		return err
	}

	hello := rpc.Tell(servers.Hello, "master").Message.Value()
	if err := here.Send(ctx, tuples, hello); err != nil {
		return err
	}
	at := func(p distributed.Place) rpc.Option { return rpc.At(p) }
	c := here.Client()
	show := func(name string, result int, err error) {
		if err != nil {
			fmt.Fprintf(out, "%s: %v\n", name, err)
			return
		}
		fmt.Fprintf(out, "%s: %d\n", name, result)
	}
	for _, e := range []servers.Entry{{Key: "user0", Value: 100}, {Key: "user2", Value: 200}} {
		n, err := rpc.Do(ctx, c, servers.Set, e, at(tuples))
		show("set "+e.Key, n, err)
	}
	for _, key := range []string{"user0", "user2", "user1"} {
		n, err := rpc.Do(ctx, c, servers.Get, key, at(tuples))
		show("get "+key, n, err)
	}
	n, err := rpc.Do(ctx, c, servers.Open, "user0", at(vault))
	show("new account", n, err)
	n, err = rpc.Do(ctx, c, servers.Add, servers.Change{Owner: "user0", Amount: 10}, at(vault))
	show("add 10", n, err)
	n, err = rpc.Do(ctx, c, servers.Remove, servers.Change{Owner: "user0", Amount: 5}, at(vault))
	show("remove 5", n, err)
	n, err = rpc.Do(ctx, c, servers.Remove, servers.Change{Owner: "user0", Amount: 50}, at(vault))
	show("remove 50", n, err)
	return here.Exit(ctx, "far")
}
