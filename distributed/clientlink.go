package distributed

import (
	"cmp"
	"fmt"
	"iter"
	"slices"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A link is what the driver has for a place. It is immutable once it is in the state of a
// driver. The methods change a copy: they return actions, and leave what is to be sent in
// out.
type link struct {
	home    home
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

// The names of endpoints of the driver.
type (
	upEnd   struct{ home home }
	peerEnd struct {
		claim  string
		sign   sign
		number uint64
	}
)

// needed reports whether somebody needs the link now.
func (l *link) needed() bool { return l.roles.Len() > 0 || l.reach > 0 || len(l.letters) > 0 }

// maxLetters is how many bytes of messages wait for a link.
const maxLetters = 64 << 10

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

// up publishes that the place is within reach.
func (l *link) up() actions.Action {
	if l.session == 0 {
		return nil
	}
	return endpoint.Publisher(topic.Where(upPlace.Is(Place{l.home.Node, l.home.Name, l.epoch}), upHere.Is(false))).As(upEnd{l.home})
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
	role, err := wire.RoleOf(key)
	if err == nil {
		err = l.write(func(w *wire.Writer) error { return w.Assert(r.id, role) })
	}
	if err != nil {
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

// send sends a message, or keeps it until there is a link and it need not wait.
func (l *link) send(m outgoing, wait bool) {
	switch {
	case l.isStale(m.Place):
		l.warn("a message is dropped", l.stale(m.Place))
	case l.session != 0 && !wait:
		err := l.write(func(w *wire.Writer) error { return w.SendEncoded(m.Sender, wire.Encoded{Type: m.Type, Data: m.Data}) })
		if err != nil {
			l.warn("a message is dropped", err)
		}
	case l.size+len(m.Data) > maxLetters:
		l.warn("a message is dropped", fmt.Errorf("%w: %d bytes wait for a link already", ErrUnreachable, l.size))
	default:
		l.letters = append(slices.Clip(l.letters), m)
		l.size += len(m.Data)
	}
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

// post sends the messages that have waited, if there is a session and they need not wait.
func (l *link) post(wait bool) {
	letters := l.letters
	l.letters, l.size = nil, 0
	for _, m := range letters {
		l.send(m, wait)
	}
}

// serve tells the home as what this machine is served.
func (l *link) serve(here []Place) {
	var p Place
	if len(here) > 0 {
		p = here[0]
	}
	_ = l.write(func(w *wire.Writer) error { return w.Serves(p.Name, p.Epoch) }) // always possible
}

// publish opens the endpoints that show peers to those with a claim.
func (r *remoteRole) publish(c claim, text string) actions.Action {
	var as actions.Tree
	for i := r.peers.Iterator(); !i.Done(); {
		n, key, _ := i.Next()
		as = append(as, publishPeer(c, text, key, n))
	}
	return append(as, actions.When(r.settled, publishSettled(text)))
}

// publishAll opens the endpoints of all claims.
func (l *link) publishAll() actions.Action {
	var as actions.Tree
	for i := l.roles.Iterator(); !i.Done(); {
		_, r, _ := i.Next()
		for c := range l.served(r) {
			as = append(as, r.publish(c.claim, c.text))
		}
	}
	return as
}

// withdraw closes the endpoints that show peers to those with a claim.
func (r *remoteRole) withdraw(text string, reason error) actions.Action {
	var as actions.Tree
	for i := r.peers.Iterator(); !i.Done(); {
		n, _, _ := i.Next()
		as = append(as, actions.Delete(peerEnd{text, peerSign, n}).Because(reason))
	}
	return append(as, actions.When(r.settled, actions.Delete(peerEnd{text, settledSign, 0}).Because(reason)))
}

// reject tells those with claims to a role that the place refuses it.
func (r *remoteRole) reject(reason error) actions.Action {
	var as actions.Tree
	for _, c := range r.claims {
		as = append(as, reject(c.text, reason))
	}
	return as
}

func reject(text string, reason error) actions.Action {
	return actions.Tree{unsettled(text, reason), actions.Send(happening{Claim: text, Sign: rejectSign, Message: reason})}
}

// unsettled tells those who want to know it why a claim is not settled.
func unsettled(text string, reason error) actions.Action {
	return actions.Send(happening{Claim: text, Sign: settledSign, Message: reason})
}

func publishPeer(c claim, text, key string, number uint64) actions.AddEndpoint {
	h := happening{Claim: text, Peer: key, Number: number}
	if peer, err := wire.RoleOf(key); err == nil {
		h.Tally = c.tally(peer)
	}
	return endpoint.Publisher(h.topic()).As(peerEnd{text, peerSign, number})
}

func publishSettled(text string) actions.AddEndpoint {
	return endpoint.Publisher(happening{Claim: text, Sign: settledSign}.topic()).As(peerEnd{text, settledSign, 0})
}

// A reading reads what the home says: it changes its link, and collects actions.
type reading struct {
	link
	border  border
	actions actions.Tree
	changed bool
}

// role returns a copy of the role with an id. It is nil if the role was retracted
// meanwhile.
func (r *reading) role(id uint64) (string, *remoteRole) {
	key, ok := r.ids.Get(id)
	if !ok {
		return "", nil
	}
	role, ok := r.roles.Get(key)
	if !ok {
		return "", nil
	}
	return key, role
}

func (r *reading) set(key string, role remoteRole) {
	r.changed = true
	r.roles = r.roles.Set(key, &role)
}

// Presence implements [wire.FromHome].
func (r *reading) Presence(id, peer uint64, is wire.Role) error {
	key, role := r.role(id)
	if role == nil {
		return nil
	}
	peerKey := ""
	if is.Err == nil {
		is.Role, is.Err = r.border.role(is.Role)
	}
	if is.Err == nil {
		peerKey, is.Err = wire.Key(is.Role)
	}
	if is.Err != nil {
		r.warn("a peer at the place is not shown", is.Err)
		return nil
	}
	next := *role
	next.peers = role.peers.Set(peer, peerKey)
	r.set(key, next)
	for c := range r.served(role) {
		r.actions = append(r.actions, publishPeer(c.claim, c.text, peerKey, peer))
	}
	return nil
}

// Absence implements [wire.FromHome].
func (r *reading) Absence(id, peer uint64, reason error) error {
	key, role := r.role(id)
	if role == nil {
		return nil
	}
	if _, ok := role.peers.Get(peer); !ok {
		return nil
	}
	next := *role
	next.peers = role.peers.Delete(peer)
	r.set(key, next)
	for c := range r.served(role) {
		r.actions = append(r.actions, actions.Delete(peerEnd{c.text, peerSign, peer}).Because(reason))
	}
	return nil
}

// Message implements [wire.FromHome].
func (r *reading) Message(id uint64, c wire.Content) error {
	_, role := r.role(id)
	if role == nil {
		return nil
	}
	m, err := r.border.message(c)
	if err != nil {
		r.warn("a message from the place is dropped", err)
		return nil
	}
	for c := range r.served(role) {
		r.actions = append(r.actions, actions.Send(happening{Claim: c.text, Message: m.Ref()}))
	}
	return nil
}

// Reject implements [wire.FromHome].
func (r *reading) Reject(id uint64, reason error) error {
	if id == 0 {
		r.warn("the place refuses a message", reason)
	} else if key, role := r.role(id); role != nil {
		next := *role
		next.refused = world.Reduce(reason)
		r.set(key, next)
		r.actions = append(r.actions, role.reject(reason))
	}
	return nil
}

// Settled implements [wire.FromHome].
func (r *reading) Settled(id uint64) error {
	key, role := r.role(id)
	if role == nil || role.settled || role.refused != nil {
		return nil
	}
	next := *role
	next.settled = true
	r.set(key, next)
	for c := range r.served(role) {
		r.actions = append(r.actions, publishSettled(c.text))
	}
	return nil
}

// You implements [wire.FromHome].
func (r *reading) You(via uint64) error {
	r.via, r.changed = via, true
	r.border.via = rpc.Via(via)
	return nil
}
