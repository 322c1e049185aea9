package tcp

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A carrier is the connection under package tls, with the encrypted bytes.
//
// Until the handshake is done it waits as any connection does, and never reads beyond
// a record, so that it takes nothing of what comes after the handshake. From then on,
// Write does not wait: the carrier keeps what the socket does not take at once, until
// trySend or send is called.
//
// Package tls writes from the goroutine that writes and, to answer the peer, from the
// one that reads. Only the former calls trySend and send.
type carrier struct {
	net.Conn
	try  func([]byte) (int, error) // writes without waiting; nil if there is no way to
	idle *idle

	// These belong to the goroutine that reads.
	in   records
	cut  bool // the socket has ended
	held bool // Read leaves in the socket what is there

	shaken bool        // the handshake is done
	behind atomic.Bool // there is a rest, or an error

	mu      sync.Mutex
	rest    []byte // bytes that are still to send
	sending bool   // send is under way
	err     error  // why nothing can be sent any more
}

func newCarrier(c net.Conn) *carrier { return &carrier{Conn: c, try: tryWriter(c)} }

// Read implements [net.Conn].
func (u *carrier) Read(b []byte) (int, error) {
	switch {
	case u.held:
		return 0, errLater
	case !u.shaken:
		b = b[:min(u.in.next(), len(b))]
	}
	n, err := u.Conn.Read(b)
	if n > 0 {
		u.in.pass(b[:n])
		u.idle.touch()
		return n, nil // the next read returns the error, if any, again
	}
	u.cut = u.cut || err == io.EOF
	return n, err
}

// Write implements [net.Conn].
func (u *carrier) Write(b []byte) (n int, err error) {
	if !u.shaken || u.try == nil {
		return writeAll(u.Conn, b, u.idle)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.rest) == 0 && !u.sending && u.err == nil {
		n = u.attempt(b)
	}
	u.rest = append(u.rest, b[n:]...)
	u.note()
	return len(b), u.err
}

// attempt writes as much of b as it can without waiting. The lock is held.
func (u *carrier) attempt(b []byte) (n int) {
	n, u.err = u.try(b)
	if n > 0 {
		u.idle.touch()
	}
	return n
}

// note updates behind. The lock is held.
func (u *carrier) note() {
	if behind := len(u.rest) > 0 || u.err != nil; behind != u.behind.Load() {
		u.behind.Store(behind)
	}
}

// trySend sends as much of the rest as it can without waiting, and reports whether
// that is all.
func (u *carrier) trySend() (all bool, err error) {
	if !u.behind.Load() {
		return true, nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err == nil {
		n := u.attempt(u.rest)
		u.rest = u.rest[:copy(u.rest, u.rest[n:])]
		u.note()
	}
	return len(u.rest) == 0, u.err
}

// send sends the rest, and waits for as long as that takes. All is true unless there
// is an error.
func (u *carrier) send() (all bool, err error) {
	if !u.behind.Load() {
		return true, nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for len(u.rest) > 0 && u.err == nil {
		b := u.rest
		u.rest, u.sending = nil, true
		u.mu.Unlock()
		_, err := writeAll(u.Conn, b, u.idle)
		u.mu.Lock()
		u.sending, u.err = false, err
	}
	u.note()
	return u.err == nil, u.err
}

// takeRest takes the rest out, for the caller to send.
func (u *carrier) takeRest() []byte {
	u.mu.Lock()
	defer u.mu.Unlock()
	b := u.rest
	u.rest = nil
	return b
}

// SetWriteDeadline implements [net.Conn]. After the handshake it does nothing if
// writes do not wait: package tls sets a deadline for its last message, which would
// affect what the carrier sends later.
func (u *carrier) SetWriteDeadline(t time.Time) error {
	if u.shaken && u.try != nil {
		return nil
	}
	return u.Conn.SetWriteDeadline(t)
}
