package tcp

import (
	"errors"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A manager is the state of the process that manages one connection. It is
// immutable. It is a pointer, so that a transition that keeps it costs nothing.
type manager struct {
	carried
	driver  actions.PID // with which the connection ends; zero for one of a snapshot of an earlier version
	clock   world.Clock
	socket  world.Device
	waiting world.Device // the alarm that is set, or nil
	session *Session     // nil without TLS
	watched *world.Ref   // what notices that the connection is idle; nil without a limit

	open       bool // users see the connection
	subscribed bool // a user subscribes to what the peer sends
	published  bool // a user publishes what goes to the peer
	running    bool // the device of the socket is not paused
	confirm    bool // users want confirmations of writes
	peerEnded  bool // the flow from the peer has ended
	ended      bool // the flow to the peer has ended
	pace       pace // of the flow from the peer
	delivering bool // more is delivered in the next turn

	gone   error // why the connection has failed; nil if it has not
	closed bool  // the device of the socket has ended
}

type step = actions.Transition[*manager]

// The names of the endpoints of a manager.
const (
	inEnd      = "in"      // publishes what the peer sends
	outEnd     = "out"     // subscribes to what users send
	sessionEnd = "session" // publishes the session
)

// inbound is the manager of an incoming connection. With TLS, users see the
// connection after the handshake, and never if that fails.
func inbound(driver actions.PID, s settings, c carried, conn world.Ref) actions.Process {
	m := newInbound(s, c, conn)
	m.driver = driver
	m.waiting = m.claimAlarm(s)
	m.open = s.security(c.Local).isPlain()
	return actions.Next(m, m.endpoints())
}

func newInbound(s settings, c carried, conn world.Ref) *manager {
	return &manager{
		carried: c,
		clock:   s.clock,
		socket:  acceptedConn{tuning: s.tuning, security: s.security(c.Local), conn: conn},
	}
}

// outbound is the manager of an outgoing connection. Users see the connection when it
// has been made; until then the manager observes them, unseen.
func outbound(driver actions.PID, s settings, c carried) actions.Process {
	m := newOutbound(s, c)
	m.driver = driver
	return actions.Next(m, m.endpoints())
}

func newOutbound(s settings, c carried) *manager {
	return &manager{
		carried: c,
		clock:   s.clock,
		socket:  dialedConn{network: s.network, limit: s.dial, from: s.from, tuning: s.tuning, security: s.security(c.Remote), addresses: s.addresses, remote: c.Remote, local: c.Local},
	}
}

// endpoints opens the endpoints and the devices of the manager.
func (m *manager) endpoints() actions.Action {
	all := append(make(actions.Tree, 0, 7), actions.When(!m.closed, m.hold()), actions.When(m.driver != 0, actions.Monitor(m.driver, driverEvents)))
	if m.session != nil {
		all = append(all, m.agreement())
	}
	if m.watched != nil {
		all = append(all, m.watchIdle())
	}
	switch {
	case m.waiting == nil || !m.open:
	case m.isResting(): // the alarm is the rest alarm
		all = append(all, m.awaitRest())
	default:
		all = append(all, m.awaitClaim())
	}
	if m.open || !m.isInbound() {
		i := topic.Participant
		if !m.open {
			i = topic.Observer
		}
		all = append(all, actions.When(!m.peerEnded, m.in(i)), m.out(i))
	}
	return append(all, m.presence())
}

// All managers share these handlers.
var socketEvents, inEvents, outEvents, driverEvents *actions.Handler

func init() { // the handlers and the methods refer to each other
	socketEvents = endpoint.Device(acceptedConn{},
		endpoint.OnValueState((*manager).connected),
		endpoint.OnValueState((*manager).received),
		endpoint.OnValueState((*manager).receivedLast),
		endpoint.OnValueState((*manager).peerDone),
		endpoint.OnDoneState((*manager).wrote),
		endpoint.OnFailedState((*manager).writeFailed),
		endpoint.OnEndedState((*manager).connectionEnded),
	).Handler
	driverEvents = endpoint.MonitorState(0, (*manager).abandoned).Handler
	inEvents = endpoint.Publisher(topic.All[Data](),
		endpoint.OnFirstState((*manager).subscribe, From, To),
		endpoint.OnLastState((*manager).unsubscribe, From, To),
	).Handler
	outEvents = endpoint.Subscriber(topic.All[Data](),
		endpoint.OnMessageState((*manager).send),
		endpoint.OnFirstState((*manager).publish, From, To),
		endpoint.OnLastState((*manager).unpublish, From, To),
	).Handler
}

// unseenEvents is outEvents until the connection has been made. It takes no
// messages: what users send by then is lost, and the machine warns that nobody hears
// it.
var unseenEvents = endpoint.Subscriber(topic.All[Data](),
	endpoint.OnFirstState((*manager).publish, From, To),
	endpoint.OnLastState((*manager).unpublish, From, To),
).Handler

// abandoned handles the end of the driver. When the machine stops, the connection ends
// by itself.
func (m *manager) abandoned(_ actions.PID, reason error) step {
	switch {
	case errors.Is(reason, world.ErrStopped):
		return actions.Next(m)
	case reason == nil:
		return m.fail(ErrDriver)
	}
	return m.fail(newFailure(ErrDriver, reason.Error(), reason))
}

// hold opens the device of the socket, paused until a user subscribes.
func (m *manager) hold() actions.Action {
	return actions.OpenDevice{Device: m.socket, Handler: socketEvents, Paused: true}
}

// in returns the endpoint that publishes what the peer sends.
func (m *manager) in(i topic.Interest) actions.AddEndpoint {
	r := topic.Role{Orientation: topic.Publisher, Interest: i, Topic: Flow(m.Remote, m.Local).Topic()}
	return actions.AddEndpoint{ID: inEnd, Role: r, Handler: inEvents}
}

// out returns the endpoint that subscribes to what users send.
func (m *manager) out(i topic.Interest) actions.AddEndpoint {
	r := topic.Role{Orientation: topic.Subscriber, Interest: i, Topic: Flow(m.Local, m.Remote).Topic()}
	h := outEvents
	if i == topic.Observer {
		h = unseenEvents
	}
	return actions.AddEndpoint{ID: outEnd, Role: r, Handler: h}
}

// presence returns the endpoints by which the driver sees the manager, and by which
// users control it.
func (m *manager) presence() actions.Action {
	if !m.isInbound() {
		return actions.Group(endpoint.Publisher(topic.Where(wholeDialed.Is(dialed{m.carried}))), m.controls())
	}
	return actions.Group(endpoint.Publisher(topic.Where(carriedRemote.Is(m.Remote), carriedLocal.Is(m.Local))), m.controls())
}

// connected handles the opening of the socket.
func (m *manager) connected(o opened) step {
	switch n := *m; {
	case m.open && m.isInbound():
		return actions.Next(&n, n.watch(o)) // users already see it
	case m.open:
		// The machine was restarted, and the device was opened again: this is
		// another connection, but users take it for the old one.
		return m.fail(ErrInterrupted)
	case !m.isInbound() && !m.wanted():
		return actions.Next(m, actions.Quit()) // the users have gone meanwhile
	default:
		n.open = true
		return actions.Next(&n, n.agree(o), n.watch(o), n.appear())
	}
}

// isInbound reports whether the connection is an incoming one.
func (c carried) isInbound() bool { return c.Local.Kind() == inet.KindListener }

// appear makes the connection visible to users. For an incoming one the claim limit
// begins. An incoming one that is not open has failed, and users never see it.
func (m *manager) appear() actions.Action {
	switch {
	case !m.isInbound():
		return actions.Group(actions.Replace(m.in(topic.Participant)), actions.Replace(m.out(topic.Participant)))
	case !m.open:
		return nil
	}
	return actions.Group(m.awaitClaim(), m.in(topic.Participant), m.out(topic.Participant))
}

// agree publishes the session, if there is one. It changes m, which nobody else has
// seen yet.
func (m *manager) agree(o opened) actions.Action {
	if o.Session == (Session{}) {
		return nil
	}
	s := o.Session
	s.From, s.To = m.Remote, m.Local
	m.session = &s
	return m.agreement()
}

// agreement returns the endpoint that publishes the session.
func (m *manager) agreement() actions.Action {
	return endpoint.Publisher(topic.Where(wholeSession.Is(*m.session))).As(sessionEnd)
}

// receivedLast delivers the last bytes of the peer, and then ends the flow.
func (m *manager) receivedLast(r lastReceived) step {
	return m.received(received{r.Bytes}).Then(func(m *manager) step {
		if r.Reason != nil {
			return m.fail(r.Reason)
		}
		return m.peerDone(peerEnded{})
	})
}

// watch watches whether the connection is idle, if there is a limit. It changes m,
// which nobody else has seen yet.
func (m *manager) watch(o opened) actions.Action {
	if o.Idle == (world.Ref{}) {
		return nil
	}
	m.watched = &o.Idle
	return m.watchIdle()
}

func (m *manager) watchIdle() actions.Action {
	return endpoint.Device(idleWatch{*m.watched}, endpoint.OnEndedState((*manager).idle))
}

// idle handles the end of the idle watch: the connection has been idle for too long,
// or the machine is stopping, which the manager hears from the socket as well.
func (m *manager) idle(reason error) step {
	if errors.Is(reason, world.ErrStopped) {
		return actions.Next(m)
	}
	return m.fail(reason)
}

// wanted reports whether a user takes part in what is left of the connection.
func (m *manager) wanted() bool { return m.published || m.subscribed && !m.peerEnded }

// isResting reports whether the alarm that is set, if any, is the rest alarm. It is,
// once the flow from the peer has ended or the connection has failed.
func (m *manager) isResting() bool { return m.peerEnded || m.gone != nil }

func (m *manager) publish(Data) step {
	n := *m
	n.published = true
	return n.claim()
}

func (m *manager) unpublish(Data) step {
	n := *m
	n.published = false
	return actions.Next(&n, n.quitUnwanted())
}

// quitUnwanted closes the connection if no user takes part in it. The device writes
// what was sent before it closes.
func (m *manager) quitUnwanted() actions.Action { return actions.When(!m.wanted(), actions.Quit()) }

// claim closes the alarm.
func (m manager) claim() step {
	w := m.waiting
	m.waiting = nil
	return actions.Next(&m, actions.When(w != nil, actions.Close(w)))
}

// send writes what users send.
func (m *manager) send(d Data) step {
	switch {
	case !m.open || m.gone != nil:
		return actions.Next(m) // there is no connection yet, or it has failed
	case d.EOF && !m.ended:
		n := *m
		n.ended = true
		return actions.Next(&n,
			actions.When(len(d.Bytes) > 0, actions.Tell(m.socket, write{d.Bytes, m.confirm})),
			actions.Tell(m.socket, endWriting{}),
			actions.When(m.peerEnded, actions.Quit()),
		)
	case len(d.Bytes) == 0:
		return actions.Next(m)
	}
	return actions.Next(m, actions.Tell(m.socket, write{d.Bytes, m.confirm}))
}

// alarm returns an alarm of this manager, with a name that no other alarm has.
func (m *manager) alarm(what string, after time.Duration) world.Device {
	return world.Alarm{Clock: m.clock, After: after, Label: "tcp " + what + " " + m.socket.DeviceName()}
}

// claimAlarm returns the alarm that rings when an incoming connection has waited too
// long for a user to take part in it.
func (m *manager) claimAlarm(s settings) world.Device { return m.alarm("claim", s.claim) }

// restAlarm returns the alarm that rings when the machine is at rest.
func (m *manager) restAlarm() world.Device { return m.alarm("rest", 0) }

func (m *manager) awaitClaim() actions.Action {
	return endpoint.Device(m.waiting, endpoint.OnValueState((*manager).unclaimed))
}

func (m *manager) awaitRest() actions.Action {
	return endpoint.Device(m.waiting, endpoint.OnValueState((*manager).rested))
}

// unclaimed handles the claim alarm.
func (m *manager) unclaimed(world.AlarmRang) step { return m.fail(ErrUnclaimed) }

// rested handles the rest alarm: the machine has been at rest since the flow from the
// peer ended, or since the connection failed.
func (m *manager) rested(world.AlarmRang) step {
	if m.gone == nil || m.peerEnded {
		return actions.Next(m, m.quitUnwanted())
	}
	if m.stuck() {
		return m.fail(m.gone)
	}
	return m.claim() // closes the alarm, so that it can be set again at once
}

// writeFailed handles a write that failed: the peer has vanished.
func (m *manager) writeFailed(_ any, reason error) step { return m.vanish(reason) }

// connectionEnded handles a connection that has failed, or could not be made.
func (m *manager) connectionEnded(reason error) step {
	if r, ok := errors.AsType[*world.Error](reason); ok && r.Op == "dial" && m.open {
		// The machine was restarted, and the device could not be opened again.
		// To users that is the same as if it could.
		return m.fail(ErrInterrupted)
	}
	if !errors.Is(reason, world.ErrStopped) || !m.open {
		n := *m
		n.closed = true
		return n.vanish(reason)
	}
	// The machine is stopping. Nothing more comes, but users can send last messages.
	n := *m
	n.peerEnded = true
	return actions.Next(&n, actions.When(!m.peerEnded, actions.Delete(inEnd).Because(reason)))
}

// fail ends the connection with a reason that users hear.
func (m *manager) fail(reason error) step {
	if m.open {
		return actions.Next(m, m.endsWith(reason))
	}
	return actions.Next(m, m.appear(), m.endsWith(reason))
}

func (m *manager) endsWith(reason error) actions.Action {
	return actions.Fail(blame(reason, m.Remote.String()))
}
