// Chat is a chat room on several nodes. People on any of them are in one conversation.
//
//	cd examples/cluster
//	go run ./chat -node a -listen 127.0.0.1:7100 -peers b=127.0.0.1:7101 -addr 127.0.0.1:5999
//	go run ./chat -node b -listen 127.0.0.1:7101 -peers a=127.0.0.1:7100 -addr 127.0.0.1:5998
//	nc 127.0.0.1 5999
//	nc 127.0.0.1 5998
//
// Each command is for a terminal of its own. Kill a node with kill -9, and its people depart
// from the others, who read why. Start it again, and they can come back.
//
// These are direct links, so each node has all others in -peers. On NATS, nodes find each
// other. One of them can have the server in its process, or all connect to a cluster:
//
//	go run ./chat -node a -nats embedded -listen 127.0.0.1:7200 -addr 127.0.0.1:5999
//	go run ./chat -node b -leaf-of tls://127.0.0.1:7200 -addr 127.0.0.1:5998
//
//	go run ./chat -node a -nats tls://nats.example.org:4222 -addr 127.0.0.1:5999
//
// On NATS, a node that is killed is lost when nothing was heard from it for a second. On busy
// machines and over long distances, use -heartbeat 1s, with which it is five seconds.
//
// Each node has a room of its own, which is a place, so it works without the others. The
// people who connect to a node speak in its room: porter.go lets them in, and session.go is
// one of them. For each other node, an ear repeats here what the people say there: ears.go.
// The room is a nested machine, so other nodes take part in the room, and not in TCP.
//
// The exit status is 0 if a signal has stopped the program, 1 if something has gone wrong, and
// 2 if the command line makes no sense.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/go-marketplace/marketplace"
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/nats"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/interrupt"
)

func main() {
	var links nats.Flags
	links.Register(flag.CommandLine)
	at := marketplace.ListenFlag("addr", "127.0.0.1:5999", "`host:port` for people")
	heartbeat := flag.Duration("heartbeat", 200*time.Millisecond, "`time` after which a node wants to hear from another one, which is lost after five of them")
	flag.Parse()
	switch {
	case flag.NArg() > 0:
		usage("%q is one argument too many", flag.Arg(0))
	case *heartbeat < time.Millisecond || *heartbeat > time.Hour:
		usage("-heartbeat %v is not from 1ms to 1h", *heartbeat)
	}
	ctx, stop := interrupt.Context(context.Background())
	err := run(ctx, &links, at, *heartbeat)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chat:", err)
		os.Exit(1)
	}
}

// usage ends the program because its command line makes no sense.
func usage(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "chat: "+format+"\n", args...)
	os.Exit(2)
}

func run(ctx context.Context, links *nats.Flags, at tcp.Addr, heartbeat time.Duration) error {
	network, end, err := links.Network(ctx)
	if err != nil {
		return err
	}
	cluster := distributed.Config{Network: network, Heartbeat: heartbeat, Admission: listeners}
	err = ground.Run(ctx, tcp.Config{Addresses: marketplace.ListenAddresses()}.Driver(), console.Driver(), node(cluster, at))
	_ = end() // which sends what is left, so that other nodes hear that this one has left
	return err
}

// node returns what a node has, beside the drivers of TCP and the console.
func node(cluster distributed.Config, at tcp.Addr) actions.Action {
	return actions.Group(cluster.Driver(), room(cluster, at), marketplace.Report("chat", at))
}
