package nats_test

import (
	"net"
	"sync"
	"testing"
	"time"

	client "github.com/nats-io/nats.go"

	"github.com/go-marketplace/marketplace/distributed/nats"
)

// A stallingConn is a connection from which no read begins while mu is locked.
type stallingConn struct {
	net.Conn
	mu    sync.Mutex
	reads int
}

func (c *stallingConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	c.reads++
	c.mu.Unlock()
	return c.Conn.Read(p)
}

// TestServerWaitsForItsNode: a node that does not read what its server writes, because its process
// has no processor for longer than DialLimit, has its connection when it goes on, and all
// messages.
func TestServerWaitsForItsNode(t *testing.T) {
	const limit, messages = 2 * time.Second, 100
	n, err := nats.Open(t.Context(), nats.Config{Node: "a", RealmKeyFile: realmKey(t), DialLimit: limit})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	var stalls *stallingConn
	slow, err := nats.WrappedConn(n, func(c net.Conn) net.Conn {
		stalls = &stallingConn{Conn: c}
		return stalls
	}, client.NoReconnect())
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	fast, err := nats.RawConn(n)
	if err != nil {
		t.Fatal(err)
	}
	defer fast.Close()
	subject, _ := nats.RequestSubject(n, "a", "a")
	s, err := slow.SubscribeSync(subject)
	if err == nil {
		err = slow.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	stalls.mu.Lock()
	for range messages {
		if err := fast.Publish(subject, make([]byte, 64<<10)); err != nil {
			t.Fatal(err)
		}
	}
	if err := fast.Flush(); err != nil {
		t.Fatal(err)
	}
	<-time.After(limit + limit/2) // longer than the server may wait for others
	stalls.mu.Unlock()
	for i := range messages {
		if _, err := s.NextMsg(30 * time.Second); err != nil {
			t.Fatalf("message %d: %v", i, err)
		}
	}
}
