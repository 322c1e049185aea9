package simnet

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// A stream is one direction of a connection: a bounded queue of bytes between the
// end that writes and the end that reads. Both streams of a connection share one
// mutex, because a reset changes both at once. read, write and tryWrite lock it;
// the callers of all other methods hold it.
//
// Calls wait on condition variables, and never hold the mutex for long:
// testing/synctest takes a wait on a sync.Cond for durable blocking, but not one
// on a sync.Mutex.
type stream struct {
	mu                 *sync.Mutex
	readable, writable sync.Cond

	data  ringBuffer
	reset bool // reads and writes fail with ECONNRESET

	// The end that reads.
	readerClosed bool // reads fail with net.ErrClosed
	ignored      bool // after CloseRead: reads return io.EOF, and data is discarded
	bounced      bool // data came after the reader closed: the next write fails
	readBy       deadline

	// The end that writes.
	writerClosed bool // writes fail with net.ErrClosed
	finished     bool // after CloseWrite: no more data comes, and writes fail with EPIPE
	writing      bool // a write is in progress; other writes wait for its end
	writeBy      deadline
}

func newStream(mu *sync.Mutex, limit int) *stream {
	s := &stream{mu: mu, data: ringBuffer{limit: limit}}
	s.readable.L, s.writable.L = mu, mu
	return s
}

func (s *stream) read(p []byte) (int, error) {
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

func (s *stream) write(p []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if err := s.writeError(); err != nil {
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
		if err := s.writeError(); err != nil {
			return n, err
		}
	}
}

func (s *stream) tryWrite(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.writeError(); err != nil || s.writing {
		return 0, err
	}
	return s.push(p), nil
}

// writeError returns the error that a write fails with now, or nil.
func (s *stream) writeError() error {
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

// push puts as much of p into the queue as there is room for, and returns how much
// that is. If the reader has closed, or ignores data, push discards all of p.
func (s *stream) push(p []byte) int {
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

// unread reports whether there is data to read.
func (s *stream) unread() bool { return s.data.length > 0 }

// wake wakes all reads and writes that wait, because the state has changed.
func (s *stream) wake() {
	s.readable.Broadcast()
	s.writable.Broadcast()
}

// abort resets the stream and discards its data.
func (s *stream) abort() {
	s.reset = true
	s.data.drop()
	s.wake()
}

// finish ends the data of the stream: see [Conn.CloseWrite].
func (s *stream) finish() {
	s.finished = true
	s.wake()
}

// ignore discards all data of the stream: see [Conn.CloseRead].
func (s *stream) ignore() {
	s.ignored = true
	s.data.drop()
	s.wake()
}

// closeReader closes the end that reads.
func (s *stream) closeReader() {
	s.readerClosed = true
	s.readBy.clear()
	s.wake()
}

// closeWriter closes the end that writes.
func (s *stream) closeWriter() {
	s.writerClosed, s.finished = true, true
	s.writeBy.clear()
	s.wake()
}

func (s *stream) setReadDeadline(t time.Time)  { s.readBy.set(t, &s.readable) }
func (s *stream) setWriteDeadline(t time.Time) { s.writeBy.set(t, &s.writable) }
