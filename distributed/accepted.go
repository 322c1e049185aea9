package distributed

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/go-marketplace/marketplace/distributed/internal/session"
	"github.com/go-marketplace/marketplace/world"
)

// An acceptedLink is the home's side of a link: the device of a mirror. It does not
// continue after a restart.
type acceptedLink struct{ Conn world.Ref }

// The values of an acceptedLink: the first, and what the client says. It ends with the
// session.
type (
	acceptedOpen struct{}
	acceptedData struct{ Body []byte }
)

// Size implements [world.Sizer].
func (d acceptedData) Size() int { return len(d.Body) }

// The commands of an acceptedLink.
type (
	acceptedSend struct{ Body []byte } // to be sent
	acceptedWarn struct {              // to be logged
		What   string
		Reason error
	}
	acceptedEnd struct{ Reason error } // ends the session
)

// Size implements [world.Sizer].
func (s acceptedSend) Size() int { return len(s.Body) }

func init() {
	world.Register[acceptedOpen]("distributed.acceptedOpen")
	world.Register[acceptedData]("distributed.acceptedData")
	world.Register[acceptedSend]("distributed.acceptedSend")
	world.Register[acceptedWarn]("distributed.acceptedWarn")
	world.Register[acceptedEnd]("distributed.acceptedEnd")
}

// DeviceName implements [world.Device].
func (d acceptedLink) DeviceName() string {
	return fmt.Sprintf("distributed.accepted(%q, %d, %d)", d.Conn.Device, d.Conn.Generation, d.Conn.Number)
}

// Open implements [world.Device].
func (d acceptedLink) Open(_ context.Context, env world.Env) (world.Handle, error) {
	r, err := env.Take(d.Conn)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errInterrupted, err)
	}
	c, ok := r.(*conn)
	if !ok {
		_ = r.Close()
		return nil, fmt.Errorf("distributed: %v is no link", d.Conn)
	}
	return &acceptedHandle{env: env, conn: c}, nil
}

type acceptedHandle struct {
	env    world.Env
	conn   *conn
	told   bool
	closed atomic.Bool
	bodies []body // memory of Try, of which there is one at a time
}

// Recv implements [world.Handle].
func (h *acceptedHandle) Recv() (any, error) {
	if !h.told {
		h.told = true
		return acceptedOpen{}, nil
	}
	switch e := h.conn.receive().(type) {
	case session.Data:
		return acceptedData{e.Body}, nil
	case session.Ended:
		if e.Reason == nil { // it has ended itself
			return nil, world.ErrClosed
		}
		return nil, world.Reduce(e.Reason) // which may wrap io.EOF, and is no regular end
	default:
		return nil, fmt.Errorf("distributed: a session says %T", e)
	}
}

// Try implements [world.Handle].
func (h *acceptedHandle) Try(commands []any) (int, error) {
	bodies := slices.Grow(h.bodies[:0], len(commands))[:len(commands)]
	defer func() {
		clear(bodies)
		h.bodies = bodies
	}()
	for i, c := range commands {
		switch c := c.(type) {
		case acceptedSend:
			bodies[i] = body{rest: c.Body}
		case acceptedEnd:
			h.conn.abandon(c.Reason)
		case acceptedWarn:
			h.env.Logger().Warn("distributed: "+c.What, "node", h.conn.link.Peer(), "reason", c.Reason)
		default:
			return i, fmt.Errorf("distributed: a link was told a %T", c)
		}
	}
	return h.conn.send(bodies), nil
}

// Do implements [world.Handle].
func (h *acceptedHandle) Do(command any) error {
	for {
		if n, err := h.Try([]any{command}); n == 1 || err != nil {
			return err
		}
		h.conn.await()
	}
}

// Close implements [world.Handle].
func (h *acceptedHandle) Close() error {
	if !h.closed.Swap(true) {
		h.conn.close(nil)
	}
	return nil
}

// Abort implements [world.Aborter]: what was to be sent was not.
func (h *acceptedHandle) Abort() error {
	if !h.closed.Swap(true) {
		h.conn.close(world.ErrSlowConsumer)
	}
	return nil
}
