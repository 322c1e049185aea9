package distributed

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/distributed/internal/session"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/world"
)

// A home is where a place is: a node, and the name of the place there.
type home struct{ Node, Name string }

func (h home) String() string { return fmt.Sprintf("%q on node %q", h.Name, h.Node) }

// A linkDevice is a link to a place, for the driver. It connects, and connects again when
// it has lost the link. It ends only when it is closed, or cannot keep up.
type linkDevice struct {
	config Config
	home   home
}

// The values of a linkDevice.
type (
	linkOpen    struct{ Client uint64 } // the first: there is no link, and what stands for a driver that has nothing yet
	linkLost    struct{ Reason error }  // there is no link any more
	linkTrouble struct{ Reason error }  // there was no link for a lease
	linkJoined  struct {                // there is a link
		Session uint64 // which of this device
		Epoch   uint64 // of the place
	}
	linkData struct { // what the home says
		Session uint64
		Body    []byte
	}
)

// Size implements [world.Sizer].
func (d linkData) Size() int { return len(d.Body) }

// The commands of a linkDevice.
type (
	linkBegin struct { // the first: now it may connect
		Client uint64 // which machine of its node this is, in all its lives
		Life   uint64 // greater than in all links that there were before
	}
	linkSend struct { // to be sent in a session, and not in a later one
		Session uint64
		Head    string // before Body
		Body    []byte
	}
	linkWarn struct { // to be logged
		What   string
		Reason error
	}
	linkHurry struct{} // says that the link is needed now; linkTrouble comes again if there is none for a lease
	linkEnd   struct { // ends a session
		Session uint64
		Reason  error
	}
)

// Size implements [world.Sizer].
func (s linkSend) Size() int { return len(s.Head) + len(s.Body) }

func init() {
	world.Register[linkOpen]("distributed.linkOpen")
	world.Register[linkBegin]("distributed.linkBegin")
	world.Register[linkLost]("distributed.linkLost")
	world.Register[linkTrouble]("distributed.linkTrouble")
	world.Register[linkJoined]("distributed.linkJoined")
	world.Register[linkData]("distributed.linkData")
	world.Register[linkSend]("distributed.linkSend")
	world.Register[linkWarn]("distributed.linkWarn")
	world.Register[linkHurry]("distributed.linkHurry")
	world.Register[linkEnd]("distributed.linkEnd")
}

// DeviceName implements [world.Device].
func (d linkDevice) DeviceName() string {
	return fmt.Sprintf("distributed.link(%s, %q, %q)", d.config.name(), d.home.Node, d.home.Name)
}

// Open implements [world.Device].
func (d linkDevice) Open(_ context.Context, env world.Env) (world.Handle, error) {
	ctx, cancel := context.WithCancel(context.Background())
	return &linkHandle{linkDevice: d, env: env, ctx: ctx, cancel: cancel, begin: make(chan linkBegin, 1), hurry: make(chan struct{}, 1)}, nil
}

// A linkHandle is an open linkDevice.
type linkHandle struct {
	linkDevice
	env    world.Env
	ctx    context.Context
	cancel context.CancelFunc
	begin  chan linkBegin
	hurry  chan struct{}

	// Of Recv alone.
	told    bool      // the first value was returned
	me      linkBegin // zero until it may connect
	since   time.Time // when the link was wanted or lost
	trouble bool      // it was said that there is trouble
	wait    time.Duration
	failed  string // the text of the failure that was logged last

	bodies []body // memory of Try, of which there is one at a time

	mu     sync.Mutex
	number uint64 // of the session
	conn   *conn  // nil if there is none
}

// Recv implements [world.Handle].
func (h *linkHandle) Recv() (any, error) {
	if !h.told {
		h.told, h.since = true, h.config.Clock.Now()
		return linkOpen{rand.Uint64()}, nil
	}
	for {
		if h.me == (linkBegin{}) {
			select {
			case h.me = <-h.begin:
			case <-h.ctx.Done():
			}
		}
		if h.ctx.Err() != nil {
			return nil, world.ErrClosed
		}
		c := h.current()
		if c == nil {
			news := h.news()
			if err := h.dial(); err != nil {
				if v := h.failure(err, news); v != nil {
					return v, nil
				}
			}
			continue
		}
		switch e := c.receive().(type) {
		case session.Joined:
			h.wait, h.trouble, h.failed = 0, false, ""
			select {
			case <-h.hurry:
			default:
			}
			return linkJoined{h.number, e.Epoch}, nil
		case session.Data:
			return linkData{h.number, e.Body}, nil
		case session.Ended:
			h.set(nil)
			if c.hadJoined() {
				h.since = h.config.Clock.Now()
				return linkLost{world.Reduce(e.Reason)}, nil
			}
			if v := h.failure(e.Reason, h.news()); v != nil {
				return v, nil
			}
		}
	}
}

