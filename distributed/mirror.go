package distributed

import (
	"cmp"
	"errors"
	"slices"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A mirror is the state of the process that stands at a place for a machine elsewhere. It
// has the endpoints that the driver there wants to have here, and tells the driver what
// they hear. When the link ends, the mirror fails with the reason, and its endpoints go with
// it. It is immutable.
type mirror struct {
	config Config
	self   actions.PID
	server actions.PID // with which it ends
	place  Place
	client string // the node
	conn   world.Ref

	sent  wire.Sent
	known wire.Known
	roles *immutable.SortedMap[uint64, string] // the keys of the roles of the endpoints
	peers *immutable.SortedMap[peerOf, uint64] // their numbers
	last  uint64                               // the last number of a peer
	there Place                                // as which the client is served, if it is

	mailbox bool // during a probe: it has seen a mailbox
}

type mirrorStep = actions.Transition[*mirror]

// A peerOf is a peer of an endpoint.
type peerOf struct {
	id   uint64
	peer actions.PeerID
}

type byPeer struct{}

func (byPeer) Compare(a, b peerOf) int {
	return cmp.Or(cmp.Compare(a.id, b.id), cmp.Compare(a.peer.PID, b.peer.PID), cmp.Compare(a.peer.Seq, b.peer.Seq))
}

func newMirror(c Config, self actions.PID) *mirror {
	return &mirror{config: c, self: self, roles: noIDs, peers: immutable.NewSortedMap[peerOf, uint64](byPeer{})}
}

// open opens the device and the endpoints.
func (m *mirror) open() actions.Action {
	as := actions.Tree{
		endpoint.Device(m.device(), endpoint.OnValueState((*mirror).opened), endpoint.OnValueState((*mirror).heard), endpoint.OnEndedState((*mirror).ended)),
		endpoint.MonitorState(m.server, (*mirror).closed),
	}
	for i := m.roles.Iterator(); !i.Done(); {
		id, key, _ := i.Next()
		if role, err := wire.RoleOf(key); err == nil {
			as = append(as, mirrored(id, role))
		}
	}
	return as
}

func (m *mirror) device() acceptedLink { return acceptedLink{m.conn} }

// opened handles the opening of the link: the client hears what stands for it here.
func (m *mirror) opened(acceptedOpen) mirrorStep {
	return m.write(func(w *wire.Writer) error { return w.You(uint64(m.self)) })
}

// ended handles the end of the link.
func (m *mirror) ended(reason error) mirrorStep {
	if reason == nil || errors.Is(reason, world.ErrStopped) {
		return actions.Next(m, actions.Quit())
	}
	return actions.Next(m, actions.Fail(reason))
}

// closed handles the end of the server.
func (m *mirror) closed(_ actions.PID, reason error) mirrorStep {
	if reason == nil || errors.Is(reason, world.ErrStopped) {
		return actions.Next(m, actions.Quit())
	}
	return actions.Next(m, actions.Tell(m.device(), acceptedEnd{reason}), actions.Fail(reason))
}

// write sends items. An error is logged: the items that it is about are not sent.
func (m *mirror) write(f func(w *wire.Writer) error) mirrorStep {
	w := wire.Writer{Sent: m.sent}
	err := f(&w)
	if len(w.Sent.Types) != len(m.sent.Types) {
		n := *m
		n.sent = w.Sent
		m = &n
	}
	var as actions.Tree
	if err != nil {
		as = append(as, actions.Tell(m.device(), acceptedWarn{"something is not told to a client", err}))
	}
	for b := range w.Bodies {
		as = append(as, actions.Tell(m.device(), acceptedSend{b}))
	}
	return actions.Next(m, as)
}

// heard handles what the client says.
func (m *mirror) heard(v acceptedData) mirrorStep {
	r := asking{mirror: *m, actions: make(actions.Tree, 0, min(len(v.Body)/64+1, 128))}
	r.cross = border{sender: m.there, here: []Place{m.place}, via: rpc.Via(m.self), home: true}
	known, err := wire.ReadFromClient(v.Body, m.known, &r)
	if err != nil {
		return actions.Next(m, actions.Tell(m.device(), acceptedEnd{err}), actions.Fail(err))
	}
	if r.changed || len(known.Types) != len(m.known.Types) {
		r.known = known
		m = &r.mirror
	}
	r.conclude()
	t := actions.Next(m, r.actions)
	if len(r.asserted) > 0 {
		// The PID of a process that is spawned now comes after the news of all peers that
		// are there.
		ticket := actions.SpawnThen(actions.Stateless(), func(m *mirror, _ actions.PID) mirrorStep {
			return m.write(func(w *wire.Writer) error {
				for _, id := range r.asserted {
					if err := w.Settled(id); err != nil {
						return err
					}
				}
				return nil
			})
		})
		t = t.And(ticket)
	}
	return t
}

// An asking reads what a client says: it changes its mirror, and collects actions.
type asking struct {
	mirror
	actions  actions.Tree
	asserted []uint64
	changed  bool
	cross    border
	probe    probe
}

// refuse tells the client that something is refused: an endpoint, or a message with id 0.
func (r *asking) refuse(id uint64, reason error) error {
	w := wire.Writer{Sent: r.sent}
	if err := w.Reject(id, reason); err != nil {
		return err
	}
	for b := range w.Bodies {
		r.actions = append(r.actions, actions.Tell(r.device(), acceptedSend{b}))
	}
	r.actions = append(r.actions, actions.Tell(r.device(), acceptedWarn{"a client is refused", reason}))
	return nil
}

// Assert implements [wire.FromClient].
func (r *asking) Assert(id uint64, role wire.Role) error {
	r.conclude()
	if role.Err == nil {
		role.Role, role.Err = r.cross.role(role.Role)
	}
	if role.Err == nil {
		role.Err = r.config.admit(Wish{Client: r.client, Place: r.place.Name, Role: role.Role})
	}
	var key string
	if role.Err == nil {
		key, role.Err = wire.Key(role.Role)
	}
	if role.Err != nil {
		return r.refuse(id, role.Err)
	}
	if _, had := r.roles.Get(id); had {
		return wire.ErrMalformed
	}
	r.changed = true
	r.roles = r.roles.Set(id, key)
	r.actions = append(r.actions, mirrored(id, role.Role))
	r.asserted = append(r.asserted, id)
	return nil
}

// Retract implements [wire.FromClient].
func (r *asking) Retract(id uint64, reason error) error {
	r.conclude()
	if _, had := r.roles.Get(id); !had {
		return nil // it was refused
	}
	r.changed = true
	r.roles = r.roles.Delete(id)
	for i := r.peersOf(id); !i.Done(); {
		p, _, _ := i.Next()
		if p.id != id {
			break
		}
		r.peers = r.peers.Delete(p)
	}
	r.asserted = slices.DeleteFunc(r.asserted, func(a uint64) bool { return a == id })
	r.actions = append(r.actions, actions.Delete(mirrorEnd(id)).Because(reason))
	return nil
}

// peersOf iterates over peers, from the first of an endpoint on.
func (m *mirror) peersOf(id uint64) *immutable.SortedMapIterator[peerOf, uint64] {
	i := m.peers.Iterator()
	i.Seek(peerOf{id: id})
	return i
}

// Send implements [wire.FromClient].
func (r *asking) Send(side topic.Orientation, c wire.Content) error {
	m, err := r.cross.message(c)
	if err == nil {
		err = r.config.admit(Wish{Client: r.client, Place: r.place.Name, Sent: m, Sender: side})
	}
	if err != nil {
		return r.refuse(0, err)
	}
	if l, ok := m.Ref().(*Letter); ok && side == topic.Publisher {
		r.letter(l.To, m)
		return nil
	}
	r.conclude()
	r.actions = append(r.actions, actions.Forward(m, side))
	return nil
}

// Serves implements [wire.FromClient].
func (r *asking) Serves(name string, epoch uint64) error {
	r.changed = true
	r.there = Place{}
	if epoch != 0 {
		r.there = Place{r.client, name, epoch}
	}
	r.cross.sender = r.there
	return nil
}

// A mirrorEnd is the name of an endpoint of a mirror: the id that the client has given it.
type mirrorEnd uint64

// mirrored returns an endpoint of a client.
func mirrored(id uint64, role topic.Role) actions.AddEndpoint {
	h := actions.HandlerOf(func(m *mirror, ev *actions.Event) mirrorStep { return m.tell(id, ev) })
	h.Events = actions.EventsOf(actions.Delivery, actions.Presence, actions.Absence)
	return actions.AddEndpoint{ID: mirrorEnd(id), Role: role, Handler: h}
}

// tell tells the client what an endpoint hears.
func (m *mirror) tell(id uint64, ev *actions.Event) mirrorStep {
	at := peerOf{id, ev.PeerID}
	switch ev.Kind {
	case actions.Delivery:
		return m.write(func(w *wire.Writer) error { return w.Message([]uint64{id}, ev.Message) })
	case actions.Presence:
		n := *m
		n.last++
		n.peers = m.peers.Set(at, n.last)
		return (&n).write(func(w *wire.Writer) error { return w.Presence(id, n.last, ev.Peer) })
	default:
		number, ok := m.peers.Get(at)
		if !ok {
			return actions.Next(m)
		}
		n := *m
		n.peers = m.peers.Delete(at)
		return (&n).write(func(w *wire.Writer) error { return w.Absence(id, number, ev.Reason) })
	}
}
