package distributed

import (
	"fmt"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// Types returns the types of the processes of [Config.Driver] and [Config.Serve], for
// machines that are saved. Processes that are restored work as c says, which must be the
// same as when they were saved. Types panics as [Config.Driver] does.
func (c Config) Types() []actions.Type {
	c = c.settled("Types")
	return []actions.Type{
		actions.CodedAs(actions.Define("distributed.driver", driver.open), driver.write, c.readDriver).Type,
		actions.CodedAs(actions.Define("distributed.server", server.open),
			server.written, c.readServer).Type,
		actions.CodedAs(actions.Define("distributed.mirror", (*mirror).open), (*mirror).written, c.readMirror).Type,
	}
}

// The written forms of states. The names of their fields never change.
type (
	writtenServer struct {
		Self    actions.PID
		Place   Place
		Clients []writtenClient
	}
	writtenClient struct {
		client
		PID actions.PID
	}

	writtenDriver struct {
		Client  uint64
		Lives   uint64
		Opening int
		Here    []Place
		Links   []writtenLink
		Watched []writtenWatched
	}
	writtenWatched struct {
		Name  string
		Count int
		Known []string
		Nodes []string
	}
	writtenLink struct {
		Node, Name          string
		Session, Epoch, Via uint64
		Sent                wire.Sent
		Known               wire.Known
		Last                uint64
		Roles               []writtenRole
		Reach               int
		Letters             []writtenLetter
		Used, Lingering     bool
		Trouble             *world.Error
	}
	writtenRole struct {
		Key     []byte
		ID      uint64
		Claims  []writtenClaim
		Peers   []writtenPeer
		Settled bool
		Refused *world.Error
	}
	writtenClaim struct {
		Text  []byte
		Count int
	}
	writtenPeer struct {
		Number uint64
		Key    []byte
	}
	writtenLetter struct {
		Place  Place
		Sender topic.Orientation
		Type   string
		Data   []byte
	}

	writtenMirror struct {
		Self, Server actions.PID
		Place        Place
		Client       string
		Conn         world.Ref
		Sent         wire.Sent
		Known        wire.Known
		Roles        []writtenPeer
		Peers        []writtenPeerOf
		Last         uint64
		There        Place
	}
	writtenPeerOf struct {
		ID     uint64
		PID    actions.PID
		Seq    uint32
		Number uint64
	}
)

func (s server) written() writtenServer {
	w := writtenServer{Self: s.self, Place: s.place}
	for i := s.mirrors.Iterator(); !i.Done(); {
		who, pid, _ := i.Next()
		w.Clients = append(w.Clients, writtenClient{who, pid})
	}
	return w
}

func (c Config) readServer(w writtenServer) (server, error) {
	s := newServer(c, w.Self, w.Place)
	for _, m := range w.Clients {
		s.mirrors = s.mirrors.Set(m.client, m.PID)
	}
	return s, nil
}

func (d driver) write() (w writtenDriver) {
	w.Client, w.Lives, w.Here, w.Opening = d.client, d.lives, d.here, d.opening
	for i := d.links.Iterator(); !i.Done(); {
		h, l, _ := i.Next()
		wl := writtenLink{
			Node: h.Node, Name: h.Name, Session: l.session, Epoch: l.epoch, Via: l.via, Sent: l.sent, Known: l.known,
			Last: l.last, Reach: l.reach, Used: l.used, Lingering: l.lingering, Trouble: writeError(l.trouble),
		}
		for i := l.roles.Iterator(); !i.Done(); {
			key, r, _ := i.Next()
			wr := writtenRole{Key: []byte(key), ID: r.id, Settled: r.settled, Refused: writeError(r.refused), Peers: writePeers(r.peers)}
			for _, c := range r.claims {
				wr.Claims = append(wr.Claims, writtenClaim{[]byte(c.text), c.n})
			}
			wl.Roles = append(wl.Roles, wr)
		}
		for _, m := range l.letters {
			wl.Letters = append(wl.Letters, writtenLetter(m))
		}
		w.Links = append(w.Links, wl)
	}
	for i := d.watched.Iterator(); !i.Done(); {
		name, v, _ := i.Next()
		w.Watched = append(w.Watched, writtenWatched{name, v.count, v.known, v.nodes})
	}
	return w
}

func writeError(err error) *world.Error {
	e, _ := world.Reduce(err).(*world.Error)
	return e
}

func readError(e *world.Error) error {
	if e == nil {
		return nil
	}
	return e
}

func writePeers(peers *immutable.SortedMap[uint64, string]) (ws []writtenPeer) {
	for i := peers.Iterator(); !i.Done(); {
		n, key, _ := i.Next()
		ws = append(ws, writtenPeer{n, []byte(key)})
	}
	return ws
}

func (c Config) readDriver(w writtenDriver) (driver, error) {
	d := newDriver(c)
	d.client, d.lives, d.here, d.opening = w.Client, w.Lives, w.Here, w.Opening
	for _, wl := range w.Links {
		l := &link{
			home: home{wl.Node, wl.Name}, own: d.isOwn(home{wl.Node, wl.Name}), device: d.device(home{wl.Node, wl.Name}), session: wl.Session, epoch: wl.Epoch, via: wl.Via, sent: wl.Sent, known: wl.Known,
			last: wl.Last, roles: noRoles, ids: noIDs, reach: wl.Reach, used: wl.Used, lingering: wl.Lingering, trouble: readError(wl.Trouble),
		}
		for _, wr := range wl.Roles {
			key := string(wr.Key)
			if _, err := wire.RoleOf(key); err != nil {
				return d, fmt.Errorf("a role at the place %v: %w", l.home, err)
			}
			peers, err := readPeers(wr.Peers)
			if err != nil {
				return d, fmt.Errorf("a peer at the place %v: %w", l.home, err)
			}
			r := &remoteRole{id: wr.ID, settled: wr.Settled, refused: readError(wr.Refused), peers: peers}
			for _, wc := range wr.Claims {
				text := string(wc.Text)
				c, ok := readClaim(text)
				if !ok || c.role != key || c.place.home() != l.home {
					return d, fmt.Errorf("an endpoint at the place %v is not readable", l.home)
				}
				r.claims = append(r.claims, counted{text, c, wc.Count})
			}
			l.roles = l.roles.Set(key, r)
			if l.session != 0 {
				l.ids = l.ids.Set(r.id, key)
			}
		}
		for _, m := range wl.Letters {
			l.letters = append(l.letters, outgoing(m))
			l.size += len(m.Data)
		}
		d.links = d.links.Set(l.home, l)
	}
	for _, v := range w.Watched {
		d.watched = d.watched.Set(v.Name, watched{v.Count, v.Known, v.Nodes})
	}
	return d, nil
}

func readPeers(ws []writtenPeer) (*immutable.SortedMap[uint64, string], error) {
	peers := noPeers
	for _, p := range ws {
		if _, err := wire.RoleOf(string(p.Key)); err != nil {
			return nil, err
		}
		peers = peers.Set(p.Number, string(p.Key))
	}
	return peers, nil
}

func (m *mirror) written() writtenMirror {
	w := writtenMirror{
		Self: m.self, Server: m.server, Place: m.place, Client: m.client, Conn: m.conn,
		Sent: m.sent, Known: m.known, Roles: writePeers(m.roles), Last: m.last, There: m.there,
	}
	for i := m.peers.Iterator(); !i.Done(); {
		p, n, _ := i.Next()
		w.Peers = append(w.Peers, writtenPeerOf{p.id, p.peer.PID, p.peer.Seq, n})
	}
	return w
}

func (c Config) readMirror(w writtenMirror) (*mirror, error) {
	m := newMirror(c, w.Self)
	m.server, m.place, m.client, m.conn = w.Server, w.Place, w.Client, w.Conn
	m.sent, m.known, m.last, m.there = w.Sent, w.Known, w.Last, w.There
	roles, err := readPeers(w.Roles)
	if err != nil {
		return nil, fmt.Errorf("an endpoint of a client: %w", err)
	}
	m.roles = roles
	for _, p := range w.Peers {
		m.peers = m.peers.Set(peerOf{p.ID, actions.PeerID{PID: p.PID, Seq: p.Seq}}, p.Number)
	}
	return m, nil
}
