package udp

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"syscall"

	"github.com/benbjohnson/immutable"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A manager is the state of the process that looks after one socket. It is
// immutable. It is a pointer, so that to go on with the same one costs nothing,
// and in two parts, so that to send costs little.
type manager struct {
	*desk
	flying     int // bytes that the socket has been told to send, and has not reported
	unreported int // the part of that which no send under way will report
}

// A desk is the part of a manager that changes seldom.
type desk struct {
	at       Addr
	settings settings
	socket   world.Device
	needed   bool
	bound    Addr // zero until the socket is open
	names    *immutable.SortedMap[string, answers]
	asking   int                   // packets that wait for names
	queue    *immutable.List[send] // what the socket has not been told yet; nil if there is nothing
	queued   int                   // bytes in the queue, and waiting for names
}

// with returns a manager with another desk.
func (m *manager) with(change func(*desk)) *manager {
	d := *m.desk
	change(&d)
	return &manager{&d, m.flying, m.unreported}
}

type step = actions.Transition[*manager]

// The names of the endpoints of a manager.
const (
	inEnd        = "in"        // publishes what arrives
	outEnd       = "out"       // subscribes to what is sent
	listeningEnd = "listening" // publishes where the socket is
)

func newManager(s settings, at Addr) *manager {
	return &manager{desk: &desk{
		at:       at,
		settings: s,
		socket:   socket{network: s.network, buffer: s.buffer, at: at},
		names:    immutable.NewSortedMap[string, answers](nil),
	}}
}

// manage is the process that looks after the socket of a local address. Users
// see it when the socket is open.
func manage(s settings, at Addr) actions.Process {
	m := newManager(s, at)
	if _, ok := at.Security(); ok {
		return actions.Next(m, m.endpoints(), m.fail(ErrTLS).Actions)
	}
	return actions.Next(m, m.open())
}

// open opens what the manager has.
func (m *manager) open() actions.Action {
	all := actions.Tree{m.endpoints(), actions.OpenDevice{Device: m.socket, Handler: socketEvents}}
	if m.bound != (Addr{}) {
		all = append(all, m.out(), m.in(), m.listening())
	}
	for i := m.names.Iterator(); !i.Done(); {
		host, _, _ := i.Next()
		all = append(all, m.lookUp(host))
	}
	return all
}

// endpoints are those by which the manager and the driver know of each other.
func (m *manager) endpoints() actions.Action {
	return actions.Group(
		endpoint.Publisher(topic.Where(servingAt.Is(m.at))),
		endpoint.Subscriber(topic.Where(neededAt.Is(m.at)),
			endpoint.OnPresenceState((*manager).need),
			endpoint.OnAbsenceState((*manager).leave),
		),
	)
}

// What a manager hears is the same for all sockets, so it is made once.
var (
	socketEvents = endpoint.Device(socket{},
		endpoint.OnValueState((*manager).opened),
		endpoint.OnValueState((*manager).received),
		endpoint.OnValueState((*manager).burst),
		endpoint.OnDoneState((*manager).sent),
		endpoint.OnFailedState((*manager).sendFailed),
		endpoint.OnEndedState((*manager).ended),
	).Handler
	outEvents = endpoint.Subscriber(topic.All[Packet](), endpoint.OnMessageState((*manager).send)).Handler
)

// need is told that somebody needs the socket.
func (m *manager) need(needed) step {
	return actions.Next(m.with(func(d *desk) { d.needed = true }))
}

// leave is told that nobody does any more.
func (m *manager) leave(needed, error) step {
	n := m.with(func(d *desk) { d.needed = false })
	return actions.Next(n, n.quitUnneeded())
}

// quitUnneeded closes the socket if nobody needs it, after all has been sent
// that was to be sent.
func (m *manager) quitUnneeded() actions.Action {
	return actions.When(!m.needed && m.asking == 0 && m.queue == nil, actions.Quit())
}

// opened is told that the socket is open; after a restart of the machine, that
// it is open again.
func (m *manager) opened(o opened) step {
	if m.bound == (Addr{}) && !m.needed {
		return actions.Next(m, actions.Quit()) // who needed it went before we could watch
	}
	n := m.with(func(d *desk) { d.bound = o.Bound })
	n.flying, n.unreported = 0, 0
	t := n.proceed()
	return actions.Next(t.State, n.appear(), t.Actions)
}

