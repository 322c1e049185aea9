package tcp

import (
	"crypto/tls"
	"io"
)

// A secureConn is a connection with TLS. Bytes that it has encrypted and not sent,
// because the socket takes no more, count as not written.
type secureConn struct {
	*tls.Conn
	under *carrier
	taken int // bytes that are encrypted and do not count as written yet
}

// recordLimit is how many bytes fit into one record of TLS. A secureConn encrypts
// pieces of that size, and checks in between whether the socket takes them.
const recordLimit = 16 << 10

// Read reads what the peer has sent. It returns io.EOF only after a close_notify of
// the peer.
func (c *secureConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err != nil {
		err = explainRead(err, c.under.cut)
	}
	return n, err
}

// drainLimit is at least as many bytes as one call of drain returns: the rest of a
// record, and what one read takes after it.
const drainLimit = 3 * recordLimit

// drain reads from a socket that does not wait: at least one record, if there is one,
// and all that package tls has taken from the socket with it. So the rest is in the
// socket, and the ground can wait for it. If there is nothing to read, drain returns
// 0 and no error. There must be room for drainLimit bytes.
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
			return n, nil // package tls has taken nothing after the record
		}
		c.under.held = true
	}
}

// TryWrite writes as much of b as it can without waiting. The next TryWrite or Write
// must go on with the rest of b.
func (c *secureConn) TryWrite(b []byte) (n int, err error) { return c.write(b, c.under.trySend) }

// Write writes b, and waits for as long as that takes. It goes on with what TryWrite
// has begun.
func (c *secureConn) Write(b []byte) (n int, err error) { return c.write(b, c.under.send) }

// write writes b, with send for the encrypted bytes, until send does not send all.
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

// TryCloseWrite is CloseWrite without waiting. It reports whether all is sent.
func (c *secureConn) TryCloseWrite() (done bool, err error) {
	if err := c.Conn.CloseWrite(); err != nil {
		return false, err
	}
	return c.under.trySend()
}

// CloseWrite sends a close_notify.
func (c *secureConn) CloseWrite() error {
	if err := c.Conn.CloseWrite(); err != nil {
		return err
	}
	_, err := c.under.send()
	return err
}

// errLater says that there is nothing to read yet. It is temporary, so package tls
// can go on reading later.
var errLater error = later{}

type later struct{}

func (later) Error() string   { return "tcp: nothing is there yet" }
func (later) Timeout() bool   { return true }
func (later) Temporary() bool { return true }

// records keeps track of where TLS records begin and end in the bytes read.
type records struct {
	header [5]byte
	known  int // how many bytes of the header were read
	left   int // how many bytes of the record are still to come
	ended  int // how many records were read to their end
}

// isBetween reports whether the next byte begins a record.
func (r *records) isBetween() bool { return r.known == 0 && r.left == 0 }

// next returns how many bytes can be read without going beyond the record: the rest
// of its header, or else the rest of the record.
func (r *records) next() int {
	if r.left > 0 {
		return r.left
	}
	return len(r.header) - r.known
}

// pass notes that b was read.
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

// explainRead returns the reason of a read that has failed with err. Cut says that
// the socket has ended.
func explainRead(err error, cut bool) error {
	if cut && (err == io.EOF || err == io.ErrUnexpectedEOF) {
		return &failure{"tcp: the peer has closed the connection without saying that this is the end (there was no close_notify): " +
			"some of what it has sent may be missing", []error{io.ErrUnexpectedEOF}}
	}
	if said, rejected := alert(err); rejected { // a client may get the alert after the handshake
		return newFailure(ErrCertificate, "the peer says of ours: "+said, err)
	}
	return err
}
