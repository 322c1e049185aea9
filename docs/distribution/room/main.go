// Room is a chat room on two machines: the node berlin has the room, and the people on all
// nodes talk in it.
//
//	go run ./docs/distribution/room -node berlin -listen 127.0.0.1:7100
//	go run ./docs/distribution/room -node paris -peers berlin=127.0.0.1:7100
package main

import (
	"context"
	"flag"
	"log"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/interrupt"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// Says is what somebody says.
type Says struct{ Who, What string }

var Who = topic.FieldOf(func(s *Says) *string { return &s.Who })

func init() { world.Register[Says]("room.Says") }

var room = distributed.Place{Node: "berlin", Name: "room"}

func person(name string) actions.Process {
	return actions.Stateless(
		room.At(endpoint.Publisher(topic.Where(Who.Is(name)))),
		room.At(endpoint.Subscriber(topic.All[Says](),
			endpoint.OnPresence(func(s Says) actions.Action { return console.Printf("%s is here", s.Who) }),
			endpoint.OnAbsence(func(s Says, reason error) actions.Action { return console.Printf("%s has gone: %v", s.Who, reason) }),
			endpoint.OnMessage(func(s Says) actions.Action { return console.Printf("%s: %s", s.Who, s.What) }))),
		endpoint.Subscriber(topic.All[console.Line](),
			endpoint.OnMessage(func(l console.Line) actions.Action { return distributed.Send(room, Says{name, l.Text}) }),
			endpoint.OnAbsence(func(console.Line, error) actions.Action { return endpoint.Exit(nil) })),
	)
}

func run(ctx context.Context, network distributed.Network) error {
	cluster := distributed.Config{Network: network}
	home := actions.When(network.Node() == room.Node, cluster.Serve(room.Name))
	return ground.Run(ctx, console.Driver(), cluster.Driver(), home, actions.Spawn(person(network.Node())))
}

func main() {
	var links distributed.LinkFlags
	links.Register(flag.CommandLine)
	flag.Parse()
	network, err := links.Network()
	if err != nil {
		log.Fatal(err)
	}
	ctx, stop := interrupt.Context(context.Background())
	defer stop()
	if err := run(ctx, network); err != nil {
		log.Fatal(err)
	}
}
