package main

import (
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/examples/internal/program"
)

// TestTypes: whenever the server is at rest, all its processes are of types, and
// can be saved and restored.
func TestTypes(t *testing.T) {
	addr = tcp.Listener("127.0.0.1", 0)
	program.CheckTypes(t, chat(), addr, func(addr string) {
		ann := enter(t, addr)
		bob := enter(t, addr)
		bob.hears(ann.name + " is here.")
		ann.hears(bob.name + " arrived.")
		ann.types("/nick ann\n", 100)
		bob.hears(ann.name + " is now ann.")
		ann.hears("You are ann.")
		ann.name = "ann"
		ann.types("hello\nhalf a li", 100)
		bob.hears(ann.name + ": hello")
		bob.conn.Close()
		ann.hears(ann.name + ": hello")
		ann.hears(bob.name + " departed.")
	})
}

// types returns the types of all processes of the server.
func types() []actions.Type { return chat().Replayable().Types }
