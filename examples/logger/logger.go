package main

import (
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/world"
)

// A Line is what a node tells the logger.
type Line struct{ Node, Text string }

// All asks for all lines.
type All struct{}

// Count is the operation that returns how many lines the logger has.
var Count = rpc.Define[All, int]("logger.count")

func init() {
	world.Register[Line]("logger.Line")
	world.Register[All]("logger.All")
}

var loggers = actions.Define("logger.logger", logger.open)

// A logger prints the lines that it gets.
type logger struct{ Lines int }

func (logger) open() actions.Action {
	return actions.Group(
		distributed.Mailbox("logger", endpoint.OnMessageState(logger.got)),
		rpc.Methods(rpc.Handle(Count, func(l logger, _ All) (logger, int, error) { return l, l.Lines, nil })),
	)
}

func (l logger) got(m distributed.Letter) actions.Transition[logger] {
	line, ok := m.Body.(Line)
	if !ok {
		return actions.Next(l, console.Printf("a letter has a %T, not a line", m.Body))
	}
	l.Lines++
	return actions.Next(l, console.Printf("%s: %s", line.Node, line.Text))
}
