package main

import (
	"context"
	"io"
	"net"
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
	c, err := net.Dial("tcp", <-bound)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "hello"); err != nil {
		t.Error(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
		t.Error(err)
	}
	stop()
	<-done
}

func types() []actions.Type { return echo().Replayable().Types }

func boot(at tcp.Addr) actions.Action {
	return actions.Group(tcp.Driver(), console.Driver(), servers.Spawn(server{at}), marketplace.Report("echo", at))
}
