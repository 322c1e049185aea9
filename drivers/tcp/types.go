package tcp

import (
	"errors"
	"fmt"
	"io"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/drivers/internal/outlet"
	"github.com/go-marketplace/marketplace/world"
)

// Types returns the types of the processes of the driver that the function
// [Driver] makes.
func Types() []actions.Type { return Config{}.Types() }

// Types returns the types of the processes of the driver that [Config.Driver]
// makes: that of the driver, and that of the process of a connection. Processes
// that are restored work as c says, which must be what it was when they were written
// down. Types panics as [Config.Driver] does.
func (c Config) Types() []actions.Type {
	s := c.settings()
	return []actions.Type{
		actions.CodedAs(
			actions.Define("tcp.driver", driver.open),
			driver.write, s.readDriver).Type,
		actions.CodedAs(
			actions.Define("tcp.connection", (*manager).endpoints),
			(*manager).write, s.readManager).Type,
	}
}

// SpyType returns the type of the processes that [Spy] makes. The function writer
// returns the writer of the spy with a name, or nil if there is no such spy.
func SpyType(writer func(name string) io.Writer) actions.Type {
	return actions.CodedAs(
		actions.Define("tcp.spy", spy.open),
		func(s spy) writtenSpy { return writtenSpy{s.out.name, s.waiting, s.lost} },
		func(w writtenSpy) (spy, error) {
			to := writer(w.Name)
			if to == nil {
				return spy{}, fmt.Errorf("there is no writer for the spy %q", w.Name)
			}
			return spy{printer{w.Name, outlet.New(to)}, w.Waiting, w.Lost}, nil
		}).Type
}

// The written forms of states. The names of their fields never change.
type (
	writtenDriver struct {
		Self        actions.PID `json:",omitempty"`
		Listeners   []writtenListener
		Connections []carried
	}
	writtenListener struct {
		At    Addr
		Bound Addr // none if it is not bound
	}

	writtenManager struct {
		Remote, Local Addr
		Driver        actions.PID     `json:",omitempty"`
		Conn          *world.Ref      // of one that has come in
		Open          bool            `json:",omitempty"`
		Unclaimed     bool            `json:",omitempty"` // the claim alarm is set
		Resting       bool            `json:",omitempty"` // the rest alarm is set
		Subscribed    bool            `json:",omitempty"`
		Published     bool            `json:",omitempty"`
		Running       bool            `json:",omitempty"`
		Confirm       bool            `json:",omitempty"`
		PeerEnded     bool            `json:",omitempty"`
		Ended         bool            `json:",omitempty"`
		Gone          *world.Error    `json:",omitempty"` // why the connection has failed
		Closed        bool            `json:",omitempty"`
		Session       *writtenSession `json:",omitempty"`
		Watched       *world.Ref      `json:",omitempty"`
		Pace          *writtenPace    `json:",omitempty"` // if it is not the zero pace
	}
	writtenSession struct {
		Version, CipherSuite uint16
		ServerName, Protocol []byte
		Verified             bool
		Certificates         []byte
	}
	writtenPace struct {
		MaxLine int
		Limited bool
		Ended   bool
		Credit  int
		Begun   []byte   `json:",omitempty"`
		Next    []byte   `json:",omitempty"`
		More    [][]byte `json:",omitempty"`
	}

	writtenSpy struct {
		Name          string
		Waiting, Lost int
	}
)

func (d driver) write() (w writtenDriver) {
	w.Self = d.self
	for i := d.listeners.Iterator(); !i.Done(); {
		at, to, _ := i.Next()
		w.Listeners = append(w.Listeners, writtenListener{at, to})
	}
	for i := d.conns.Iterator(); !i.Done(); {
		c, _, _ := i.Next()
		w.Connections = append(w.Connections, c)
	}
	return w
}

func (s settings) readDriver(w writtenDriver) (driver, error) {
	d := newDriver(s)
	d.self = w.Self
	for _, l := range w.Listeners {
		if l.At.Kind() != inet.KindListener {
			return d, fmt.Errorf("it listens at %v, which is no listener", l.At)
		}
		d.listeners = d.listeners.Set(l.At, l.Bound)
	}
	for _, c := range w.Connections {
		if err := c.check(); err != nil {
			return d, err
		}
		d.conns = d.conns.Set(c, struct{}{})
		if s.connections > 0 && c.isInbound() {
			n, _ := d.arrived.Get(c.Local)
			d.arrived = d.arrived.Set(c.Local, n+1)
		}
	}
	return d, nil
}

