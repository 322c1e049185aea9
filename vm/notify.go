package vm

import (
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
)

// A notice is the news that an endpoint, the subject, has come, gone or moved. It
// goes to each endpoint that is related to the subject, one after another, in
// stages:
//
//	The subject comes or goes.
//	Stage 0: The other endpoint is told of the subject, if it sees the subject.
//	Stage 1: The subject is told of the other, if the subject sees it.
//
//	The subject moves from one role to another.
//	Stage 0: The other is told of the absence of the subject in its old role.
//	Stage 1: The subject is told of the absence of the other.
//	Stage 2: The other is told of the presence of the subject in its new role.
//	Stage 3: The subject is told of the presence of the other.
//
// A stage in which nothing changes between the two is left out. For example, a
// publisher of x moves to y, and there is a subscriber of x and one of y: the first
// is told of an absence and the second of a presence. A subscriber of both x and y
// is told nothing if it has the same conversation with the publisher as before.

// announce begins a notice that s has come or gone.
func (k *kernel) announce(s entry, kind actions.EventKind, reason error) {
	n := &k.notice
	n.subject, n.was, n.kind, n.reason = s, nil, kind, reason
	n.others = k.relatives(s.e.role, k.actor(s), n.others[:0])
	n.at, n.stage = 0, 0
}

// actor returns the process whose own endpoints are told of s first: the one that
// acts.
func (k *kernel) actor(s entry) *proc {
	if k.acting != nil {
		return k.acting
	}
	return s.p
}

// notify takes the next stage of the notice.
func (k *kernel) notify() {
	n := &k.notice
	o := n.others[n.at]
	stage := n.stage
	n.stage++
	if n.was != nil {
		k.notifyMove(o, stage)
		return
	}
	switch stage {
	case 0:
		if o.e.role.Sees(n.subject.e.role) {
			k.tellOf(o, n.subject, n.subject.e.role, o.e.role, n.kind)
		}
	case 1:
		if n.subject.e.role.Sees(o.e.role) {
			k.tellOf(n.subject, o, o.e.role, n.subject.e.role, n.kind)
		}
	default:
		n.others[n.at] = entry{}
		n.at++
		n.stage = 0
	}
}

// tellOf tells endpoint to, which plays the role own, of endpoint about, which plays
// the role peer.
func (k *kernel) tellOf(to, about entry, peer, own topic.Role, kind actions.EventKind) {
	n := &k.notice
	if to.p.dead {
		return
	}
	common, ok := peer.Topic.Intersect(own.Topic)
	if !ok {
		return
	}
	peer.Topic = common
	n.ev.Kind, n.ev.Peer, n.ev.Self, n.ev.Reason = kind, peer, to.sameProcess(about), nil // the rest stays zero
	n.ev.PeerID = actions.PeerID{PID: about.p.cell.pid, Seq: about.e.seq}
	if kind == actions.Absence {
		n.ev.Reason = n.reason
	}
	k.tell(to.p, to.e, &n.ev)
}

// move begins a notice that s has moved from the role of was. It goes to all that
// are related to either role.
func (k *kernel) move(s entry, was *endpoint) {
	n := &k.notice
	n.subject, n.was, n.reason = s, was, nil
	n.others = k.relatives(was.role, s.p, n.others[:0])
	n.others = append(n.others, k.relatives(s.e.role, s.p, nil)...)
	n.others = slices.DeleteFunc(n.others, func(o entry) bool { return o == s })
	n.others = distinct(n.others, k.actor(s))
	n.at, n.stage = 0, 0
}

// notifyMove takes a stage of a notice that the subject has moved.
func (k *kernel) notifyMove(o entry, stage uint8) {
	n := &k.notice
	was, is := between(n.was.role, o.e.role), between(n.subject.e.role, o.e.role)
	switch stage {
	case 0, 2: // o hears of the subject
		before := was.ok && o.e.role.Sees(n.was.role)
		after := is.ok && o.e.role.Sees(n.subject.e.role)
		if before && after && was.same(is) && n.was.role.Interest == n.subject.e.role.Interest {
			return
		}
		if stage == 0 && before {
			k.tellOf(o, n.subject, n.was.role, o.e.role, actions.Absence)
		} else if stage == 2 && after {
			k.tellOf(o, n.subject, n.subject.e.role, o.e.role, actions.Presence)
		}
	case 1, 3: // the subject hears of o
		before := was.ok && n.was.role.Sees(o.e.role)
		after := is.ok && n.subject.e.role.Sees(o.e.role)
		if before && after && was.same(is) {
			return
		}
		if stage == 1 && before {
			k.tellOf(n.subject, o, o.e.role, n.was.role, actions.Absence)
		} else if stage == 3 && after {
			k.tellOf(n.subject, o, o.e.role, n.subject.e.role, actions.Presence)
		}
	default:
		n.at++
		n.stage = 0
	}
}

// conversation is what two roles have in common.
type conversation struct {
	topic topic.Topic
	ok    bool
}

func between(a, b topic.Role) conversation {
	t, ok := a.Intersect(b)
	return conversation{t, ok}
}

func (c conversation) same(d conversation) bool { return c.topic.Equivalent(d.topic) }

// distinct sorts es, without duplicates: the endpoints of p first, and then the
// others in their order.
func distinct(es []entry, p *proc) []entry {
	slices.SortFunc(es, func(a, b entry) int {
		if (a.p == p) != (b.p == p) {
			if a.p == p {
				return -1
			}
			return 1
		}
		return byOrder(a, b)
	})
	return slices.Compact(es)
}