func (h *linkHandle) current() *conn {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.conn
}

func (h *linkHandle) set(c *conn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.conn = c
}

// dial connects to the home and begins a session.
func (h *linkHandle) dial() error {
	ctx, cancel := context.WithTimeout(h.ctx, max(h.config.Lease, time.Second))
	defer cancel()
	l, err := connect(ctx, h.config.Network, h.home)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ctx.Err() != nil {
		_ = l.Close()
		return h.ctx.Err()
	}
	h.number++
	h.conn = dialed(h.config, l, h.me.Client, wire.ID{Life: h.me.Life, Number: h.number}, session.Place{Node: h.home.Node, Name: h.home.Name})
	return nil
}

// news returns a channel that is closed when the network learns where the node is, or nil
// if it does not say.
func (h *linkHandle) news() <-chan struct{} {
	if l, ok := h.config.Network.(Learner); ok {
		return l.News(h.home.Node)
	}
	return nil
}

// The pause before the next attempt to connect.
const (
	minPause = 200 * time.Millisecond
	maxPause = 10 * time.Second
)

// failure handles a failed attempt to connect. It waits, or returns the value that says
// that there is trouble. News of the node ends the wait.
func (h *linkHandle) failure(err error, news <-chan struct{}) any {
	if h.ctx.Err() != nil {
		return nil
	}
	late := h.config.Clock.Now().Sub(h.since) >= h.config.Lease
	if text := err.Error(); late && text != h.failed {
		h.failed = text
		h.env.Logger().Warn("distributed: cannot reach a place", "node", h.home.Node, "place", h.home.Name, "reason", err)
	}
	if !h.trouble && late {
		h.trouble = true
		return linkTrouble{world.Reduce(err)}
	}
	h.wait = min(max(2*h.wait, minPause), maxPause)
	pause := h.wait/2 + rand.N(h.wait/2)
	if left := h.config.Lease - h.config.Clock.Now().Sub(h.since); !h.trouble && left < pause {
		pause = max(left, time.Millisecond)
	}
	over := make(chan struct{})
	timer := h.config.Clock.AfterFunc(pause, func() { close(over) })
	defer timer.Stop()
	select {
	case <-over:
	case <-news:
		h.wait = 0
	case <-h.hurry:
		h.since, h.trouble, h.wait = h.config.Clock.Now(), false, 0
	case <-h.ctx.Done():
	}
	return nil
}

// Duplex implements [world.Duplex]: a client hears what the home says, even if the home does
// not allow it to say more. The home waits, so that not both do.
func (h *linkHandle) Duplex() {}

// Try implements [world.Handle].
func (h *linkHandle) Try(commands []any) (int, error) {
	h.mu.Lock()
	c, number := h.conn, h.number
	h.mu.Unlock()
	bodies := h.bodies[:0]
	defer func() {
		clear(bodies)
		h.bodies = bodies
	}()
	for i, cmd := range commands {
		switch cmd := cmd.(type) {
		case linkSend:
			if c != nil && cmd.Session == number {
				bodies = append(bodies, body{cmd.Head, cmd.Body})
				continue
			}
		case linkBegin:
			select {
			case h.begin <- cmd:
			default:
				return i, fmt.Errorf("distributed: a link was told twice to begin")
			}
		case linkHurry:
			select {
			case h.hurry <- struct{}{}:
			default:
			}
		case linkEnd:
			if c != nil && cmd.Session == number {
				c.abandon(cmd.Reason)
			}
		case linkWarn:
			h.env.Logger().Warn("distributed: "+cmd.What, "node", h.home.Node, "place", h.home.Name, "reason", cmd.Reason)
		default:
			return i, fmt.Errorf("distributed: a link was told a %T", cmd)
		}
		bodies = append(bodies, body{}) // counts, and sends nothing
	}
	if c == nil {
		return len(commands), nil
	}
	return c.send(bodies), nil
}

// Do implements [world.Handle].
func (h *linkHandle) Do(command any) error {
	for {
		if n, err := h.Try([]any{command}); n == 1 || err != nil {
			return err
		}
		if c := h.current(); c != nil {
			c.await()
		}
	}
}

// Close implements [world.Handle].
func (h *linkHandle) Close() error {
	h.cancel()
	if c := h.current(); c != nil {
		c.close(nil)
	}
	return nil
}
