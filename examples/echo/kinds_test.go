package main

import (
	"context"
	"io"
	"net"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/internal/kindtest"
	"github.com/go-marketplace/marketplace/vm"
)

// TestKinds: whenever the server is at rest, all its processes are of kinds, and
// can be written down and made anew.
func TestKinds(t *testing.T) {
	at, bound := tcp.Listener("127.0.0.1", 0), make(chan string, 2) // one for each run
	watch := actions.Spawn(actions.Stateless(endpoint.ObservePublishers(tcp.ListeningAt(at),
		endpoint.OnPresence(func(l tcp.Listening) actions.Action {
			bound <- l.Bound.String()
			return nil
		}),
	))).Named("test")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		kindtest.Run(ctx, t, kinds(), func(p vm.ProcessInfo) bool { return p.Name == "test" }, boot(at), watch)
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
