// Echo sends everything that it receives over TCP back to the sender.
//
//	go run ./examples/echo
//	nc 127.0.0.1 5999
//
// The first SIGINT (Ctrl-C) or SIGTERM stops it in good order, the second at once.
// The exit status is 0 after a stop; 1 if something has gone wrong, which is said
// on standard error; 2 if the command line makes no sense; and 130 or 143 after a
// second signal.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime/debug"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/drivers/tcp/sharded"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/interrupt"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/cli"
	"github.com/go-marketplace/marketplace/world"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:5999", "`host:port` to listen on")
	workers := flag.Int("workers", 1, "how many machines share the connections; 0 is one for each processor")
	var history cli.Flags
	history.Register(flag.CommandLine)
	flag.Parse()
	at, err := tcp.ParseListener(*addr)
	if err == nil && flag.NArg() > 0 {
		err = fmt.Errorf("%q is one argument too many", flag.Arg(0))
	}
	if err == nil && *workers < 0 {
		err = fmt.Errorf("-workers is %d: it must not be negative", *workers)
	}
	if err == nil && *workers != 1 && history.Given() {
		err = errors.New("a journal is of one machine: leave -workers away")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(2)
	}
	debug.SetGCPercent(400) // what it makes is almost all garbage
	ctx, stop := interrupt.Context(context.Background())
	defer stop()
	if *workers == 1 {
		program := journal.Booting(boot(at))
		program.Types = types()
		os.Exit(history.Main(ctx, program))
	}
	err = runSharded(ctx, *addr, *workers)
	if err == nil && ctx.Err() == nil {
		err = cli.ErrEnded
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "echo:", err)
		os.Exit(1)
	}
}

// boot starts all that a server consists of that is one machine.
func boot(at tcp.Addr) actions.Action {
	return actions.Group(tcp.Driver(), console.Driver(), serve(at), report(at))
}

// runSharded runs several machines, which share what comes in, until ctx is done.
func runSharded(ctx context.Context, addr string, workers int) error {
	l, err := sharded.Config{Workers: workers}.Listen(ctx, addr, func(w sharded.Worker) actions.Process {
		return actions.Stateless(w.Driver(), serve(w.Listener()))
	})
	if err != nil {
		return err
	}
	fmt.Printf("echo: listening on %v\n", l.Addr())
	select {
	case <-l.Done():
	case <-ctx.Done():
	}
	return l.Close(context.Background())
}

// types are the types of all processes of a server that is one machine, so that
// it can be saved, and brought back.
func types() []actions.Type {
	return slices.Concat(tcp.Types(), console.Types(), []actions.Type{
		actions.Define("echo.reporter", reporter.open).Type,
		actions.Define("echo.server", server.open).Type,
		actions.Define("echo.echoer", echoer.open).Type,
	})
}

// report says where the server listens, or why it can't.
func report(at tcp.Addr) actions.Action {
	r := reporter{at}
	return actions.Spawn(actions.Next(r, r.open())).Named("reporter")
}

type reporter struct{ At tcp.Addr }

func (r reporter) open() actions.Action {
	return endpoint.ObservePublishers(tcp.ListeningAt(r.At),
		endpoint.OnPresence(func(l tcp.Listening) actions.Action {
			return actions.When(l.Bound != tcp.Addr{}, console.Printf("echo: listening on %v", l.Bound))
		}),
		endpoint.OnAbsence(func(_ tcp.Listening, reason error) actions.Action {
			return actions.When(reason != nil && !errors.Is(reason, world.ErrStopped), endpoint.Exit(reason))
		}),
	)
}

// serve starts an echoer for every connection that arrives.
func serve(at tcp.Addr) actions.Action {
	s := server{at}
	return actions.Spawn(actions.Next(s, s.open())).Named("server")
}

type server struct{ At tcp.Addr }

func (s server) open() actions.Action {
	return endpoint.ObservePublishers(tcp.Arriving(s.At),
		endpoint.OnPresence(func(d tcp.Data) actions.Action {
			e := echoer(d.Connection())
			return actions.Spawn(actions.Next(e, e.open())).Named("echoer")
		}),
	)
}

// An echoer talks to one peer, until it goes away.
type echoer tcp.Connection

func (e echoer) open() actions.Action {
	c := tcp.Connection(e)
	return actions.Group(
		c.Publisher(),
		c.Subscriber(
			endpoint.OnMessage(c.Pass),
			endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return actions.Quit() }),
		),
	)
}
