package tcp

import (
	"crypto/tls"
	"io"
)

// A secureConn is a connection on which TLS is spoken. What it has encrypted but
// not yet sent, because the socket takes no more, it counts as not written.
type secureConn struct {
	*tls.Conn
	under *carrier
	taken int // bytes that have been encrypted and not been counted as written
}

// recordLimit is how many bytes fit into one record of TLS. What is written is
// encrypted in pieces of that size, so as to see in between whether the socket
// takes it.
const recordLimit = 16 << 10

// Read reads what the peer has sent. It returns io.EOF only if the peer has said
// that this is the end.
func (c *secureConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil {
		err = explainRead(err, c.under.cut)
	}
	return n, err
}

// drainLimit is enough for what a single call of drain can bring: the rest of a
// record, and what one read has brought after it.
const drainLimit = 3 * recordLimit

// drain reads what is there, from a socket that does not wait: at least one
// record, if there is one, and all that has been taken from the socket on the
// way. So what is left is in the socket, and can be waited for. If nothing is
// there it returns 0 and no error. There must be room for drainLimit bytes.
func (c *secureConn) drain(b []byte) (n int, err error) {
	c.under.held, c.under.in.ended = false, 0
	for {
		m, err := c.Conn.Read(b[n:])
		n += m
		switch {
		case err == errLater:
			return n, nil
		case err != nil:
			return n, explainRead(err, c.under.cut)
		case c.under.in.ended == 1 && c.under.in.isBetween():
			return n, nil // there was only that one
		}
		c.under.held = true
	}
}

// TryWrite writes as much of b as it can without waiting. The next write, of
// whichever kind, goes on with the same bytes.
func (c *secureConn) TryWrite(b []byte) (n int, err error) { return c.write(b, c.under.trySend) }

// Write writes b, and waits for as long as that takes. It goes on with what
// TryWrite has begun.
func (c *secureConn) Write(b []byte) (n int, err error) { return c.write(b, c.under.send) }

// write writes b as far as send does.
func (c *secureConn) write(b []byte, send func() (all bool, err error)) (n int, err error) {
	for {
		if all, err := send(); !all || err != nil {
			return n, err
		}
		m := min(c.taken, len(b)-n)
		c.taken -= m
		n += m
		if n == len(b) {
			return n, nil
		}
		m, err := c.Conn.Write(b[n:min(n+recordLimit, len(b))])
		c.taken += m
		if err != nil {
			return n, err
		}
	}
}

// TryCloseWrite is CloseWrite without waiting. It reports whether it is done.
func (c *secureConn) TryCloseWrite() (done bool, err error) {
	if err := c.Conn.CloseWrite(); err != nil {
		return false, err
	}
	return c.under.trySend()
}

// CloseWrite tells the peer that nothing more comes.
func (c *secureConn) CloseWrite() error {
	if err := c.Conn.CloseWrite(); err != nil {
		return err
	}
	_, err := c.under.send()
	return err
}

// errLater says that nothing is there to be read yet. It is temporary, which
// package tls takes for no end.
var errLater error = later{}

type later struct{}

func (later) Error() string   { return "tcp: nothing is there yet" }
func (later) Timeout() bool   { return true }
func (later) Temporary() bool { return true }

// records tells where the records of TLS begin and end in what is read.
type records struct {
	header [5]byte
	known  int // how much of the header of the record has been read
	left   int // how much of the rest is to come
	ended  int // how many have been read to their end
}

// isBetween reports whether the next byte begins a record.
func (r *records) isBetween() bool { return r.known == 0 && r.left == 0 }

// next returns how many bytes can be read without going beyond the record: the
// rest of its header, or that of the record.
func (r *records) next() int {
	if r.left > 0 {
		return r.left
	}
	return len(r.header) - r.known
}

// pass notes that b has been read.
func (r *records) pass(b []byte) {
	for len(b) > 0 {
		n := min(r.next(), len(b))
		if r.left > 0 {
			r.left -= n
		} else {
			r.known += copy(r.header[r.known:], b[:n])
			if r.known < len(r.header) {
				return
			}
			r.left, r.known = int(r.header[3])<<8|int(r.header[4]), 0
		}
		if r.left == 0 {
			r.ended++
		}
		b = b[n:]
	}
}

// explainRead returns the reason for which nothing more can be read. Cut says
// that the socket has come to its end.
func explainRead(err error, cut bool) error {
	if cut && (err == io.EOF || err == io.ErrUnexpectedEOF) {
		return &failure{"tcp: the peer has closed the connection without saying that this is the end (there was no close_notify): " +
			"some of what it has sent may be missing", []error{io.ErrUnexpectedEOF}}
	}
	if said, rejected := alert(err); rejected { // of which a client may hear late
		return newFailure(ErrCertificate, "the peer says of ours: "+said, err)
	}
	return err
}
