package tcp

import (
	"log/slog"
	"net"
	"os"
	"sync/atomic"

	"github.com/go-marketplace/marketplace/internal/nonblock"
	"github.com/go-marketplace/marketplace/world"
)

// A writer carries out commands on a connection. One goroutine at a time calls its
// methods, except for hasWritten.
type writer struct {
	try    func([]byte) (int, error) // writes without waiting; nil if there is no way to
	tryEnd func() (bool, error)      // ends the flow without waiting; nil if that never waits
	idle   *idle
	rest   []byte // what is left of the write under way
	begun  bool   // a write is under way
	ended  bool   // the flow to the peer has ended
	joined []byte // several small writes

	failure error // of the write that has failed

	busy   atomic.Bool // commands are being carried out
	wrote  atomic.Bool // something was written, and no write has failed
	failed atomic.Bool // a write has failed
}

func (w *writer) init(c net.Conn, i *idle) {
	w.try, w.idle = tryWriter(c), i
	s, ok := c.(*secureConn)
	if !ok {
		return
	}
	w.idle = nil // the carrier notes progress
	if s.under.try != nil {
		w.try, w.tryEnd = s.TryWrite, s.TryCloseWrite
	}
}

// tryWriter returns a function that writes to c without waiting, or nil if there is no
// way to.
func tryWriter(c net.Conn) func([]byte) (int, error) {
	switch c := c.(type) {
	case *net.TCPConn: // and no type that embeds it, which may write in another way
		return nonblock.Writer(c)
	case *secureConn:
		return nil
	case world.TryWriter:
		return c.TryWrite
	}
	return nil
}

// hasWritten reports whether all writes are done, and there was at least one.
func (w *writer) hasWritten() bool { return w.wrote.Load() && !w.busy.Load() }

// Try implements [world.Handle].
func (c *conn) Try(commands []any) (done int, err error) {
	w := &c.out
	if w.try == nil {
		return 0, nil
	}
	w.busy.Store(true)
	defer func() { w.busy.Store(done < len(commands)) }()
	for done < len(commands) {
		if w.failed.Load() {
			if err := w.drop(commands[done]); err != nil {
				return done, err
			}
			done++
			continue
		}
		if _, ok := commands[done].(endWriting); ok && w.tryEnd != nil {
			w.ended = true
			if out, err := w.tryEnd(); !out || err != nil {
				return done, err
			}
			done++
			continue
		}
		if _, ok := commands[done].(write); !ok || w.ended {
			if err := c.do(commands[done]); err != nil {
				return done, err
			}
			done++
			continue
		}
		n, full, err := w.writeSome(commands[done:])
		done += n
		if full || err != nil {
			return done, err
		}
	}
	return done, nil
}

// joinLimit is how many bytes of small writes are joined, at most.
const joinLimit = 32 << 10

// writeSome writes as much as it can of the writes at the beginning of commands; the
// first command is one. It returns how many of them are done, and whether the
// connection takes no more.
func (w *writer) writeSome(commands []any) (done int, full bool, err error) {
	b := w.first(commands[0].(write))
	count := 1
	for ; count < len(commands); count++ {
		next, ok := commands[count].(write)
		if !ok || len(b)+len(next.Bytes) > joinLimit {
			break
		}
		if count == 1 {
			w.joined = append(w.joined[:0], b...)
		}
		w.joined = append(w.joined, next.Bytes...)
		b = w.joined
	}
	n, err := w.try(b)
	w.note(n, err)
	full = n < len(b)
	for ; done < count; done++ {
		all := w.first(commands[done].(write))
		w.rest, w.begun = nil, false
		if n < len(all) {
			if err == nil {
				w.rest, w.begun = all[n:], true
			}
			break
		}
		n -= len(all)
	}
	return done, full, err
}

// first returns the bytes of the first command that are still to write.
func (w *writer) first(c write) []byte {
	if w.begun {
		return w.rest
	}
	return c.Bytes
}

// drop drops a command, because a write before it has failed. The holder has heard of
// that, so drop returns no error, unless the holder waits for the command.
func (w *writer) drop(command any) error {
	if c, ok := command.(write); ok && c.Confirm {
		return w.failure
	}
	return nil
}

// note notes the result of an attempt to write.
func (w *writer) note(n int, err error) {
	if err != nil {
		w.failure = err
		w.failed.Store(true)
	}
	if n > 0 {
		w.idle.touch()
	}
	if good := err == nil && (n > 0 || w.wrote.Load()); good != w.wrote.Load() {
		w.wrote.Store(good)
	}
}

// Do implements [world.Handle].
func (c *conn) Do(command any) error {
	c.out.busy.Store(true)
	defer c.out.busy.Store(false)
	return c.do(command)
}

func (c *conn) do(command any) error {
	w := &c.out
	if w.failed.Load() {
		return w.drop(command)
	}
	switch command := command.(type) {
	case write:
		if w.ended {
			c.env.Logger().Warn("tcp: dropping what was sent on a flow after its end",
				slog.String("remote", c.RemoteAddr().String()), slog.Int("bytes", len(command.Bytes)))
			return nil
		}
		n, err := writeAll(c.Conn, w.first(command), w.idle)
		w.rest, w.begun = nil, false
		w.note(n, err)
		return err
	case endWriting:
		w.ended = true
		half, ok := c.Conn.(halfCloser)
		if !ok {
			return &net.OpError{Op: "shutdown", Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: os.ErrInvalid}
		}
		return half.CloseWrite()
	}
	return errCommand
}
