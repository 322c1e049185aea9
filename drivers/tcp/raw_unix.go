//go:build unix

package tcp

import (
	"net"
	"os"
	"syscall"
)

// rawWriter returns a function that writes to c without waiting, or nil if there is no
// way to.
func rawWriter(c *net.TCPConn) func([]byte) (int, error) {
	socket, err := c.SyscallConn()
	if err != nil {
		return nil
	}
	w := &raw{conn: c, socket: socket}
	w.once = w.attempt
	return w.write
}

// raw writes to a socket without the poller of the runtime, which would wait.
type raw struct {
	conn   *net.TCPConn
	socket syscall.RawConn
	once   func(fd uintptr) bool // attempt, made into a function value once
	bytes  []byte
	n      int
	err    error
}

func (w *raw) write(b []byte) (int, error) {
	w.bytes, w.n, w.err = b, 0, nil
	err := w.socket.Write(w.once)
	w.bytes = nil
	if err == nil && w.err != nil {
		err = &net.OpError{Op: "write", Net: "tcp", Source: w.conn.LocalAddr(), Addr: w.conn.RemoteAddr(), Err: os.NewSyscallError("write", w.err)}
	}
	return w.n, err
}

// maxWrite is the most that every system takes in one call.
const maxWrite = 1 << 30

// attempt always reports that it is done, so that the runtime does not wait for the
// socket and call it again.
func (w *raw) attempt(fd uintptr) bool {
	w.n, w.err = writeOnce(int(fd), w.bytes)
	return true
}

// writeOnce writes as much of b as it can without waiting.
func writeOnce(fd int, b []byte) (int, error) {
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
