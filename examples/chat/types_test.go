package main

import (
	"context"
	"testing"

	"github.com/go-marketplace/marketplace"
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/examples/internal/program"
	"github.com/go-marketplace/marketplace/vm"
)

// A witness tells the test where the server listens.
type witness struct{}

// TestTypes: whenever the server is at rest, all its processes are of types, and
// can be written down and made anew.
func TestTypes(t *testing.T) {
	at, bound := tcp.Listener("127.0.0.1", 0), make(chan string, 2) // one for each run
	watch := endpoint.ObservePublishers(tcp.ListeningAt(at), endpoint.OnPresence(func(l tcp.Listening) actions.Action {
		bound <- l.Bound.String()
		return nil
	}))
	all := append(types(), actions.Define("test.witness", func(witness) actions.Action { return watch }).Type)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		program.CheckTypes(ctx, t, all, func(vm.ProcessInfo) bool { return false }, boot(at), actions.Spawn(actions.Next(witness{}, watch)))
	}()
	addr := <-bound
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
	stop()
	<-done
}

func types() []actions.Type { return chat().Replayable().Types }

func boot(at tcp.Addr) actions.Action {
	return actions.Group(tcp.Driver(), console.Driver(), room(at), marketplace.Report("chat", at))
}
