package tcp

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A carrier is the connection to which TLS is written, and from which it is
// read.
//
// Until the handshake is done it waits as any connection does, and never reads
// beyond a record, so that nothing of what comes after the handshake is taken
// with it. From then on it does not wait to write: what the socket does not take
// at once it keeps, until it is told to send it.
//
// Package tls writes from the goroutine that writes, and now and then from the
// one that reads, to answer the peer; only the former sends what is left.
type carrier struct {
	net.Conn
	try  func([]byte) (int, error) // writes what can be written at once; nil if that cannot be told
	idle *idle

	// Of who reads.
	in   records
	cut  bool // the socket has come to its end
	held bool // what is in the socket is to stay there

	shaken bool        // the handshake is done
	behind atomic.Bool // there is a rest, or an error

	mu      sync.Mutex
	rest    []byte // which is to be sent
	sending bool   // somebody does, and waits
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
		return n, nil // if there is an error, it comes again
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

// attempt writes what it can of b at once. The lock is held.
func (u *carrier) attempt(b []byte) (n int) {
	n, u.err = u.try(b)
	if n > 0 {
		u.idle.touch()
	}
	return n
}

// note notes whether there is something left to do. The lock is held.
func (u *carrier) note() {
	if behind := len(u.rest) > 0 || u.err != nil; behind != u.behind.Load() {
		u.behind.Store(behind)
	}
}

// trySend sends what is left as far as that can be done at once, and reports
// whether that is everything.
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

// send sends what is left, and waits for as long as that takes. All is true
// unless there is an error.
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

// takeRest returns what is left, for somebody else to send.
func (u *carrier) takeRest() []byte {
	u.mu.Lock()
	defer u.mu.Unlock()
	b := u.rest
	u.rest = nil
	return b
}

// SetWriteDeadline implements [net.Conn]. Package tls sets deadlines around its
// last message, and they would hit what is sent after it returns.
func (u *carrier) SetWriteDeadline(t time.Time) error {
	if u.shaken && u.try != nil {
		return nil
	}
	return u.Conn.SetWriteDeadline(t)
}
