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
// See [marketplace.Main] for its signals and its exit status.
package main

import (
	"github.com/go-marketplace/marketplace"
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
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

var addr = marketplace.ListenFlag("addr", "127.0.0.1:5999", "`host:port` to listen on")

func main() { marketplace.Main(chat()) }

func chat() marketplace.Program {
	return marketplace.Program{
		Types:  []actions.Type{porters.Type, sessions.Type},
		Start:  func() actions.Action { return actions.Group(room(*addr), marketplace.Report("chat", *addr)) },
		Serves: true,
	}
}
