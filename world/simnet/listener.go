package simnet

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
)

// A listener accepts the connections to an address of a Network. network.mu guards
// its state, and its unexported methods except close expect that it is held.
type listener struct {
	network *Network
	at      bindAddr

	arrived sync.Cond      // there is a connection for Accept, or closed is set
	ready   []*Conn        // the backlog: connected and not accepted
	waiting []*pendingDial // dials that found the backlog full
	closed  bool
}

// A pendingDial is a call of Dial that has not ended.
type pendingDial struct {
	to   netip.AddrPort
	done chan struct{} // closed once the result is known

	// The result.
	conn *Conn
	err  error
}

func newListener(n *Network, at bindAddr) *listener {
	l := &listener{network: n, at: at}
	l.arrived.L = &n.mu
	return l
}

// dial begins a dial. It connects if there is room in the backlog.
func (l *listener) dial(to netip.AddrPort) *pendingDial {
	d := &pendingDial{to: to, done: make(chan struct{})}
	if len(l.waiting) == 0 && l.hasRoom() {
		l.connect(d)
	} else {
		l.waiting = append(l.waiting, d)
	}
	return d
}

// hasRoom reports whether there is room in the backlog.
func (l *listener) hasRoom() bool {
	limit := l.network.Backlog
	if limit <= 0 {
		limit = defaultBacklog
	}
	return len(l.ready) < limit
}

// connect ends a dial: with a connection, or with an error if the network has no
// port left.
func (l *listener) connect(d *pendingDial) {
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

// withdraw removes a dial that waits. It reports false if the dial has ended.
func (l *listener) withdraw(d *pendingDial) bool {
	i := slices.Index(l.waiting, d)
	if i < 0 {
		return false
	}
	l.waiting = slices.Delete(l.waiting, i, i+1)
	return true
}

// Accept waits for the next connection.
func (l *listener) Accept() (net.Conn, error) {
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
		l.connect(next)
	}
	return c, nil
}

// Close frees the address. It resets the connections in the backlog and refuses
// the dials that wait. Accepted connections stay open.
func (l *listener) Close() error {
	ready, err := l.close()
	for _, c := range ready {
		c.Reset() // it cannot fail: no user has this end
	}
	return err
}

// close is Close, except that it returns the connections of the backlog. The
// caller resets them without network.mu, which a connection locks when its last
// end is closed.
func (l *listener) close() (ready []*Conn, err error) {
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

// Addr returns the address that the listener is bound to, a *net.TCPAddr.
func (l *listener) Addr() net.Addr { return l.at.tcpAddr() }
