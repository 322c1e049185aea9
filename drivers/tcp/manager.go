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

// A manager is the state of the process that looks after one connection. It is
// immutable. It is a pointer, so that to go on with the same one costs nothing.
type manager struct {
	carried
	clock   world.Clock
	socket  world.Device
	waiting world.Device // the alarm that is set, or nil
	session *Session     // what has been agreed upon; nil if TLS is not spoken
	watched *world.Ref   // what notices that the connection is idle; nil without a limit

	open       bool // users see the connection
	subscribed bool // somebody wants what the peer sends
	published  bool // somebody has something to send
	running    bool // values come from the socket
	confirm    bool // users want to hear what has been written
	peerEnded  bool // nothing more comes from the peer
	ended      bool // nothing more comes from the users
	pace       pace // of what comes from the peer
	delivering bool // what has come is delivered in several turns

	gone   error // why the connection has failed; nil if it has not
	closed bool  // the socket has come to its end
}

type step = actions.Transition[*manager]

// The names of the endpoints of a manager.
const (
	inEnd      = "in"      // publishes what the peer sends
	outEnd     = "out"     // subscribes to what users send
	sessionEnd = "session" // publishes the session
)

// inbound is the manager of a connection that has come in. If TLS is spoken,
// users see it after the handshake; one that fails they never see.
func inbound(s settings, c carried, conn world.Ref) actions.Process {
	m := newInbound(s, c, conn)
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

// outbound is the manager of a connection that is to be made. Users see it when
// it has been made; until then it watches, unseen, whether it is wanted.
func outbound(s settings, c carried) actions.Process {
	m := newOutbound(s, c)
	return actions.Next(m, m.endpoints())
}

func newOutbound(s settings, c carried) *manager {
	return &manager{
		carried: c,
		clock:   s.clock,
		socket:  dialedConn{network: s.network, limit: s.dial, from: s.from, tuning: s.tuning, security: s.security(c.Remote), remote: c.Remote, local: c.Local},
	}
}

// endpoints opens what the manager has: endpoints, and devices.
func (m *manager) endpoints() actions.Action {
	all := append(make(actions.Tree, 0, 6), actions.When(!m.closed, m.hold()))
	if m.session != nil {
		all = append(all, m.agreement())
	}
	if m.watched != nil {
		all = append(all, m.watchIdle())
	}
	switch {
	case m.waiting == nil || !m.open:
	case m.isResting(): // which no flow has before the connection is claimed
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

// What a manager hears is the same for all connections, so it is made once.
var socketEvents, inEvents, outEvents *actions.Handler

func init() { // since what a manager hears lets it open endpoints that hear the same
	socketEvents = endpoint.Device(acceptedConn{},
		endpoint.OnValueState((*manager).connected),
		endpoint.OnValueState((*manager).received),
		endpoint.OnValueState((*manager).receivedLast),
		endpoint.OnValueState((*manager).peerDone),
		endpoint.OnDoneState((*manager).wrote),
		endpoint.OnFailedState((*manager).writeFailed),
		endpoint.OnEndedState((*manager).connectionEnded),
	).Handler
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

// unseenEvents are what users are told about who want a connection that is not
// there yet. What they send by then goes nowhere, so nothing takes it, and the
// machine warns that nobody hears it.
var unseenEvents = endpoint.Subscriber(topic.All[Data](),
	endpoint.OnFirstState((*manager).publish, From, To),
	endpoint.OnLastState((*manager).unpublish, From, To),
).Handler

// hold holds the socket. Nothing is read until somebody subscribes.
func (m *manager) hold() actions.Action {
	return actions.OpenDevice{Device: m.socket, Handler: socketEvents, Paused: true}
}

// in is the endpoint that publishes what the peer sends.
func (m *manager) in(i topic.Interest) actions.AddEndpoint {
	r := topic.Role{Orientation: topic.Publisher, Interest: i, Topic: Flow(m.Remote, m.Local).Topic()}
	return actions.AddEndpoint{ID: inEnd, Role: r, Handler: inEvents}
}

// out is the endpoint that subscribes to what users send.
func (m *manager) out(i topic.Interest) actions.AddEndpoint {
	r := topic.Role{Orientation: topic.Subscriber, Interest: i, Topic: Flow(m.Local, m.Remote).Topic()}
	h := outEvents
	if i == topic.Observer {
		h = unseenEvents
	}
	return actions.AddEndpoint{ID: outEnd, Role: r, Handler: h}
}

// presence shows the driver that there is a manager, which can be controlled.
func (m *manager) presence() actions.Action {
	if !m.isInbound() {
		return actions.Group(endpoint.Publisher(topic.Where(wholeDialed.Is(dialed{m.carried}))), m.controls())
	}
	return actions.Group(endpoint.Publisher(topic.Where(carriedRemote.Is(m.Remote), carriedLocal.Is(m.Local))), m.controls())
}

// connected is told that the socket is open.
func (m *manager) connected(o opened) step {
	switch n := *m; {
	case m.open && m.isInbound():
		return actions.Next(&n, n.watch(o)) // users have seen it from the beginning
	case m.open:
		// The machine has been restarted, and the device has been opened
		// again: this is another connection, but users take it for the old one.
		return m.fail(ErrInterrupted)
	case !m.isInbound() && !m.wanted():
		return actions.Next(m, actions.Quit()) // who wanted it went before we could watch
	default:
		n.open = true
		return actions.Next(&n, n.agree(o), n.watch(o), n.appear())
	}
}

// isInbound reports whether the connection has come in.
func (c carried) isInbound() bool { return c.Local.Kind() == inet.KindListener }

// appear makes the connection visible. One that has come in has to be claimed
// from then on; if it has failed before, nobody gets to know of it.
func (m *manager) appear() actions.Action {
	switch {
	case !m.isInbound():
		return actions.Group(actions.Replace(m.in(topic.Participant)), actions.Replace(m.out(topic.Participant)))
	case !m.open:
		return nil
	}
	return actions.Group(m.awaitClaim(), m.in(topic.Participant), m.out(topic.Participant))
}

// agree shows what has been agreed upon, if TLS is spoken. It changes m, which
// nobody else has seen yet.
func (m *manager) agree(o opened) actions.Action {
	if o.Session == (Session{}) {
		return nil
	}
	s := o.Session
	s.From, s.To = m.Remote, m.Local
	m.session = &s
	return m.agreement()
}

// agreement is the endpoint that publishes the session.
func (m *manager) agreement() actions.Action {
	return endpoint.Publisher(topic.Where(wholeSession.Is(*m.session))).As(sessionEnd)
}

// receivedLast passes on what the peer has sent, and then that this is the end.
func (m *manager) receivedLast(r lastReceived) step {
	return m.received(received{r.Bytes}).Then(func(m *manager) step {
		if r.Reason != nil {
			return m.fail(r.Reason)
		}
		return m.peerDone(peerEnded{})
	})
}

// watch has the connection watched, if there is a limit. It changes m, which
// nobody else has seen yet.
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

// idle is told that the connection has been idle for too long, or that the
// machine is stopping, of which it hears otherwise as well.
func (m *manager) idle(reason error) step {
	if errors.Is(reason, world.ErrStopped) {
		return actions.Next(m)
	}
	return m.fail(reason)
}

// wanted reports whether somebody takes part in what is left of the connection.
func (m *manager) wanted() bool { return m.published || m.subscribed && !m.peerEnded }

// isResting reports whether the alarm that is set waits for the machine to be at
// rest: no other is, once the flow from the peer or the connection has failed or
// ended.
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

// quitUnwanted closes the connection if nobody takes part in it. What was sent
// is written before that.
func (m *manager) quitUnwanted() actions.Action { return actions.When(!m.wanted(), actions.Quit()) }

// claim takes back the alarm.
func (m manager) claim() step {
	w := m.waiting
	m.waiting = nil
	return actions.Next(&m, actions.When(w != nil, actions.Close(w)))
}

// send has what users send written.
func (m *manager) send(d Data) step {
	switch {
	case !m.open || m.gone != nil:
		return actions.Next(m) // there is no connection, not yet or not any more
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

// alarm returns an alarm of the manager's own. It has a name that no other has.
func (m *manager) alarm(what string, after time.Duration) world.Device {
	return world.Alarm{Clock: m.clock, After: after, Label: "tcp " + what + " " + m.socket.DeviceName()}
}

// claimAlarm rings when a connection that has come in has waited for too long
// for somebody to take part in it.
func (m *manager) claimAlarm(s settings) world.Device { return m.alarm("claim", s.claim) }

// restAlarm rings when the machine is at rest.
func (m *manager) restAlarm() world.Device { return m.alarm("rest", 0) }

func (m *manager) awaitClaim() actions.Action {
	return endpoint.Device(m.waiting, endpoint.OnValueState((*manager).unclaimed))
}

func (m *manager) awaitRest() actions.Action {
	return endpoint.Device(m.waiting, endpoint.OnValueState((*manager).rested))
}

// unclaimed is told that nobody has taken part in the connection in time.
func (m *manager) unclaimed(world.AlarmRang) step { return m.fail(ErrUnclaimed) }

// rested is told that the machine has been at rest since the peer's end, or since
// the connection has failed.
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
		// The machine has been restarted, and the device could not be opened
		// again. It makes no difference to users whether it could.
		return m.fail(ErrInterrupted)
	}
	if !errors.Is(reason, world.ErrStopped) || !m.open {
		n := *m
		n.closed = true
		return n.vanish(reason)
	}
	// The machine is stopping. Nothing more comes, but a last word can be sent.
	n := *m
	n.peerEnded = true
	return actions.Next(&n, actions.When(!m.peerEnded, actions.Delete(inEnd).Because(reason)))
}

// fail ends the connection for a reason, and sees to it that users hear of it.
func (m *manager) fail(reason error) step {
	if m.open {
		return actions.Next(m, m.endsWith(reason))
	}
	return actions.Next(m, m.appear(), m.endsWith(reason))
}

func (m *manager) endsWith(reason error) actions.Action {
	return actions.Fail(blame(reason, m.Remote.String()))
}
