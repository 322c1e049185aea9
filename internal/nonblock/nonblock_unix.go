//go:build unix

package nonblock

import (
	"net"
	"os"
	"syscall"
)

// Writer returns a function that writes as much as it can to c without waiting, and
// returns how many bytes that is. It returns nil if there is no way to. One goroutine at a
// time may call the function, and only while no other writes to c: it would wait for that
// one.
func Writer(c *net.TCPConn) func([]byte) (int, error) {
	socket, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	w := &writer{conn: c, socket: socket}
	w.once = w.attempt
	return w.write
}

// writer writes to a socket without the poller of the runtime, which would wait.
type writer struct {
	conn   *net.TCPConn
	socket syscall.RawConn
	once   func(fd uintptr) bool // attempt, made into a function value once
	bytes  []byte
	n      int
	err    error
}

func (w *writer) write(b []byte) (int, error) {
	w.bytes, w.n, w.err = b, 0, nil
	err := w.socket.Write(w.once)
	w.bytes = nil
	if err == nil && w.err != nil {
		err = &net.OpError{Op: "write", Net: "tcp", Source: w.conn.LocalAddr(), Addr: w.conn.RemoteAddr(), Err: os.NewSyscallError("write", w.err)}
	}
	return w.n, err
}

// attempt always reports that it is done, so that the runtime does not wait for the
// socket and call it again.
func (w *writer) attempt(fd uintptr) bool {
	w.n, w.err = Write(int(fd), w.bytes)
	return true
}

// maxWrite is the most that every system takes in one call.
const maxWrite = 1 << 30

// Write writes as much of b as it can to a descriptor that does not block. If that is
// nothing, there is no error.
func Write(fd int, b []byte) (int, error) {
	for {
		n, err := syscall.Write(fd, b[:min(len(b), maxWrite)])
		switch err {
		case nil:
			return n, nil
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			return 0, nil
		}
		return 0, err
	}
}
