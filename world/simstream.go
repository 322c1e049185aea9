package world

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// A simStream is one direction of a connection: a bounded queue of bytes between
// the end that writes and the end that reads. The lock is that of the whole
// connection, because a reset is an event in both directions at once. Methods
// take it unless they say that it is held.
//
// Waiting is done on conditions and never on the lock, since only the former is
// durably blocking to testing/synctest.
type simStream struct {
	mu                 *sync.Mutex
	readable, writable sync.Cond

	data  simRing
	reset bool // ECONNRESET to whoever has not closed

	// The end that reads.
	readerClosed bool // reads fail
	ignored      bool // CloseRead: what comes is thrown away
	bounced      bool // something came after it was closed
	readBy       simDeadline

	// The end that writes.
	writerClosed bool // writes fail
	finished     bool // nothing more comes
	writing      bool // a write is under way, which others wait for
	writeBy      simDeadline
}

func newSimStream(mu *sync.Mutex, limit int) *simStream {
	s := &simStream{mu: mu, data: simRing{limit: limit}}
	s.readable.L, s.writable.L = mu, mu
	return s
}

func (s *simStream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.readerClosed:
			return 0, net.ErrClosed
		case len(p) == 0:
			return 0, nil
		case s.readBy.passed:
			return 0, os.ErrDeadlineExceeded
		case s.reset:
			return 0, syscall.ECONNRESET
		case s.ignored:
			return 0, io.EOF
		case s.data.length > 0:
			n := s.data.pull(p)
			s.writable.Broadcast()
			return n, nil
		case s.finished:
			return 0, io.EOF
		}
		s.readable.Wait()
	}
}

func (s *simStream) write(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if err := s.cannotWrite(); err != nil {
			return 0, err
		}
		if !s.writing {
			break
		}
		s.writable.Wait()
	}
	s.writing = true
	defer func() {
		s.writing = false
		s.writable.Broadcast()
	}()
	for {
		n += s.push(p[n:])
		if n == len(p) {
			return n, nil
		}
		s.writable.Wait()
		if err := s.cannotWrite(); err != nil {
			return n, err
		}
	}
}

func (s *simStream) tryWrite(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.cannotWrite(); err != nil || s.writing {
		return 0, err
	}
	return s.push(p), nil
}

// cannotWrite returns why not, if so. The lock is held.
func (s *simStream) cannotWrite() error {
	switch {
	case s.writerClosed:
		return net.ErrClosed
	case s.writeBy.passed:
		return os.ErrDeadlineExceeded
	case s.reset:
		return syscall.ECONNRESET
	case s.finished, s.bounced:
		return syscall.EPIPE
	}
	return nil
}

// push takes as much of p as there is room for, or all of it if nobody will
// read it. The lock is held.
func (s *simStream) push(p []byte) int {
	switch {
	case len(p) == 0:
		return 0
	case s.readerClosed:
		s.bounced = true
		return len(p)
	case s.ignored:
		return len(p)
	}
	n := s.data.push(p)
	if n > 0 {
		s.readable.Broadcast()
	}
	return n
}

// unread reports whether there is data that nobody has read. The lock is held.
func (s *simStream) unread() bool { return s.data.length > 0 }

// wake lets everybody look at the state again. The lock is held.
func (s *simStream) wake() {
	s.readable.Broadcast()
	s.writable.Broadcast()
}

// abort is a reset, from either end. The lock is held.
func (s *simStream) abort() {
	s.reset = true
	s.data.drop()
	s.wake()
}

// finish says that nothing more is written. The lock is held.
func (s *simStream) finish() {
	s.finished = true
	s.wake()
}

// ignore says that nothing more is read. The lock is held.
func (s *simStream) ignore() {
	s.ignored = true
	s.data.drop()
	s.wake()
}

// closeReader closes the end that reads. The lock is held.
func (s *simStream) closeReader() {
	s.readerClosed = true
	s.readBy.clear()
	s.wake()
}

// closeWriter closes the end that writes. The lock is held.
func (s *simStream) closeWriter() {
	s.writerClosed, s.finished = true, true
	s.writeBy.clear()
	s.wake()
}

// setReadDeadline is called with the lock held.
func (s *simStream) setReadDeadline(t time.Time) { s.readBy.set(t, &s.readable) }

// setWriteDeadline is called with the lock held.
func (s *simStream) setWriteDeadline(t time.Time) { s.writeBy.set(t, &s.writable) }

// A simDeadline knows whether a time has passed. The lock is that of the
// connection and is held in all its methods.
type simDeadline struct {
	passed bool
	timer  *time.Timer
	turn   uint64 // a timer that was too late to stop is of an earlier turn
}

// clear forgets the deadline.
func (d *simDeadline) clear() {
	d.turn++
	d.passed = false
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

// set sets the deadline to t, or to none if t is zero, and wakes those who wait
// when it passes.
func (d *simDeadline) set(t time.Time, waiters *sync.Cond) {
	d.clear()
	if t.IsZero() {
		return
	}
	left := time.Until(t)
	if left <= 0 {
		d.passed = true
		waiters.Broadcast()
		return
	}
	turn := d.turn
	d.timer = time.AfterFunc(left, func() {
		waiters.L.Lock()
		defer waiters.L.Unlock()
		if d.turn == turn {
			d.passed = true
			waiters.Broadcast()
		}
	})
}

// A simRing is a queue of at most limit bytes, which grows as it is needed.
type simRing struct {
	limit  int
	buf    []byte
	start  int // of the first byte
	length int
}

// push puts as much of p into the queue as there is room for.
func (r *simRing) push(p []byte) int {
	p = p[:min(len(p), r.limit-r.length)]
	if len(p) == 0 {
		return 0
	}
	if need := r.length + len(p); need > len(r.buf) {
		bigger := make([]byte, min(max(need, 2*len(r.buf), 512), r.limit))
		length := r.pull(bigger)
		r.buf, r.start, r.length = bigger, 0, length
	}
	end := (r.start + r.length) % len(r.buf)
	n := copy(r.buf[end:], p)
	copy(r.buf, p[n:])
	r.length += len(p)
	return len(p)
}

// pull takes out up to len(p) bytes.
func (r *simRing) pull(p []byte) int {
	p = p[:min(len(p), r.length)]
	if len(p) == 0 {
		return 0
	}
	n := copy(p, r.buf[r.start:])
	copy(p[n:], r.buf)
	r.start = (r.start + len(p)) % len(r.buf)
	r.length -= len(p)
	return len(p)
}

// drop forgets everything, and the memory with it.
func (r *simRing) drop() { r.buf, r.start, r.length = nil, 0, 0 }
