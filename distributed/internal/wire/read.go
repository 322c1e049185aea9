package wire

import (
	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/topic"
)

// FromClient is told the items from a client, in their order. An error ends the reading.
type FromClient interface {
	Assert(id uint64, r Role) error
	Retract(id uint64, reason error) error
	Send(side topic.Orientation, c Content) error
	Serves(name string, epoch uint64) error
}

// FromHome is told the items from the home, in their order. An error ends the reading.
type FromHome interface {
	Presence(id, peer uint64, r Role) error
	Absence(id, peer uint64, reason error) error
	Message(id uint64, c Content) error // once for each id
	Reject(id uint64, reason error) error
	Settled(id uint64) error
	You(via uint64) error
}

// A Role is a role that was read.
type Role struct {
	topic.Role
	Err error // a [*TypeError] if there is no such role in this program
}

// Content is a message that was read.
type Content struct {
	Message topic.Message
	Err     error  // a [*TypeError] if there is no such message in this program
	Data    []byte // the encoded value then, which shares memory with what was read
}

// ReadFromClient reads the body of a DATA frame from a client. It calls the methods of to
// in the order of the items, and returns the types that are known then. The error is an
// [ErrMalformed], or what a method has returned; the items before it have been read.
func ReadFromClient(body []byte, k Known, to FromClient) (Known, error) {
	return read(body, k, func(r *reader, kind byte, k Known) error {
		switch kind {
		case isAssert:
			id := r.number("an id")
			if role := r.role(k); r.err == nil {
				return to.Assert(id, role)
			}
		case isRetract:
			id := r.number("an id")
			if reason := r.reason(); r.err == nil {
				return to.Retract(id, reason)
			}
		case isSend:
			side := r.octet("a side")
			if side > 1 {
				r.fail("the side is %d", side)
			}
			if c := r.content(k); r.err == nil {
				return to.Send(topic.Orientation(side), c)
			}
		case isServes:
			name, epoch := r.text("the name of a place", MaxName), r.number("an epoch")
			if r.err == nil {
				return to.Serves(name, epoch)
			}
		default:
			r.fail("an item from a client is of kind %d", kind)
		}
		return r.err
	})
}

// ReadFromHome is [ReadFromClient] for a frame from the home.
func ReadFromHome(body []byte, k Known, to FromHome) (Known, error) {
	return read(body, k, func(r *reader, kind byte, k Known) error {
		switch kind {
		case isPresence:
			id, peer := r.number("an id"), r.number("the number of a peer")
			if role := r.role(k); r.err == nil {
				return to.Presence(id, peer, role)
			}
		case isAbsence:
			id, peer := r.number("an id"), r.number("the number of a peer")
			if reason := r.reason(); r.err == nil {
				return to.Absence(id, peer, reason)
			}
		case isMessage:
			return r.message(k, to)
		case isReject:
			id := r.number("an id")
			if reason := r.reason(); r.err == nil {
				return to.Reject(id, reason)
			}
		case isSettled:
			if id := r.number("an id"); r.err == nil {
				return to.Settled(id)
			}
		case isYou:
			if via := r.number("a number"); r.err == nil {
				return to.You(via)
			}
		default:
			r.fail("an item from the home is of kind %d", kind)
		}
		return r.err
	})
}

// read reads items, of which introductions are of both sides.
func read(body []byte, k Known, item func(r *reader, kind byte, k Known) error) (_ Known, err error) {
	r := &reader{data: body}
	if len(body) == 0 {
		r.fail("there are no items")
	}
	for r.err == nil && len(r.data) > 0 {
		if kind := r.octet("an item"); kind != isType {
			err = item(r, kind, k)
		} else if name := r.text("the name of a type", MaxName); r.err == nil {
			if len(r.data) < len(codec.Fingerprint{}) {
				r.fail("it ends in a fingerprint")
				break
			}
			f := codec.Fingerprint(r.data[:len(codec.Fingerprint{})])
			r.data = r.data[len(f):]
			k, err = k.with(name, f)
		}
		if err != nil {
			return k, err
		}
	}
	return k, r.err
}

func (r *reader) role(k Known) Role {
	data := r.chunk("a role", MaxBody)
	if r.err != nil {
		return Role{}
	}
	role, err := readRole(data, k)
	if _, ok := err.(*TypeError); err != nil && !ok {
		r.data, r.err = nil, err
	}
	return Role{role, err}
}

// content reads the number of a type, and a message of it.
func (r *reader) content(k Known) (c Content) {
	n := r.number("the number of a type")
	data := r.chunk("a message", MaxBody)
	if r.err != nil {
		return c
	}
	t, err := k.typeOf(n)
	if err != nil {
		if _, ok := err.(*TypeError); !ok {
			r.data, r.err = nil, err
		}
		return Content{Err: err, Data: data}
	}
	ref, rest, err := codec.DecodeRef(data, t)
	switch {
	case err != nil:
		return Content{Err: &TypeError{k.Types[n-1].Name, err}, Data: data}
	case len(rest) > 0:
		r.fail("%d bytes come after a message", len(rest))
		return c
	}
	return Content{Message: topic.ReferTo(ref)}
}

// message reads a message to several endpoints.
func (r *reader) message(k Known, to FromHome) error {
	n := r.number("the number of ids")
	if n == 0 || n > uint64(len(r.data)) { // an id has a byte at least
		r.fail("there are %d ids", n)
		return r.err
	}
	ids := reader{data: r.data}
	last := uint64(0)
	for i := range n {
		d := r.number("an id")
		if i > 0 && (d == 0 || last+d < last) {
			r.fail("the ids are not in ascending order")
		}
		last += d
	}
	c := r.content(k)
	if r.err != nil {
		return r.err
	}
	last = 0
	for range n {
		last += ids.number("an id")
		if err := to.Message(last, c); err != nil {
			return err
		}
	}
	return nil
}
