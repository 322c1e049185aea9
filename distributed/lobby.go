package distributed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"sync"

	"github.com/go-marketplace/marketplace/distributed/internal/session"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/world"
)

// A lobby is the device on which the links to a place arrive.
type lobby struct {
	config Config
	name   string
}

// The values of a lobby.
type (
	lobbyOpen struct { // the first
		Node  string // of which the place is
		Epoch uint64 // for a place that has none yet
	}
	lobbyArrived struct { // a session has begun
		Client client
		Conn   world.Ref
	}
)

// lobbyAccept tells a lobby which life of the place it is. Before that it accepts nobody.
type lobbyAccept struct{ Epoch uint64 }

// lobbyWarn tells a lobby to log that a client is given up.
type lobbyWarn struct {
	Client string
	Reason error
}

func init() {
	world.Register[lobbyOpen]("distributed.lobbyOpen")
	world.Register[lobbyArrived]("distributed.lobbyArrived")
	world.Register[lobbyAccept]("distributed.lobbyAccept")
	world.Register[lobbyWarn]("distributed.lobbyWarn")
}

// DeviceName implements [world.Device].
func (d lobby) DeviceName() string {
	return fmt.Sprintf("distributed.lobby(%s, %q)", d.config.name(), d.name)
}

// Open implements [world.Device].
func (d lobby) Open(ctx context.Context, env world.Env) (world.Handle, error) {
	o, err := offer(ctx, d.config.Network, d.name)
	if err != nil {
		return nil, err
	}
	return &lobbyHandle{lobby: d, env: env, offer: o, closed: make(chan struct{}), arrived: make(chan any), clients: map[client]*conn{}}, nil
}

// A client is a driver: the node on which it is, and which of that node.
type client struct {
	Node string
	ID   uint64
}

// A lobbyHandle is an open lobby.
type lobbyHandle struct {
	lobby
	env     world.Env
	offer   Offer
	told    bool
	running bool
	arrived chan any // lobbyArrived, or the error of Accept
	once    sync.Once
	closed  chan struct{}
	working sync.WaitGroup

	mu      sync.Mutex
	over    bool
	greeted map[Link]bool
	clients map[client]*conn // the last session of each; those that are over may be missing
}

// Recv implements [world.Handle].
func (h *lobbyHandle) Recv() (any, error) {
	if !h.told {
		h.told = true
		return lobbyOpen{h.config.Network.Node(), rand.Uint64() | 1}, nil
	}
	select {
	case v := <-h.arrived:
		if err, failed := v.(error); failed {
			return nil, err
		}
		return v, nil
	case <-h.closed:
		return nil, io.EOF
	}
}

// accept accepts links, and greets each in a goroutine of its own: a client that says
// nothing holds up nobody.
func (h *lobbyHandle) accept(epoch uint64) {
	defer h.working.Done()
	for {
		l, err := h.offer.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				h.tell(err)
			}
			return
		}
		if !h.add(l) {
			_ = l.Close()
			return
		}
		go func() {
			defer h.working.Done()
			defer h.forget(l)
			h.greet(l, epoch)
		}()
	}
}

func (h *lobbyHandle) add(l Link) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over {
		return false
	}
	if h.greeted == nil {
		h.greeted = map[Link]bool{}
	}
	h.greeted[l] = true
	h.working.Add(1)
	return true
}

func (h *lobbyHandle) forget(l Link) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.greeted, l)
}

func (h *lobbyHandle) tell(v any) {
	select {
	case h.arrived <- v:
	case <-h.closed:
	}
}

// greet begins the session of a link.
func (h *lobbyHandle) greet(l Link, epoch uint64) {
	limit := h.config.Clock.AfterFunc(h.config.Lease, func() { _ = l.Close() })
	hello, err := l.Receive()
	if !limit.Stop() && err == nil {
		err = session.ErrNoAnswer
	}
	var who client
	var c *conn
	if err == nil {
		who, c, err = h.welcome(l, hello, epoch)
	}
	if err != nil {
		_ = l.Close()
		select {
		case <-h.closed:
		default:
			h.env.Logger().Warn("distributed: a client is refused", "node", l.Peer(), "place", h.name, "reason", err)
		}
		return
	}
	h.tell(lobbyArrived{who, h.env.Keep(c)})
}

// welcome begins a session, which ends an earlier one of the same client.
func (h *lobbyHandle) welcome(l Link, hello []byte, epoch uint64) (who client, c *conn, err error) {
	f, err := wire.ReadFrame(hello)
	if err != nil {
		return who, nil, err
	}
	var greeting wire.Hello
	if f.Kind == wire.HELLO {
		greeting, _ = wire.ReadHello(f.Body) // accepted says what is wrong with it
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	who = client{l.Peer(), greeting.Client}
	if before := h.clients[who]; before != nil && !before.supersede(hello) {
		return who, nil, fmt.Errorf("%w: this one is late", session.ErrReplaced)
	}
	for k, c := range h.clients {
		if k != who && c.isOver() {
			delete(h.clients, k)
		}
	}
	c, err = accepted(h.config, l, session.Place{Node: h.config.Network.Node(), Name: h.name, Epoch: epoch}, hello)
	if err == nil {
		h.clients[who] = c
	}
	return who, c, err
}

// Try implements [world.Handle].
func (h *lobbyHandle) Try(commands []any) (int, error) {
	for i, c := range commands {
		if err := h.Do(c); err != nil {
			return i, err
		}
	}
	return len(commands), nil
}

// Do implements [world.Handle].
func (h *lobbyHandle) Do(command any) error {
	switch c := command.(type) {
	case lobbyAccept:
		h.begin(c.Epoch)
	case lobbyWarn:
		h.env.Logger().Warn("distributed: a client is given up", "client", c.Client, "place", h.name, "reason", c.Reason)
	default:
		return fmt.Errorf("distributed: a lobby was told a %T", command)
	}
	return nil
}

// begin begins to accept clients.
func (h *lobbyHandle) begin(epoch uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.running && !h.over {
		h.running = true
		h.working.Add(1)
		go h.accept(epoch)
	}
}

// Close implements [world.Handle]. The sessions that have begun go on.
func (h *lobbyHandle) Close() (err error) {
	h.once.Do(func() {
		h.mu.Lock()
		h.over = true
		greeted := slices.Collect(maps.Keys(h.greeted))
		h.mu.Unlock()
		close(h.closed)
		err = h.offer.Close()
		for _, l := range greeted {
			_ = l.Close() // unblocks greet
		}
		h.working.Wait()
	})
	return err
}