// appear makes the socket visible.
func (m *manager) appear() actions.Action {
	return actions.Group(m.out(), m.in(), actions.Replace(m.listening()))
}

// out is the endpoint that subscribes to what users send.
func (m *manager) out() actions.AddEndpoint {
	r := topic.Role{Orientation: topic.Subscriber, Topic: Leaving(m.at).Topic()}
	return actions.AddEndpoint{ID: outEnd, Role: r, Handler: outEvents}
}

// in is the endpoint that publishes what arrives.
func (m *manager) in() actions.AddEndpoint { return endpoint.Publisher(Arriving(m.at)).As(inEnd) }

// listening is the endpoint that publishes where the socket is.
func (m *manager) listening() actions.AddEndpoint {
	return endpoint.Publisher(topic.Where(At.Is(m.at), Bound.Is(m.bound))).As(listeningEnd)
}

// received publishes a datagram that has arrived.
func (m *manager) received(r received) step { return actions.Next(m, m.publish(r)) }

// burst publishes several, in their order.
func (m *manager) burst(b burst) step {
	all := make(actions.Tree, len(b.All))
	for i, r := range b.All {
		all[i] = m.publish(r)
	}
	return actions.Next(m, all)
}

func (m *manager) publish(r received) actions.Action {
	return actions.Send(Packet{Source: r.From, Destination: m.at, Body: r.Body, Truncated: r.Truncated})
}

// longest is the length of the longest datagram that there can be. For IPv4 it
// is a little less.
const longest = 65527

// send has sent what users send, if it is for a peer. What is for a local
// address they have from each other.
func (m *manager) send(p Packet) step {
	to := p.Destination
	if to.IsLocal() {
		return actions.Next(m)
	}
	_, secure := to.Security()
	switch {
	case secure:
		return m.undelivered(to, ErrTLS)
	case to == Addr{} || to.Port() == 0:
		return m.undelivered(to, ErrDestination)
	case len(p.Body) > longest:
		return m.undelivered(to, tooLong(len(p.Body), syscall.EMSGSIZE))
	}
	ip, err := netip.ParseAddr(to.Host())
	if err != nil {
		return m.sendToName(to, p.Body)
	}
	return m.tell(to, ip, p.Body)
}

func tooLong(bytes int, err error) error {
	return fmt.Errorf("udp: %d bytes do not fit into a datagram, which has at most 65507 over IPv4: %w", bytes, err)
}

// undelivered tells whoever has sent it that a packet is not sent.
func (m *manager) undelivered(to Addr, reason error) step {
	return actions.Next(m, actions.Send(Undelivered{Source: m.at, Destination: to, Reason: blame(reason, to.String())}))
}

// sendFailed handles a datagram that could not be sent.
func (m *manager) sendFailed(command any, reason error) step {
	t := m.sent(command)
	if s, ok := command.(send); ok {
		// First the bad news: it may be the last that the process does.
		return actions.Next(t.State, m.undelivered(s.Destination, reason).Actions, t.Actions)
	}
	return t
}

// ended is told that the socket has failed, or could not be opened.
func (m *manager) ended(reason error) step {
	if !errors.Is(reason, world.ErrStopped) || m.bound == (Addr{}) {
		return m.fail(reason)
	}
	// The machine is stopping. Nothing more comes, but a last word can be sent.
	return actions.Next(m, actions.Delete(inEnd).Because(reason), actions.Delete(listeningEnd).Because(reason))
}

// fail ends the process for a reason, and sees to it that users hear of it.
func (m *manager) fail(reason error) step {
	end := actions.Fail(blame(reason, m.at.String()))
	if m.bound != (Addr{}) {
		return actions.Next(m, end)
	}
	return actions.Next(m, m.appear(), end)
}

// blame returns err as a reason that names an address.
func blame(err error, addr string) error {
	if err == nil || errors.Is(err, world.ErrStopped) {
		return err
	}
	reason, ok := world.Reduce(err).(*world.Error)
	if !ok || reason.Addr != "" {
		return reason
	}
	named := *reason
	named.Addr = addr
	named.Text = "udp: " + addr + ": " + strings.TrimPrefix(reason.Error(), "udp: ")
	return &named
}
