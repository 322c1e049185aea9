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

// A manager is the state of the process that manages one socket. It is immutable. It is
// a pointer, so that a transition that keeps it costs nothing, and has two parts, so
// that a send copies little.
type manager struct {
	*desk
	flying     int // bytes that the socket was told to send and has not reported
	unreported int // those of them that no send under way will report
}

// A desk is the part of a manager that seldom changes.
type desk struct {
	at       Addr
	settings settings
	socket   world.Device
	needed   bool
	bound    Addr // zero until the socket is open
	names    *immutable.SortedMap[string, answers]
	asking   int                   // packets that wait for names
	queue    *immutable.List[send] // sends that the socket was not told yet; nil if there are none
	queued   int                   // bytes in the queue and of packets that wait for names
}

// with returns the manager with a changed desk.
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
		socket:   socket{network: s.network, addresses: s.addresses, buffer: s.buffer, at: at},
		names:    immutable.NewSortedMap[string, answers](nil),
	}}
}

// manage is the process that manages the socket of a local address. Users see it when
// the socket is open.
func manage(s settings, at Addr) actions.Process {
	m := newManager(s, at)
	if _, ok := at.Security(); ok {
		return actions.Next(m, m.endpoints(), m.fail(ErrTLS).Actions)
	}
	return actions.Next(m, m.open())
}

// open opens the endpoints and the devices of the manager.
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

// endpoints returns the endpoints by which the manager and the driver see each other.
func (m *manager) endpoints() actions.Action {
	return actions.Group(
		endpoint.Publisher(topic.Where(servingAt.Is(m.at))),
		endpoint.Subscriber(topic.Where(neededAt.Is(m.at)),
			endpoint.OnPresenceState((*manager).need),
			endpoint.OnAbsenceState((*manager).leave),
		),
	)
}

// All managers share these handlers.
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

// need notes that the socket is needed.
func (m *manager) need(needed) step {
	return actions.Next(m.with(func(d *desk) { d.needed = true }))
}

// leave notes that the socket is not needed any more.
func (m *manager) leave(needed, error) step {
	n := m.with(func(d *desk) { d.needed = false })
	return actions.Next(n, n.quitUnneeded())
}

// quitUnneeded closes the socket if nobody needs it and no packet waits.
func (m *manager) quitUnneeded() actions.Action {
	return actions.When(!m.needed && m.asking == 0 && m.queue == nil, actions.Quit())
}

// opened handles the opening of the socket, also after a restart of the machine.
func (m *manager) opened(o opened) step {
	if m.bound == (Addr{}) && !m.needed {
		return actions.Next(m, actions.Quit()) // nobody needs it any more
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

// out returns the endpoint that subscribes to what users send.
func (m *manager) out() actions.AddEndpoint {
	r := topic.Role{Orientation: topic.Subscriber, Topic: Leaving(m.at).Topic()}
	return actions.AddEndpoint{ID: outEnd, Role: r, Handler: outEvents}
}

// in returns the endpoint that publishes what arrives.
func (m *manager) in() actions.AddEndpoint { return endpoint.Publisher(Arriving(m.at)).As(inEnd) }

// listening returns the endpoint that publishes where the socket is bound.
func (m *manager) listening() actions.AddEndpoint {
	return endpoint.Publisher(topic.Where(At.Is(m.at), Bound.Is(m.bound))).As(listeningEnd)
}

// received publishes a datagram that has arrived.
func (m *manager) received(r received) step { return actions.Next(m, m.publish(r)) }

// burst publishes several datagrams, in their order.
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

// longest is the length of the longest datagram, over IPv6. Over IPv4 it is a little
// less.
const longest = 65527

// send sends a packet of a user to a peer. It ignores packets to local addresses, which
// subscribers get from the sender.
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

// undelivered reports that a packet is not sent.
func (m *manager) undelivered(to Addr, reason error) step {
	return actions.Next(m, actions.Send(Undelivered{Source: m.at, Destination: to, Reason: blame(reason, to.String())}))
}

// sendFailed handles a datagram that could not be sent.
func (m *manager) sendFailed(command any, reason error) step {
	t := m.sent(command)
	if s, ok := command.(send); ok {
		// The report comes first: the process may quit with the next actions.
		return actions.Next(t.State, m.undelivered(s.Destination, reason).Actions, t.Actions)
	}
	return t
}

// ended handles a socket that has failed, or could not be opened.
func (m *manager) ended(reason error) step {
	if !errors.Is(reason, world.ErrStopped) || m.bound == (Addr{}) {
		return m.fail(reason)
	}
	// The machine is stopping. Nothing more comes, but users can send last packets.
	return actions.Next(m, actions.Delete(inEnd).Because(reason), actions.Delete(listeningEnd).Because(reason))
}

// fail ends the process with a reason that users hear.
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
