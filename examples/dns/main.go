// Dns is a DNS resolver that asks other resolvers, and keeps their answers.
//
//	go run ./examples/dns -upstream 192.0.2.1:53
//	dig @127.0.0.1 -p 5353 example.com
//
// It is made of small processes, which know nothing of each other but what they
// say. What they speak of is an [Answer]:
//
//	client ──► service ──spawns──► request ◄── Answer ── conversation ──spawns──► attempt ──► upstream
//	           session                ▲                       ▲
//	                                  └─── sees ─── asker ────┘ spawns, and ends
//
// The service listens over UDP, and a session to each client over TCP. For each
// question that comes in they spawn a request, and that is all: a request
// subscribes to the answers to its question, repeats the first one to its client,
// and is done.
//
// The asker sees which questions are there. It is told when somebody has a
// question that nobody has had ([endpoint.OnFirst]), and spawns a conversation
// about it; and when nobody has it any more ([endpoint.OnLast]), and ends the
// conversation. So the same question is asked once, however many clients have it,
// and not any longer when the last of them has gone; nobody has to keep a list of
// who waits. What a conversation has learned is kept by the asker, who gives it
// to the next conversation about the same question.
//
// A conversation decides whom to ask, how long to wait, and when to give up. An
// attempt asks one upstream once, from a socket of its own, and tells the
// conversation what has come of it. When the conversation goes, its attempts see
// that, and close their sockets: nobody has to tell them either.
//
// What clients can make it keep is bounded: so many questions may be asked of
// upstreams at a time (maxConversations), so many requests may be there over UDP
// (maxRequests), and on each of so many connections (sessionLimit). A client that
// comes with more is told at once that there is no answer (SERVFAIL), and the
// counter counts it as gaveUp; a surplus connection waits until another one ends.
//
// A conversation that crashes is missed by the asker, which has another one say
// so. Questions of class CHAOS are answered by the counter, which subscribes to
// all that is counted.
//
// Nothing in here waits, or reads a clock: time, like the numbers that nobody
// must be able to guess, comes from outside. So all of it runs on any network and
// any clock.
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

	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/drivers/udp"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/interrupt"
	"github.com/go-marketplace/marketplace/journal/cli"
)

func main() {
	c, err := parse(os.Args[1:], os.Stderr)
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		os.Exit(2)
	}
	ctx, stop := interrupt.Context(context.Background())
	defer stop()
	limited := tcp.Config{MaxConnections: 1000}
	err = ground.Run(ctx, limited.Driver(), udp.Driver(), timer.Driver(), console.Driver(), resolve(c))
	if err == nil && ctx.Err() == nil {
		err = cli.ErrEnded
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "dns:", err)
		os.Exit(1)
	}
}
