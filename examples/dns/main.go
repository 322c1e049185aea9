// Dns is a DNS resolver that asks other resolvers, and keeps their answers.
//
//	go run ./examples/dns -upstream 192.0.2.1:53
//	dig @127.0.0.1 -p 5353 example.com
//
// It consists of small processes, which know of each other only what they send.
// What they send is an [Answer]:
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
// The asker observes which questions there are. When a request has a question
// that no other has ([endpoint.OnFirst]), the asker spawns a conversation about
// it; when nobody has it any more ([endpoint.OnLast]), it ends the
// conversation. So the same question is asked once, however many clients have
// it, and no longer when the last of them has gone; no process has to keep a
// list of who waits. The asker keeps what a conversation has learned, and gives
// it to the next conversation about the same question.
//
// A conversation decides whom to ask, how long to wait, and when to give up. An
// attempt asks one upstream once, from a socket of its own, and tells the
// conversation the outcome. When the conversation goes, its attempts see that,
// and close their sockets.
//
// There are limits to what clients can make it keep: to the questions that it
// asks upstreams at a time (maxConversations), to the requests over UDP
// (maxRequests), to the connections, and to the requests on each
// (sessionLimit). A client that comes with more is told at once that there is
// no answer (SERVFAIL), and the counter counts it as gaveUp; a surplus
// connection waits until another one ends.
//
// When a conversation crashes, the asker replaces it by one that answers that
// it has failed. The counter answers questions of class CHAOS; it subscribes to
// all that is counted.
//
// No process waits, or reads a clock: time, like the numbers that nobody must
// be able to guess, comes from outside. So all of it runs on any network and
// any clock.
//
// The first SIGINT (Ctrl-C) or SIGTERM stops it in good order, the second at once.
// The exit status is 0 after a stop; 1 after an error, with the reason on standard
// error; 2 if the command line is invalid; and 130 or 143 after a second signal.
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
