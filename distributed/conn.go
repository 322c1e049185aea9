package distributed

import (
	"slices"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/distributed/internal/session"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/world"
)

// A conn is a session over a link: one side of it. It ticks by itself, from its beginning
// until it is over.
//
// Who reads frames: a goroutine in receive does. So a frame that has come is in the machine
// without a switch to another goroutine. While nobody is in receive, because the machine is
// busy, the tick starts a goroutine that reads, so that signs of life are heard. The window
// bounds what it keeps.
type conn struct {
	link  Link
	clock world.Clock
	begun time.Time
	lease time.Duration

	mu      sync.Mutex
	changed sync.Cond // of all below
	session session.Session
	timer   world.Stopper
	events  []session.Event // that receive has not returned yet
	waiting bool            // receive waits
	reading bool            // a goroutine is in link.Receive, or is about to be
	untaken int             // bytes that receive has returned last

	pending []byte // bodies that the other side does not allow yet
	ends    []int  // where each of them ends

	joined bool          // the session has begun
	over   bool          // the session has ended
	closed chan struct{} // closed when the link is, after the session is over
}

// dialed begins a session as a client.
func dialed(c Config, l Link, client uint64, id wire.ID, p session.Place) *conn {
	n := newConn(c, l)
	n.mu.Lock()
	defer n.mu.Unlock()
	sc := c.session(l)
	sc.Client = client
	s, out := session.Dial(sc, id, p, 0)
	n.session = s
	n.do(out)
	n.tickLater()
	return n
}

// accepted begins a session at home, if the client may have one. The error says why not.
func accepted(c Config, l Link, p session.Place, hello []byte) (*conn, error) {
	n := newConn(c, l)
	n.mu.Lock()
	defer n.mu.Unlock()
	s, out := session.Accept(c.session(l), p, hello, 0)
	n.session = s
	n.do(out)
	if e, ended := n.events[len(n.events)-1].(session.Ended); ended {
		return nil, e.Reason
	}
	n.events = nil // Joined: the caller knows
	n.tickLater()
	return n, nil
}

func newConn(c Config, l Link) *conn {
	n := &conn{link: l, clock: c.Clock, begun: c.Clock.Now(), lease: c.Lease, closed: make(chan struct{})}
	n.changed.L = &n.mu
	return n
}

func (c *conn) now() time.Duration { return c.clock.Now().Sub(c.begun) }

// receive waits for the next event. After the last one, it returns that again. The machine
// has taken what receive has returned before.
func (c *conn) receive() session.Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := c.untaken; n > 0 {
		c.untaken = 0
		c.do(c.session.Take(c.now(), n))
	}
	c.waiting = true
	defer func() { c.waiting = false }()
	for len(c.events) == 0 {
		if c.reading {
			c.changed.Wait()
		} else {
			c.read()
		}
	}
	e := c.events[0]
	if _, last := e.(session.Ended); !last {
		c.events = c.events[1:]
	}
	if d, ok := e.(session.Data); ok {
		c.untaken = len(d.Body)
	}
	return e
}

// read reads a frame, without the lock.
func (c *conn) read() {
	c.reading = true
	c.mu.Unlock()
	frame, err := c.link.Receive()
	c.mu.Lock()
	c.reading = false
	switch {
	case c.over:
	case err != nil:
		c.do(c.session.Cut(world.Reduce(err)))
	default:
		c.do(c.session.Receive(c.now(), frame))
		if len(c.pending) > 0 {
			c.flush()
			c.changed.Broadcast()
		}
	}
}

// readOn reads frames until receive does.
func (c *conn) readOn() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reading = false
	for !c.over && !c.waiting {
		c.read()
	}
	c.changed.Broadcast()
}

// do does what the session wants.
func (c *conn) do(out session.Output) {
	if out.Frame != nil {
		if err := c.link.Send(out.Frame); err != nil {
			defer c.do(c.session.Cut(world.Reduce(err))) // after the event of this output
		}
	}
	switch e := out.Event.(type) {
	case nil:
		return
	case session.Ended:
		c.end(e)
	case session.Joined:
		c.joined = true
		if c.timer != nil { // now there are signs of life to send
			c.timer.Stop()
			c.tickLater()
		}
		c.events = append(c.events, e)
	default:
		c.events = append(c.events, e)
	}
	c.changed.Broadcast()
}

// end ends the session: what was not received is lost, unless the other side has ended it.
func (c *conn) end(e session.Ended) {
	if c.over {
		return
	}
	c.over = true
	c.events = append(c.events, e)
	if c.timer != nil {
		c.timer.Stop()
	}
	go func() {
		_ = c.link.Close()
		close(c.closed)
	}()
}

