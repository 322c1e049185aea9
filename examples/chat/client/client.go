package main

import (
	"errors"
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// A client joins the console to a connection.
type client struct {
	tcp.Connection
	mine  string // how lines begin that this side has said; empty if that is not known
	ended bool   // the input has come to its end
}

func talk(server tcp.Addr) actions.Process {
	c := client{Connection: tcp.Between(tcp.Handle("client"), server)}
	return actions.Next(c,
		c.Subscriber(
			endpoint.OnPresenceState(client.connected),
			endpoint.OnMessageState(client.heard),
			endpoint.OnAbsenceState(client.parted),
		),
		c.Publisher(),
	)
}

// connected begins to read what is typed.
func (c client) connected(tcp.Data) actions.Transition[client] {
	return actions.Next(c,
		c.SetMode(tcp.Lines(tcp.DefaultMaxLine), tcp.Unlimited),
		endpoint.Subscriber(topic.All[console.Line](),
			endpoint.OnMessageState(client.typed),
			endpoint.OnAbsenceState(client.typedAll),
		),
	)
}

func (c client) typed(l console.Line) actions.Transition[client] {
	return actions.Next(c, c.SendString(l.Text+"\n"))
}

// typedAll says that there is no more. The server closes the connection then.
func (c client) typedAll(_ console.Line, reason error) actions.Transition[client] {
	c.ended = true
	return actions.Next(c,
		c.End(),
		actions.When(reason != nil, endpoint.Exit(reason)),
	)
}

// heard prints what the server says. It learns from it what this side is called.
func (c client) heard(d tcp.Data) actions.Transition[client] {
	line := string(d.Bytes)
	if rest, ok := strings.CutPrefix(line, "You are "); ok {
		if name, ok := strings.CutSuffix(rest, ".\n"); ok {
			c.mine = name + ": "
		}
	}
	if line == "" || c.mine != "" && strings.HasPrefix(line, c.mine) {
		return actions.Next(c)
	}
	return actions.Next(c, actions.Send(console.Text{Text: line}))
}

// parted ends the client when the connection has come to its end.
func (c client) parted(_ tcp.Data, reason error) actions.Transition[client] {
	if reason == nil && !c.ended {
		reason = errors.New("the server has closed the connection")
	}
	return actions.Next(c, actions.When(reason != nil, endpoint.Exit(reason)), actions.Quit())
}
