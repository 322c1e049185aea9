package distributed

import "context"

// A Network is how nodes reach each other: [TLS] makes one of direct connections, and
// [Memory] one within the program. Devices hold it as a value, so its dynamic type must
// be comparable.
//
// Its methods may be called from any goroutine.
type Network interface {
	// NetworkName returns the name of the network, which is part of the names of
	// devices. Two networks that one machine uses must have different names, and a
	// network must have the same name in the next run.
	NetworkName() string

	// Node returns the name of this node. It never changes.
	Node() string

	// Dial connects to a place on a node, which is not this one. It may block until
	// ctx ends. After Dial has returned, ctx has no meaning. The place need not be
	// there: the other side refuses then, in answer to the first frame.
	Dial(ctx context.Context, node, place string) (Link, error)

	// Offer makes a place of this node accept links. It fails if the place is offered
	// already. After Offer has returned, ctx has no meaning.
	Offer(ctx context.Context, place string) (Offer, error)

	// Watch says on which other nodes there may be a place with a name. This is a hint:
	// whether the place is there, a link tells.
	Watch(ctx context.Context, place string) (Watch, error)
}

// An Offer is a place that accepts links.
type Offer interface {
	// Accept waits for the next link. After Close it returns [net.ErrClosed]; another
	// error says that the place accepts no more links.
	Accept() (Link, error)

	// Close ends the offer. Links that were accepted stay. When it returns, the place
	// can be offered again.
	Close() error
}

// A Link carries frames between a client and a place. Each frame arrives whole. From some
// point on, or in between, frames may be lost; they are never repeated, and never
// overtake each other.
type Link interface {
	// Peer returns the name of the node at the other end, as its credentials have it.
	Peer() string

	// Send sends a frame. It never waits: what the network does not take at once, the
	// link keeps, and sends later. The session above it bounds how much that is. An
	// error says that the link has ended. The link may keep the frame. Send is called
	// from one goroutine at a time.
	Send(frame []byte) error

	// Receive waits for the next frame. The caller may keep it. Receive is called from
	// one goroutine at a time. An error says that the link has ended.
	Receive() ([]byte, error)

	// Close ends the link, after the frames that were sent are on their way or a short
	// time has passed. It unblocks Receive. Any goroutine may call it, and a second call
	// does nothing.
	Close() error
}

// A Watch tells on which nodes a place may be.
type Watch interface {
	// Next waits until the nodes have changed, and returns all of them in order. The
	// first call returns at once. After Close it returns [net.ErrClosed].
	Next() ([]string, error)

	// Close ends the watch.
	Close() error
}
