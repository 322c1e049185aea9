package nats_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/nats"
	"github.com/go-marketplace/marketplace/distributed/networktest"
	"github.com/go-marketplace/marketplace/world"
)

// TestLastFrameBeforeEnd: a side that sends after the other one has closed the link still
// receives what that one has sent before: the reason of the end.
func TestLastFrameBeforeEnd(t *testing.T) {
	ns := asNetworks(topologies["embedded"](t, "a", "b"))
	o := networktest.Offer(t, ns[1], "room")
	pair := func() (client, home distributed.Link) {
		client = networktest.Dial(t, ns[0], "b", "room")
		return client, networktest.Accept(t, o, "b", "room")
	}
	client, home := pair()
	later, laterHome := pair()
	networktest.Send(t, home, []byte("the reason"))
	if err := home.Close(); err != nil {
		t.Fatal(err)
	}
	networktest.Send(t, laterHome, []byte("later"))
	networktest.Receive(t, later) // so the end of the first link has arrived, too
	if err := client.Send([]byte("something")); err != nil {
		t.Fatalf("there is a frame to receive, and Send says %v", err)
	}
	if f := networktest.Receive(t, client); !bytes.Equal(f, []byte("the reason")) {
		t.Errorf("%q has arrived", f)
	}
	if _, err := client.Receive(); err == nil {
		t.Error("the link has not ended")
	}
	until(t, "Send fails", func() bool { return client.Send([]byte("something")) != nil })
}

// TestServerEndsLinks: when the server is gone, both ends of a link hear it at once, also if they
// send nothing.
func TestServerEndsLinks(t *testing.T) {
	key := realmKey(t)
	s := startServer(t, serverConfig(t, key, "127.0.0.1:-1"))
	client, home := networktest.Pair(t, []distributed.Network{
		open(t, nats.Config{Node: "a", URL: s.url, RealmKeyFile: key}), open(t, nats.Config{Node: "b", URL: s.url, RealmKeyFile: key}),
	})
	s.kill()
	for _, l := range []distributed.Link{client, home} {
		if err := networktest.Ended(t, l); !strings.Contains(err.Error(), "the connection to the server has ended") {
			t.Errorf("the link ends with %v", err)
		}
	}
}

// TestBuffer: a link that does not receive keeps a bounded amount, and then ends with
// ErrSlowConsumer, after what it has kept. Others go on.
func TestBuffer(t *testing.T) {
	const buffer, size = 1 << 20, 100 << 10
	hub := open(t, nats.Config{Node: "b", RealmKeyFile: realmKey(t), Buffer: buffer})
	a, err := hub.Join(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	closeLater(t, a)
	o := networktest.Offer(t, hub, "room")
	client := networktest.Dial(t, a, "b", "room")
	home := networktest.Accept(t, o, "b", "room")
	other := networktest.Dial(t, a, "b", "room")
	otherHome := networktest.Accept(t, o, "b", "room")
	for range 2 * buffer / size {
		networktest.Send(t, client, make([]byte, size))
		networktest.Send(t, other, []byte("turn")) // one after the other, so that nobody else is slow
		networktest.Receive(t, otherHome)
	}
	for kept := 0; ; kept += size {
		f, err := home.Receive()
		if err != nil {
			if !errors.Is(err, world.ErrSlowConsumer) || kept < buffer/2 {
				t.Errorf("after %d bytes the link ends with %v", kept, err)
			}
			return
		}
		if kept+len(f) > buffer {
			t.Fatal("the link has kept more than it may")
		}
	}
}
