package vm

import (
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
)

// notice is the news that an endpoint, the subject, has come, gone or moved. It
// goes to each endpoint that is related to the subject; each time the other one
// hears first, and then the subject.
type notice struct {
	subject entry // with the role that it has now, or had last
	was     *end  // with the role from which it has moved; nil if it has not
	kind    actions.EventKind
	reason  error
	others  []entry
	at      int
	stage   uint8 // of the news between the subject and others[at]
	ev      actions.Event
}

func (n *notice) on() bool { return n.at < len(n.others) }

// announce begins to tell everybody that is related to s.
func (k *kernel) announce(s entry, kind actions.EventKind, reason error) {
	n := &k.notice
	n.subject, n.was, n.kind, n.reason = s, nil, kind, reason
	n.others = k.relatives(s.e.role, k.actor(s), n.others[:0])
	n.at, n.stage = 0, 0
}

// actor returns the process whose own endpoints hear first of s: the one whose
// turn it is.
func (k *kernel) actor(s entry) *proc {
	if k.acting != nil {
		return k.acting
	}
	return s.p
}

// relatives appends the endpoints that face r and have messages in common with
// it: those of process p first, and then the others in their order.
func (k *kernel) relatives(r topic.Role, p *proc, buf []entry) []entry {
	x := k.index[r.Orientation.Opposite()]
	if x == nil {
		return buf
	}
	found := x.Related(r.Topic, &k.related)
	for _, o := range found {
		if o.p == p {
			buf = append(buf, o)
		}
	}
	for _, o := range found {
		if o.p != p {
			buf = append(buf, o)
		}
	}
	clear(found)
	return buf
}

// notify takes the next step in telling the news.
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
			k.news(o, n.subject, n.subject.e.role, o.e.role, n.kind)
		}
	case 1:
		if n.subject.e.role.Sees(o.e.role) {
			k.news(n.subject, o, o.e.role, n.subject.e.role, n.kind)
		}
	default:
		n.others[n.at] = entry{}
		n.at++
		n.stage = 0
	}
}

// news tells endpoint to, which plays the role own, about endpoint about, which
// plays the role peer.
func (k *kernel) news(to, about entry, peer, own topic.Role, kind actions.EventKind) {
	n := &k.notice
	if to.p.dead {
		return
	}
	common, ok := peer.Topic.Intersect(own.Topic)
	if !ok {
		return
	}
	peer.Topic = common
	n.ev.Kind, n.ev.Peer, n.ev.Self, n.ev.Reason = kind, peer, to.sameProcess(about), nil // nothing else in it ever changes
	if kind == actions.Absence {
		n.ev.Reason = n.reason
	}
	k.tell(to.p, to.e, &n.ev)
}

// move begins to tell everybody that is related to s, which had the role of
// was, or is now.
func (k *kernel) move(s entry, was *end) {
	n := &k.notice
	n.subject, n.was, n.reason = s, was, nil
	n.others = k.relatives(was.role, s.p, n.others[:0])
	n.others = append(n.others, k.relatives(s.e.role, s.p, nil)...)
	n.others = slices.DeleteFunc(n.others, func(o entry) bool { return o == s })
	n.others = distinct(n.others, k.actor(s))
	n.at, n.stage = 0, 0
}

// notifyMove takes the given step in telling o and the subject that the
// subject has moved: what was between them is over, and what is begins. What
// is the same before and after is left alone.
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
			k.news(o, n.subject, n.was.role, o.e.role, actions.Absence)
		} else if stage == 2 && after {
			k.news(o, n.subject, n.subject.e.role, o.e.role, actions.Presence)
		}
	case 1, 3: // the subject hears of o
		before := was.ok && n.was.role.Sees(o.e.role)
		after := is.ok && n.subject.e.role.Sees(o.e.role)
		if before && after && was.same(is) {
			return
		}
		if stage == 1 && before {
			k.news(n.subject, o, o.e.role, n.was.role, actions.Absence)
		} else if stage == 3 && after {
			k.news(n.subject, o, o.e.role, n.subject.e.role, actions.Presence)
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

// leaving is a process that has ended, whose endpoints go one after another.
type leaving struct {
	p      *proc
	ends   []*end
	reason error
}

func (l *leaving) on() bool { return l.p != nil }

// leave takes the next endpoint away.
func (k *kernel) leave() {
	l := &k.leaving
	if len(l.ends) == 0 {
		*l = leaving{}
		return
	}
	e := l.ends[0]
	l.ends = l.ends[1:]
	s := entry{l.p, e}
	k.withdraw(s)
	k.announce(s, actions.Absence, l.reason)
}

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