// tickLater sets the timer. When it fires before it has to, because something was sent or
// heard meanwhile, it is set again.
//
// It puts the tick off to the next multiple of an eighth of a heartbeat. So the sessions of a
// program tick together, and a program with many idle links rarely wakes up.
func (c *conn) tickLater() {
	next := c.session.Next()
	if next < 0 || c.over {
		return
	}
	now := c.clock.Now()
	wait := next - now.Sub(c.begun)
	if grid := c.session.Beat() / 8; grid > 0 {
		due := now.Add(wait)
		wait += due.Add(grid - 1).Truncate(grid).Sub(due)
	}
	c.timer = c.clock.AfterFunc(wait, c.tick)
}

func (c *conn) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.do(c.session.Tick(c.now()))
	c.ensureReader()
	c.tickLater()
}

// ensureReader starts a goroutine that reads, if nobody does.
func (c *conn) ensureReader() {
	if !c.over && !c.reading && !c.waiting {
		c.reading = true // until readOn has the lock
		go c.readOn()
	}
}

// maxPending is how many bytes a conn keeps that the other side does not allow yet.
const maxPending = 256 << 10

// A body is what a DATA frame has, or a part of that: the head, and then the rest.
type body struct {
	head string
	rest []byte
}

// send sends bodies, several in a frame. It returns how many it takes: all, unless too much
// waits until the other side allows more. After the end it takes all, and drops them. It keeps
// no body.
func (c *conn) send(bodies []body) (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, b := range bodies {
		switch {
		case c.over || len(b.head)+len(b.rest) == 0:
		case len(c.pending) > maxPending:
			c.flush()
			if len(c.pending) > maxPending {
				return n
			}
			fallthrough
		default:
			c.pending = append(append(c.pending, b.head...), b.rest...)
			c.ends = append(c.ends, len(c.pending))
		}
		n++
	}
	c.flush()
	return n
}

// keepPending is how many bytes of memory a conn keeps for what waits next.
const keepPending = 64 << 10

// flush sends what waits, as far as the other side allows.
func (c *conn) flush() {
	start, done := 0, 0
	for done < len(c.ends) && !c.over {
		room := int(min(c.session.Room(), wire.MaxBody))
		last := done
		for last < len(c.ends) && c.ends[last]-start <= room {
			last++
		}
		if last == done {
			break
		}
		body := c.pending[start:c.ends[last-1]]
		start, done = c.ends[last-1], last
		c.do(c.session.Send(c.now(), body))
	}
	switch {
	case c.over || start == len(c.pending) && cap(c.pending) > keepPending:
		c.pending, c.ends = nil, nil
	case done > 0:
		c.pending = slices.Delete(c.pending, 0, start)
		c.ends = slices.Delete(c.ends, 0, done)
		for i := range c.ends {
			c.ends[i] -= start
		}
	}
}

// await waits until send takes more.
func (c *conn) await() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for !c.over && len(c.pending) > maxPending {
		c.changed.Wait()
	}
}

// hadJoined reports whether the session has ever begun.
func (c *conn) hadJoined() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.joined
}

// isOver reports whether the session has ended.
func (c *conn) isOver() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over
}

// supersede ends the session if hello is that of a later session of the same client. It
// reports whether hello may begin a session.
func (c *conn) supersede(hello []byte) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	out, later := c.session.Superseded(hello)
	c.do(out)
	return later
}

// abandon ends the session with a reason, and does not wait. What waits is not sent.
func (c *conn) abandon(reason error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.do(c.session.End(c.now(), reason))
}

// close ends the session with a reason, or without one, and waits for the link to close. If
// what waits cannot be sent within a lease, the end is not a clean one.
func (c *conn) close(reason error) {
	c.mu.Lock()
	if len(c.pending) > 0 && !c.over {
		late := false
		timer := c.clock.AfterFunc(c.lease, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			late = true
			c.changed.Broadcast()
		})
		for len(c.pending) > 0 && !c.over && !late {
			c.waiting = false // receive may have been called for the last time
			c.ensureReader()
			c.changed.Wait()
		}
		timer.Stop()
		if len(c.pending) > 0 && reason == nil {
			reason = world.ErrSlowConsumer
		}
	}
	c.do(c.session.End(c.now(), reason))
	c.mu.Unlock()
	<-c.closed
}

// Close implements [io.Closer], for [world.Env].
func (c *conn) Close() error {
	c.close(nil)
	return nil
}
