package distributed

import (
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/world"
)

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
