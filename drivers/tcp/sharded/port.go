package sharded

import (
	"math"
	"net"
)

// A port is the listener of one machine of a worker. Its connections are those
// in the worker's queue. Its state is guarded by the lock of the queues.
type port struct {
	queues *queues
	at     int // the worker
	addr   net.Addr
	closed chan struct{}
	open   int // open connections of the machine
}

// open opens the port of the machine of a worker, which has no other port. Closed is
// closed when the port is.
func (q *queues) open(at int, addr net.Addr, closed chan struct{}) *port {
	q.mu.Lock()
	defer q.mu.Unlock()
	p := &port{queues: q, at: at, addr: addr, closed: closed}
	q.queues[at].port = p
	q.redeal()
	return p
}

// Accept implements [net.Listener].
func (p *port) Accept() (net.Conn, error) {
	q := p.queues
	q.mu.Lock()
	defer q.mu.Unlock()
	one := &q.queues[p.at]
	for !isClosed(p.closed) && len(one.conns) == 0 {
		one.arrived.Wait()
	}
	if isClosed(p.closed) {
		return nil, &net.OpError{Op: "accept", Net: p.addr.Network(), Addr: p.addr, Err: net.ErrClosed}
	}
	c := one.conns[0]
	one.conns[0] = nil
	one.conns = one.conns[1:]
	one.open++
	p.open++
	q.changed.Broadcast()
	return c, nil
}

// Close implements [net.Listener]. Connections go on waiting, for the next machine.
func (p *port) Close() error {
	q := p.queues
	q.mu.Lock()
	defer q.mu.Unlock()
	if isClosed(p.closed) {
		return nil
	}
	close(p.closed)
	one := &q.queues[p.at]
	one.port = nil
	one.arrived.Broadcast()
	q.redeal()
	q.changed.Broadcast()
	return nil
}

// Addr implements [net.Listener].
func (p *port) Addr() net.Addr { return p.addr }

// parted notes that the machine has closed a connection.
func (p *port) parted() { p.forget(1) }

// over notes that the machine has ended, and closed its connections.
func (p *port) over() { p.forget(math.MaxInt) }

func (p *port) forget(n int) {
	q := p.queues
	q.mu.Lock()
	defer q.mu.Unlock()
	n = min(n, p.open)
	p.open -= n
	q.queues[p.at].open -= n
}