// check returns an error if the addresses cannot be those of a connection.
func (c carried) check() error {
	if c.Remote.Kind() != inet.KindRemote || !c.Local.IsLocal() {
		return fmt.Errorf("there is no connection between %v and %v", c.Local, c.Remote)
	}
	return nil
}

func (m *manager) write() writtenManager {
	w := writtenManager{
		Remote: m.Remote, Local: m.Local, Driver: m.driver,
		Open:      m.open,
		Unclaimed: m.waiting != nil && !m.isResting(), Resting: m.waiting != nil && m.isResting(),
		Subscribed: m.subscribed, Published: m.published,
		Running: m.running, Confirm: m.confirm,
		PeerEnded: m.peerEnded, Ended: m.ended,
		Closed:  m.closed,
		Watched: m.watched,
		Pace:    m.pace.write(),
	}
	w.Gone, _ = m.gone.(*world.Error)
	if a, ok := m.socket.(acceptedConn); ok {
		w.Conn = &a.conn
	}
	if s := m.session; s != nil {
		w.Session = &writtenSession{s.Version, s.CipherSuite, []byte(s.ServerName), []byte(s.Protocol), s.Verified, []byte(s.Certificates)}
	}
	return w
}

func (s settings) readManager(w writtenManager) (*manager, error) {
	c := carried{w.Remote, w.Local}
	if err := c.check(); err != nil {
		return nil, err
	}
	var m *manager
	switch {
	case c.isInbound() != (w.Conn != nil):
		return nil, fmt.Errorf("the connection from %v to %v is incoming without a socket, or outgoing with one", c.Remote, c.Local)
	case w.Unclaimed && w.Resting || w.Unclaimed && !c.isInbound() || w.Resting && !w.PeerEnded && w.Gone == nil:
		return nil, errors.New("its alarms do not fit the state of the connection")
	case w.Conn != nil:
		m = newInbound(s, c, *w.Conn)
	default:
		m = newOutbound(s, c)
	}
	switch {
	case w.Unclaimed:
		m.waiting = m.claimAlarm(s)
	case w.Resting:
		m.waiting = m.restAlarm()
	}
	m.driver = w.Driver
	m.open = w.Open
	m.subscribed, m.published = w.Subscribed, w.Published
	m.running, m.confirm = w.Running, w.Confirm
	m.peerEnded, m.ended = w.PeerEnded, w.Ended
	m.closed = w.Closed
	if w.Gone != nil {
		m.gone = w.Gone
	}
	m.watched = w.Watched
	if a := w.Session; a != nil {
		m.session = &Session{c.Remote, c.Local, a.Version, a.CipherSuite, string(a.ServerName), string(a.Protocol), a.Verified, string(a.Certificates)}
	}
	var err error
	m.pace, err = w.Pace.read()
	return m, err
}

// write returns nil for the zero pace.
func (p *pace) write() *writtenPace {
	if p.free() {
		return nil
	}
	w := &writtenPace{p.mode.MaxLine, p.limited, p.ended, p.credit, nil, p.next, p.more}
	if p.begun != nil {
		w.Begun = p.begun.with(nil) // in one part, which means the same
	}
	return w
}

func (w *writtenPace) read() (p pace, err error) {
	if w == nil {
		return pace{}, nil
	}
	if w.MaxLine < 0 || w.Credit < 0 || len(w.Next) == 0 && len(w.More) > 0 {
		return pace{}, errors.New("its pace makes no sense: it has negative numbers, or bytes in the wrong place")
	}
	p = pace{mode: Mode{w.MaxLine}, limited: w.Limited, ended: w.Ended, credit: w.Credit, next: w.Next, more: w.More}
	if len(w.Begun) > 0 {
		p.begun = &part{nil, w.Begun, len(w.Begun)}
	}
	return p, nil
}
