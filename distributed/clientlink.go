package distributed

import (
	"cmp"
	"fmt"
	"iter"
	"slices"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/world"
)

// A link is what the driver has for a place. It is immutable once it is in the state of a
// driver. The methods change a copy: they return actions, and leave what is to be sent in
// out.
type link struct {
	home    home
	own     bool // the home is on this node
	device  world.Device
	session uint64 // of the device; 0 while there is none
	epoch   uint64 // of the place in the session
	via     uint64 // what stands for this machine there; see border
	sent    wire.Sent
	known   wire.Known

	last  uint64                                    // the last id
	roles *immutable.SortedMap[string, *remoteRole] // by their keys
	ids   *immutable.SortedMap[uint64, string]      // the keys of roles by their ids in the session

	trouble   error // why there was no link for a lease; nil if there was
	reach     int   // how many want to know that the place is within reach
	letters   []outgoing
	size      int  // of the letters
	used      bool // a message was sent since the link began to linger
	lingering bool

	out outbox // empty between transitions
}

// An outbox has what is to be told to the device of a link.
type outbox struct {
	bodies   [][]byte
	warnings []linkWarn
}

// A remoteRole is a role of endpoints at a place.
type remoteRole struct {
	id      uint64 // in the session
	claims  []counted
	peers   *immutable.SortedMap[uint64, string] // the keys of their roles, by their numbers
	settled bool
	refused error // why the place refuses it, in the session
}

// counted is a claim, and how many endpoints of the machine have it.
type counted struct {
	text string
	claim
	n int
}

var (
	noRoles = immutable.NewSortedMap[string, *remoteRole](nil)
	noIDs   = immutable.NewSortedMap[uint64, string](nil)
	noPeers = immutable.NewSortedMap[uint64, string](nil)
)

// needed reports whether somebody needs the link now.
func (l *link) needed() bool { return l.roles.Len() > 0 || l.reach > 0 || len(l.letters) > 0 }

// write writes items, if there is a session.
func (l *link) write(f func(w *wire.Writer) error) error {
	if l.session == 0 {
		return nil
	}
	w := wire.Writer{Sent: l.sent}
	err := f(&w)
	l.sent = w.Sent
	l.out.bodies = slices.AppendSeq(l.out.bodies, w.Bodies)
	return err
}

func (l *link) warn(what string, reason error) {
	l.out.warnings = append(l.out.warnings, linkWarn{what, reason})
}

// claim adds an endpoint.
func (l *link) claim(c claim, text string) actions.Action {
	r := &remoteRole{peers: noPeers}
	old, had := l.roles.Get(c.role)
	if had {
		*r = *old
	}
	i, found := slices.BinarySearchFunc(r.claims, text, func(c counted, text string) int { return cmp.Compare(c.text, text) })
	r.claims = slices.Clone(r.claims)
	var as actions.Action
	if found {
		r.claims[i].n++
	} else {
		r.claims = slices.Insert(r.claims, i, counted{text, c, 1})
		if !l.isStale(c.place) {
			as = r.publish(c, text)
		}
	}
	l.roles = l.roles.Set(c.role, r)
	if !had && l.session != 0 {
		as = actions.Group(as, l.assert(c.role, r))
	}
	switch {
	case found:
	case l.isStale(c.place):
		as = actions.Group(as, reject(text, l.stale(c.place)))
	case had && r.refused != nil:
		as = actions.Group(as, reject(text, r.refused))
	}
	return as
}

// isStale reports whether a place means another life than that of the session.
func (l *link) isStale(p Place) bool {
	return l.session != 0 && p.Epoch != 0 && p.Epoch != l.epoch
}

// served yields the claims to a role that mean the life of the session.
func (l *link) served(r *remoteRole) iter.Seq[counted] {
	return func(yield func(counted) bool) {
		for _, c := range r.claims {
			if !l.isStale(c.place) && !yield(c) {
				return
			}
		}
	}
}

func (l *link) stale(p Place) error {
	return fmt.Errorf("%w: %v; the place is in life %x", ErrStale, p, l.epoch)
}

// assert opens a role at the place. It changes r, which nobody else has seen yet.
func (l *link) assert(key string, r *remoteRole) actions.Action {
	l.last++
	r.id = l.last
	l.ids = l.ids.Set(r.id, key)
	if err := l.write(func(w *wire.Writer) error { return w.AssertKey(r.id, key) }); err != nil {
		r.refused = world.Reduce(err)
		return r.reject(err)
	}
	return nil
}

// unclaim removes an endpoint.
func (l *link) unclaim(c claim, text string, reason error) actions.Action {
	old, ok := l.roles.Get(c.role)
	if !ok {
		return nil
	}
	i, found := slices.BinarySearchFunc(old.claims, text, func(c counted, text string) int { return cmp.Compare(c.text, text) })
	if !found {
		return nil
	}
	r := *old
	r.claims = slices.Clone(old.claims)
	if r.claims[i].n--; r.claims[i].n > 0 {
		l.roles = l.roles.Set(c.role, &r)
		return nil
	}
	var as actions.Action
	if !l.isStale(c.place) {
		as = r.withdraw(text, nil)
	}
	if r.claims = slices.Delete(r.claims, i, i+1); len(r.claims) > 0 {
		l.roles = l.roles.Set(c.role, &r)
		return as
	}
	l.roles = l.roles.Delete(c.role)
	l.ids = l.ids.Delete(r.id)
	_ = l.write(func(w *wire.Writer) error { return w.Retract(r.id, reason) }) // always possible
	return as
}

// lose forgets what there was in the session.
func (l *link) lose(reason error) actions.Action {
	if l.session == 0 {
		return nil
	}
	as := actions.Tree{}
	for i := l.roles.Iterator(); !i.Done(); {
		key, r, _ := i.Next()
		for c := range l.served(r) {
			as = append(as, r.withdraw(c.text, reason))
		}
		l.roles = l.roles.Set(key, &remoteRole{claims: r.claims, peers: noPeers})
	}
	l.session, l.epoch, l.via = 0, 0, 0
	l.sent, l.known, l.ids = wire.Sent{}, wire.Known{}, noIDs
	return append(as, actions.Delete(upEnd{l.home}).Because(reason))
}

// giveUp drops what waits for the link, and tells those who want to know why there is none.
func (l *link) giveUp(reason error) actions.Action {
	l.trouble = world.Reduce(reason)
	if n := len(l.letters); n > 0 {
		l.warn(fmt.Sprintf("messages are dropped: %d of %d bytes", n, l.size), reason)
	}
	l.letters, l.size = nil, 0
	var as actions.Tree
	for i := l.roles.Iterator(); !i.Done(); {
		_, r, _ := i.Next()
		for _, c := range r.claims {
			as = append(as, unsettled(c.text, l.trouble))
		}
	}
	return as
}

// join begins a session: it says everything that is to be said.
func (l *link) join(j linkJoined, here []Place, wait bool) actions.Action {
	l.session, l.epoch, l.trouble = j.Session, j.Epoch, nil
	l.serve(here)
	var as actions.Tree
	for i := l.roles.Iterator(); !i.Done(); {
		key, old, _ := i.Next()
		r := *old
		r.refused = nil
		as = append(as, l.assert(key, &r))
		l.roles = l.roles.Set(key, &r)
		for _, c := range r.claims {
			if l.isStale(c.place) {
				as = append(as, reject(c.text, l.stale(c.place)))
			}
		}
	}
	l.post(wait)
	return as
}
