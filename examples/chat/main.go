// Chat is a chat room on TCP.
//
//	go run ./examples/chat
//	nc 127.0.0.1 5999
//
// It can keep a journal, and goes on from there when it has crashed:
//
//	go run ./examples/chat -journal chat.journal
//	go run ./examples/chat -replay chat.journal -step
//
// The ground speaks TCP. The room is a virtual machine of its own, nested in
// the ground, where people are heard with [Says] and get names with [Claim]; its
// processes reach out to TCP with AtMeta. There is a file for each of them:
// porter.go and session.go, with the commands that a session knows in command.go.
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
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/interrupt"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/cli"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// Says is the language of the room. Whoever is in the room publishes what they
// say.
type Says struct {
	Who  Person
	What string
}

// A Person is somebody in the room.
type Person struct {
	Name string
	Was  string // the name before this one; empty for a first name
}

// Who is the speaker of a [Says].
var Who = topic.FieldOf(func(s *Says) *Person { return &s.Who })

func main() {
	addr := flag.String("addr", "127.0.0.1:5999", "`host:port` to listen on")
	var history cli.Flags
	history.Register(flag.CommandLine)
	flag.Parse()
	at, err := tcp.ParseListener(*addr)
	if err == nil && flag.NArg() > 0 {
		err = fmt.Errorf("%q is one argument too many", flag.Arg(0))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "chat:", err)
		os.Exit(2)
	}
	debug.SetGCPercent(400) // what it makes is almost all garbage
	ctx, stop := interrupt.Context(context.Background())
	defer stop()
	program := journal.Booting(boot(at))
	program.Types = types()
	os.Exit(history.Main(ctx, program))
}

// boot starts all that the server consists of.
func boot(at tcp.Addr) actions.Action {
	return actions.Group(tcp.Driver(), console.Driver(), room(at), report(at))
}

// types are the types of all processes of the server, so that it can be saved,
// and brought back.
func types() []actions.Type {
	return slices.Concat(tcp.Types(), console.Types(), []actions.Type{
		actions.Define("chat.reporter", reporter.open).Type,
		actions.Define("chat.porter", porter.open).Type,
		actions.Define("chat.session", session.open).Type,
	})
}

// report says where people can come in, or why they can't.
func report(at tcp.Addr) actions.Action {
	r := reporter{at}
	return actions.Spawn(actions.Next(r, r.open())).Named("reporter")
}

type reporter struct{ At tcp.Addr }

func (r reporter) open() actions.Action {
	return endpoint.ObservePublishers(tcp.ListeningAt(r.At),
		endpoint.OnPresence(func(l tcp.Listening) actions.Action {
			return actions.When(l.Bound != tcp.Addr{}, console.Printf("chat: listening on %v", l.Bound))
		}),
		endpoint.OnAbsence(func(_ tcp.Listening, reason error) actions.Action {
			return actions.When(reason != nil && !errors.Is(reason, world.ErrStopped), endpoint.Exit(reason))
		}),
	)
}
