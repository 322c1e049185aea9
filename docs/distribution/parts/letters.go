// Package parts has the listings of docs/distribution.md, except the first.
package parts

import (
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/endpoint"
)

var logger = distributed.Handle{Place: distributed.Place{Node: "berlin", Name: "office"}, Name: "logger"}

// keeper writes down what comes to the mailbox "logger", and answers.
func keeper() actions.Process {
	return actions.Stateless(distributed.Mailbox("logger", endpoint.OnMessage(func(l distributed.Letter) actions.Action {
		return actions.Group(console.Printf("log: %v", l.Body), l.From.Send(distributed.Handle{}, "noted"))
	})))
}

// writer sends a letter to the logger, from any node.
func writer() actions.Process {
	return actions.Stateless(
		distributed.Mailbox("answers", endpoint.OnMessage(func(l distributed.Letter) actions.Action {
			return console.Printf("answer: %v", l.Body)
		})),
		logger.Send(distributed.Handle{Name: "answers"}, "the tea is ready"),
	)
}
