package world

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
)

// A simListener takes the connections to an address of a SimNetwork. Its state
// is guarded by the lock of the network.
type simListener struct {
	network *SimNetwork
	at      simBind

	arrived sync.Cond  // there is something for Accept
	ready   []*SimConn // connected and not accepted
	waiting []*simDial // beyond the backlog
	closed  bool
}

// A simDial is a dial under way. It is decided when done is closed.
type simDial struct {
	to   netip.AddrPort
	done chan struct{}
	conn *SimConn
	err  error
}

func newSimListener(n *SimNetwork, at simBind) *simListener {
	l := &simListener{network: n, at: at}
	l.arrived.L = &n.mu
	return l
}

// dial begins a dial and decides it if the backlog allows.
func (l *simListener) dial(to netip.AddrPort) *simDial {
	d := &simDial{to: to, done: make(chan struct{})}
	if len(l.waiting) == 0 && l.hasRoom() {
		l.admit(d)
	} else {
		l.waiting = append(l.waiting, d)
	}
	return d
}

func (l *simListener) hasRoom() bool {
	limit := l.network.Backlog
	if limit <= 0 {
		limit = defaultBacklog
	}
	return len(l.ready) < limit
}

// admit decides a dial: it is connected, unless the network has no ports left.
func (l *simListener) admit(d *simDial) {
	defer close(d.done)
	dialed, accepted, err := l.network.pair(d.to)
	if err != nil {
		d.err = err
		return
	}
	d.conn = dialed
	l.ready = append(l.ready, accepted)
	l.arrived.Signal()
}

// forget withdraws a dial, and reports false if it was decided before.
func (l *simListener) forget(d *simDial) bool {
	i := slices.Index(l.waiting, d)
	if i < 0 {
		return false
	}
	l.waiting = slices.Delete(l.waiting, i, i+1)
	return true
}

// Accept waits for the next connection.
func (l *simListener) Accept() (net.Conn, error) {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	for !l.closed && len(l.ready) == 0 {
		l.arrived.Wait()
	}
	if l.closed {
		return nil, &net.OpError{Op: "accept", Net: "tcp", Addr: l.at.tcpAddr(), Err: net.ErrClosed}
	}
	c := l.ready[0]
	l.ready = slices.Delete(l.ready, 0, 1)
	for len(l.waiting) > 0 && l.hasRoom() {
		next := l.waiting[0]
		l.waiting = slices.Delete(l.waiting, 0, 1)
		l.admit(next)
	}
	return c, nil
}

// Close makes the address free. What is connected and not accepted is reset,
// dials that wait are refused, and accepted connections stay.
func (l *simListener) Close() error {
	ready, err := l.close()
	for _, c := range ready {
		c.Reset() // nobody has it, so it is open
	}
	return err
}

func (l *simListener) close() (ready []*SimConn, err error) {
	l.network.mu.Lock()
	defer l.network.mu.Unlock()
	if l.closed {
		return nil, &net.OpError{Op: "close", Net: "tcp", Addr: l.at.tcpAddr(), Err: net.ErrClosed}
	}
	l.closed = true
	l.network.removeListener(l)
	for _, d := range l.waiting {
		d.err = os.NewSyscallError("connect", syscall.ECONNREFUSED)
		close(d.done)
	}
	ready = l.ready
	l.ready, l.waiting = nil, nil
	l.arrived.Broadcast()
	return ready, nil
}

// Addr returns the address, a *net.TCPAddr.
func (l *simListener) Addr() net.Addr { return l.at.tcpAddr() }
