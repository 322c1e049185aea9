package nats

import (
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/go-marketplace/marketplace/internal/nonblock"
)

// A carrier is the connection of a node to its server. What is written to it never waits: what
// the connection does not take at once, the carrier keeps, and a goroutine writes it. The
// package nats writes to its connection where it publishes, so publishing never waits either.
type carrier struct {
	net.Conn
	try   func([]byte) (int, error) // writes without waiting; nil if there is no way to
	limit int                       // bytes that may wait

	mu      sync.Mutex
	busy    bool // a goroutine writes
	waiting []byte
	spare   []byte
	err     error // why nothing can be written any more
}

func newCarrier(c net.Conn, limit int) *carrier {
	k := &carrier{Conn: c, limit: limit}
	if socket, ok := c.(*net.TCPConn); ok {
		k.try = nonblock.Writer(socket)
	}
	return k
}

// Write implements [net.Conn].
func (c *carrier) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	size := len(b)
	if c.err == nil && !c.busy && c.try != nil {
		var n int
		n, c.err = c.try(b)
		b = b[n:]
	}
	if c.err == nil && len(c.waiting)+len(b) > c.limit {
		c.err = fmt.Errorf("nats: the server does not keep up: %d bytes wait for it", len(c.waiting)+len(b))
		_ = c.Conn.Close()
	}
	if c.err != nil {
		return 0, c.err
	}
	if len(b) > 0 {
		c.waiting = append(c.waiting, b...)
		if !c.busy {
			c.busy = true
			go c.writeAll()
		}
	}
	return size, nil
}

// writeAll writes until nothing waits.
func (c *carrier) writeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.waiting) > 0 && c.err == nil {
		b := c.waiting
		c.waiting = c.spare[:0]
		c.mu.Unlock()
		_, err := c.Conn.Write(b)
		c.mu.Lock()
		if c.spare = b; cap(b) > keepBuffer {
			c.spare = nil
		}
		if c.err == nil {
			c.err = err
		}
	}
	c.busy = false
}

// keepBuffer is how many bytes of memory a carrier keeps for what waits.
const keepBuffer = 128 << 10

// SetWriteDeadline implements [net.Conn]. It does nothing: writing does not wait.
func (c *carrier) SetWriteDeadline(time.Time) error { return nil }

// SetDeadline implements [net.Conn], for reading.
func (c *carrier) SetDeadline(t time.Time) error { return c.Conn.SetReadDeadline(t) }

// A dialer makes the connections of package nats: to a server in this process, or elsewhere.
type dialer struct {
	inside *server.Server
	limit  time.Duration
	buffer int
}

// Dial implements the CustomDialer of package nats.
func (d dialer) Dial(network, address string) (net.Conn, error) {
	c, err := net.DialTimeout(network, address, d.limit)
	if err != nil {
		return nil, err
	}
	return newCarrier(c, d.buffer), nil
}

// InProcessConn implements the InProcessConnProvider of package nats.
func (d dialer) InProcessConn() (net.Conn, error) {
	c, err := d.inside.InProcessConn()
	if err != nil {
		return nil, err
	}
	return newCarrier(c, d.buffer), nil
}
