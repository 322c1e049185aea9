// Chat is a chat room on TCP, and in browsers.
//
//	go run ./examples/chat
//	nc 127.0.0.1 5999
//
// With -http, people in browsers are in the same room, at http://127.0.0.1:8080:
//
//	go run ./examples/chat -http 127.0.0.1:8080
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
// Browsers need no other processes. browser.go, which is ordinary HTTP, goes through a
// door into the ground, and there publishes and subscribes to flows as the driver of
// TCP does. web.go is the device that runs the HTTP server, and its holder.
//
// See [marketplace.Main] for its signals and its exit status.
package main

import (
	"flag"
	"slices"

	"github.com/go-marketplace/marketplace"
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/topic"
)

// Says is the language of the room. People in the room publish what they say.
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

var (
	addr     = marketplace.ListenFlag("addr", "127.0.0.1:5999", "`host:port` to listen on")
	httpAddr tcp.Addr // the zero Addr: no browsers
)

func init() {
	flag.Func("http", "`host:port` to serve browsers on, as 127.0.0.1:8080 (default none)", func(s string) (err error) {
		httpAddr, err = tcp.ParseListener(s)
		return err
	})
}

func main() { marketplace.Main(chat()) }

func chat() marketplace.Program {
	return marketplace.Program{
		Types:  slices.Concat([]actions.Type{porters.Type, sessions.Type, servers.Type}, door.Types(entrance)),
		Start:  start,
		Serves: true,
	}
}

func start() actions.Action {
	all := actions.Tree{room(addr), marketplace.Report("chat", addr)}
	if httpAddr != (tcp.Addr{}) {
		all = append(all, web(httpAddr, addr))
	}
	return all
}
