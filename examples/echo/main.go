// Echo sends everything that it receives over TCP back to the sender.
//
//	go run ./examples/echo
//	nc 127.0.0.1 5999
//
// See [marketplace.Main] for its signals and its exit status.
package main

import (
	"github.com/go-marketplace/marketplace"
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
)

var addr = marketplace.ListenFlag("addr", "127.0.0.1:5999", "`host:port` to listen on")

func main() { marketplace.Main(echo()) }

func echo() marketplace.Program {
	return marketplace.Program{
		Types: []actions.Type{servers.Type, echoers.Type},
		Start: func() actions.Action {
			return actions.Group(servers.Spawn(server{addr}), marketplace.Report("echo", addr))
		},
		Serves:  true,
		Instead: inWorkers,
	}
}

var servers = actions.Define("echo.server", server.open)

// A server starts an echoer for every connection that arrives.
type server struct{ At tcp.Addr }

func (s server) open() actions.Action {
	return endpoint.ObservePublishers(tcp.Arriving(s.At), endpoint.OnPresence(func(d tcp.Data) actions.Action {
		return echoers.Spawn(echoer(d.Connection()))
	}))
}

var echoers = actions.Define("echo.echoer", echoer.open)

// An echoer talks to one peer, until it goes away.
type echoer tcp.Connection

func (e echoer) open() actions.Action {
	c := tcp.Connection(e)
	return actions.Group(c.Publisher(), c.Subscriber(
		endpoint.OnMessage(c.Pass),
		endpoint.OnAbsence(func(tcp.Data, error) actions.Action { return actions.Quit() }),
	))
}
