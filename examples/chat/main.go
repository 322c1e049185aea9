// Chat is a chat room on TCP.
//
//	go run ./examples/chat
//	nc 127.0.0.1 5999
//
// The ground speaks TCP. The room is a virtual machine of its own, nested in
// the ground, in which nothing but [Says] is spoken; its processes reach out to
// TCP with AtMeta.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// Says is the language of the room.
type Says struct{ Who, What string }

// Who is the speaker of a [Says].
var Who = topic.FieldOf(func(s *Says) *string { return &s.Who })

func main() {
	addr := flag.String("addr", "127.0.0.1:5999", "`host:port` to listen on")
	flag.Parse()
	at, err := tcp.ParseListener(*addr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "chat:", err)
		os.Exit(2)
	}
	debug.SetGCPercent(400) // what it makes is almost all garbage
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err = vm.Run(ctx, tcp.Driver(), console.Driver(), room(at), report(at))
	if err != nil {
		fmt.Fprintln(os.Stderr, "chat:", err)
	}
	if ctx.Err() == nil { // nobody has asked it to stop
		os.Exit(1)
	}
}

// report says where people can come in, or why they can't.
func report(at tcp.Addr) actions.Action {
	return endpoint.ObservePublishers(tcp.ListeningAt(at),
		endpoint.OnPresence(func(l tcp.Listening) actions.Action {
			return actions.When(l.Bound != tcp.Addr{}, console.Printf("chat: listening on %v", l.Bound))
		}),
		endpoint.OnAbsence(func(_ tcp.Listening, reason error) actions.Action {
			return actions.When(reason != nil, console.Printf("chat: %v", reason))
		}),
	)
}

// room is a nested machine that people join by connecting.
func room(at tcp.Addr) actions.Action {
	return actions.Spawn(vm.Nested(
		actions.AtMeta(endpoint.ObservePublishers(tcp.Arriving(at),
			endpoint.OnPresence(join),
		)),
	)).Named("room")
}

// join starts a session for somebody who has just connected.
func join(c tcp.Data) actions.Action {
	return actions.SpawnFunc(func(self actions.PID) actions.Process {
		s := session{user: fmt.Sprintf("user%v", self), them: c.From, us: c.To}
		return actions.Next(s, s.listen(), s.speak())
	}).Named("session")
}
