package distributed

import (
	"bufio"
	"io"
	"net"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/internal/nonblock"
)

// A tlsCarrier is the connection under package tls, and what is to be sent through it.
//
// During the handshake it waits as any connection does. From then on, what is sent goes
// through three steps: it waits as frames (plain), is encrypted (cipher), and is written to
// the socket as far as the socket takes it without waiting. When the socket takes no more, a
// goroutine writes the rest, and what waits meanwhile is encrypted together. There is no such
// goroutine while nothing waits.
//
// Package tls writes from the goroutine that sends and, to answer the other side, from the
// one that receives.
type tlsCarrier struct {
	net.Conn
	in     *bufio.Reader
	try    func([]byte) (int, error) // writes without waiting; nil if there is no way to
	secure io.Writer                 // encrypts, and writes to the carrier; nil during the handshake

	mu     sync.Mutex
	rested sync.Cond // busy has become false
	busy   bool      // somebody encrypts or writes; nobody else may
	shut   bool      // nothing more may be sent
	plain  [][]byte  // frames, with their lengths, that are not encrypted yet, in blocks
	spare  []byte    // memory for a block
	cipher []byte    // what is not written yet
	err    error     // why nothing can be written any more
}

// Sizes in bytes.
const (
	readBuffer = 16 << 10 // of encrypted bytes, for each connection
	blockSize  = 64 << 10 // of frames that are encrypted at once, unless one is larger
	keepBuffer = 2 * blockSize
)

// newTLSCarrier returns the carrier of a connection. If portable is true, it uses no way to
// write without waiting, as on systems that have none.
func newTLSCarrier(c *net.TCPConn, portable bool) *tlsCarrier {
	u := &tlsCarrier{Conn: c, in: bufio.NewReaderSize(c, readBuffer)}
	u.rested.L = &u.mu
	if !portable {
		u.try = nonblock.Writer(c)
	}
	return u
}

// Read implements [net.Conn].
func (u *tlsCarrier) Read(b []byte) (int, error) { return u.in.Read(b) }

// Write implements [net.Conn] for package tls.
func (u *tlsCarrier) Write(b []byte) (int, error) {
	if u.secure == nil {
		return u.Conn.Write(b)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err != nil {
		return 0, u.err
	}
	u.cipher = append(u.cipher, b...)
	if !u.busy { // this is an answer of package tls
		u.busy = true
		u.proceed()
	}
	return len(b), u.err
}

// SetWriteDeadline implements [net.Conn]. After the handshake it does nothing: package tls
// sets a deadline for its last message, which would affect what is written later.
func (u *tlsCarrier) SetWriteDeadline(t time.Time) error {
	if u.secure == nil {
		return u.Conn.SetWriteDeadline(t)
	}
	return nil
}

// send sends a frame. It does not wait.
func (u *tlsCarrier) send(frame []byte) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case u.err != nil:
		return u.err
	case u.shut:
		return net.ErrClosed
	}
	n := len(u.plain)
	if n == 0 || len(u.plain[n-1])+lengthSize+len(frame) > blockSize {
		u.plain, u.spare = append(u.plain, u.spare[:0]), nil
	}
	last := &u.plain[len(u.plain)-1]
	*last = appendFrame(*last, frame)
	if !u.busy {
		u.busy = true
		u.proceed()
	}
	return u.err
}

// proceed encrypts and writes until nothing waits or the socket takes no more, and leaves the
// rest to a goroutine. The caller has locked mu and set busy.
func (u *tlsCarrier) proceed() {
	for u.err == nil && u.try != nil {
		if len(u.cipher) == 0 {
			if len(u.plain) == 0 {
				break
			}
			u.encrypt()
		}
		var n int
		n, u.err = u.try(u.cipher)
		u.cipher = u.cipher[:copy(u.cipher, u.cipher[n:])]
		if len(u.cipher) > 0 {
			break
		}
	}
	if u.waits() {
		go u.writeAll()
		return
	}
	u.rest()
}

// writeAll encrypts and writes until nothing waits.
func (u *tlsCarrier) writeAll() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for u.waits() {
		if len(u.cipher) == 0 {
			u.encrypt()
		}
		b := u.cipher
		u.cipher = nil
		u.mu.Unlock()
		_, err := u.Conn.Write(b)
		u.mu.Lock()
		if u.cipher == nil {
			u.cipher = b[:0]
		}
		if u.err == nil {
			u.err = err
		}
	}
	u.rest()
}

// waits reports whether something is to be written, and can be.
func (u *tlsCarrier) waits() bool { return u.err == nil && len(u.cipher)+len(u.plain) > 0 }

// encrypt encrypts a block of what waits. It unlocks mu meanwhile: the goroutine that receives
// may be within package tls, and wait for mu.
func (u *tlsCarrier) encrypt() {
	b := u.plain[0]
	last := copy(u.plain, u.plain[1:])
	u.plain[last] = nil
	u.plain = u.plain[:last]
	u.mu.Unlock()
	_, err := u.secure.Write(b)
	u.mu.Lock()
	if cap(b) <= keepBuffer {
		u.spare = b
	}
	if u.err == nil {
		u.err = err
	}
}

// rest ends busy.
func (u *tlsCarrier) rest() {
	if cap(u.cipher) > keepBuffer {
		u.cipher = nil
	}
	u.busy = false
	u.rested.Broadcast()
}

// fail makes all later calls of send return err.
func (u *tlsCarrier) fail(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.err == nil {
		u.err = err
	}
}

// end makes all later calls of send fail. It returns an error if nothing can be written.
func (u *tlsCarrier) end() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.shut = true
	return u.err
}

// wait waits until all is written or writing fails.
func (u *tlsCarrier) wait() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	for u.busy {
		u.rested.Wait()
	}
	return u.err
}
