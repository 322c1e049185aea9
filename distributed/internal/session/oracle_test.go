package session

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/go-marketplace/marketplace/distributed/internal/wire"
)

// An oracle knows what has happened on both sides, and what must hold.
type oracle struct {
	w        *cluster
	number   uint64 // of bodies
	sessions map[wire.ID]*history
	found    error
}

// A history is what has happened in a session.
type history struct {
	lost bool // a frame of it
	side [2]struct {
		joined  bool
		over    bool
		endedAt time.Duration
		left    bool // it ends without a reason
		killed  bool
		sent    []uint64
		got     int // of what the other side has sent
		heard   time.Duration
	}
}

func (o *oracle) violation(format string, args ...any) {
	if o.found == nil {
		o.found = fmt.Errorf("%w: at %v: %s", errViolation, o.w.now, fmt.Sprintf(format, args...))
		o.w.logf("%v", o.found)
	}
}

func index(x *node) int {
	if x.home {
		return 1
	}
	return 0
}

func (o *oracle) at(id wire.ID) *history {
	h := o.sessions[id]
	if h == nil {
		h = new(history)
		o.sessions[id] = h
	}
	return h
}

func (o *oracle) lost(id wire.ID) { o.at(id).lost = true }

func (o *oracle) joined(x *node) {
	o.w.logf("%s has joined %v", x.name, x.s.id)
	side := &o.at(x.s.id).side[index(x)]
	if side.over && !side.killed {
		o.violation("%s joins %v, which has ended", x.name, x.s.id)
	}
	side.joined, side.over, side.heard = true, false, o.w.now
}

func (o *oracle) sent(x *node, id wire.ID, body []byte) {
	side := &o.at(id).side[index(x)]
	if !side.joined || side.over {
		o.violation("%s sends in %v, which is not open", x.name, id)
	}
	side.sent = append(side.sent, binary.BigEndian.Uint64(body))
}

// delivered checks that what one side is told is a prefix of what the other has sent.
func (o *oracle) delivered(x *node, d Data) {
	h := o.at(x.s.id)
	side, other := &h.side[index(x)], &h.side[1-index(x)]
	n := binary.BigEndian.Uint64(d.Body)
	o.w.logf("%s is told body %d, seq %d", x.name, n, d.Seq)
	switch {
	case !side.joined || side.over:
		o.violation("%s is told body %d in %v, which is not open", x.name, n, x.s.id)
	case side.got >= len(other.sent) || other.sent[side.got] != n:
		o.violation("%s is told body %d as number %d, and the other side has sent %v in %v", x.name, n, side.got+1, other.sent, x.s.id)
	case d.Seq != uint64(side.got+1):
		o.violation("%s is told body %d with the number %d", x.name, n, d.Seq)
	case other.over && o.w.now > other.endedAt+lease+maxDelay:
		o.violation("%s is told body %d %v after the other side has ended", x.name, n, o.w.now-other.endedAt)
	case x.untook+len(d.Body) > window:
		o.violation("%s has %d bytes that were not taken", x.name, x.untook+len(d.Body))
	}
	side.got++
}

// heard says that a frame of its session comes to a side. After a silence of more than a
// lease, it comes too late.
func (o *oracle) heard(x *node) {
	side := &o.at(x.s.id).side[index(x)]
	if x.s.phase != ended && o.w.now <= side.heard+lease {
		side.heard = o.w.now
	}
}

func (o *oracle) leaves(x *node) { o.at(x.s.id).side[index(x)].left = true }

func (o *oracle) killed(x *node) {
	side := &o.at(x.s.id).side[index(x)]
	if x.s.phase == joined {
		side.endedAt = o.w.now
	}
	side.over, side.killed = true, true
	// The other side finds out, unless it is stopped or killed itself.
	peer, born, id, now := x.peer, x.peer.born, x.s.id, o.w.now
	o.w.after(maxDelay+lease+time.Millisecond, func() {
		if peer.live && peer.born == born && peer.paused < now && peer.s.phase != ended && peer.s.id == id {
			o.violation("%s has not noticed that the other side was killed at %v", peer.name, now)
		}
	})
}

// ended checks that the reason is right.
func (o *oracle) ended(x *node, reason error) {
	o.w.logf("%s: %v ends: %v", x.name, x.s.id, reason)
	h := o.at(x.s.id)
	side, other := &h.side[index(x)], &h.side[1-index(x)]
	if side.over {
		o.violation("%s: %v ends twice", x.name, x.s.id)
	}
	side.over, side.endedAt = true, o.w.now
	wrong := func(why string) { o.violation("%s: %v ends with %q, but %s", x.name, x.s.id, reason, why) }
	switch {
	case reason == nil && side.left:
	case errors.Is(reason, ErrLeft):
		if !other.left {
			wrong("the other side has not left")
		}
		if side.got != len(other.sent) {
			wrong(fmt.Sprintf("only %d bodies of %d have arrived", side.got, len(other.sent)))
		}
	case errors.Is(reason, ErrGap):
		if !h.lost {
			wrong("nothing was lost")
		}
	case errors.Is(reason, ErrLease):
		if !(o.w.now > side.heard+lease || other.over && o.w.now > other.heard+lease) {
			wrong("both sides have heard something")
		}
	case errors.Is(reason, ErrReplaced):
		if !x.home || o.w.client.s.id.Compare(x.s.id) <= 0 {
			wrong("there is no later session")
		}
	case errors.Is(reason, ErrNoSession):
		if !other.over {
			wrong("the other side has it")
		}
	case errors.Is(reason, ErrNoAnswer):
		if h.side[0].joined || !h.side[0].over {
			wrong("the client had an answer")
		}
	default:
		wrong("nothing like that has happened")
	}
	if f := o.w.faults; f == (faults{end: f.end}) && reason != nil && !errors.Is(reason, ErrLeft) {
		wrong("nothing has gone wrong")
	}
}

// settled checks that both sides have a session, some time after the last fault, and that
// everything that was sent in it has arrived.
func (o *oracle) settled() {
	c, h := &o.w.client.s, &o.w.home.s
	if c.phase != joined || h.phase != joined || c.id != h.id {
		o.violation("the client is in phase %v of %v, and the home in phase %v of %v", c.phase, c.id, h.phase, h.id)
		return
	}
	if len(o.w.client.waits)+len(o.w.home.waits) > 0 && o.w.client.untook+o.w.home.untook == 0 {
		o.violation("there is no room, and nothing that was not taken")
	}
	for i, side := range o.at(c.id).side {
		if n := len(o.at(c.id).side[1-i].sent); side.got != n {
			o.violation("side %d was told %d bodies of %d in %v", i, side.got, n, c.id)
		}
	}
}
