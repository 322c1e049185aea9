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

	open       bool       // users see the connection
	subscribed bool       // somebody wants what the peer sends
	published  bool       // somebody has something to send
	heard      []received // what has come while nobody was subscribed; nil Bytes are the end
	peerEnded  bool       // nothing more comes from the peer
	ended      bool       // nothing more comes from the users
}

type step = actions.Transition[*manager]

// The names of the endpoints of a manager.
const (
	inEnd  = "in"  // publishes what the peer sends
	outEnd = "out" // subscribes to what users send
)

// inbound is the manager of a connection that has come in.
func inbound(s settings, c carried, conn world.Ref) actions.Process {
	m := &manager{
		carried: c,
		clock:   s.clock,
		socket:  acceptedConn{tuning: s.tuning, conn: conn},
		open:    true,
	}
	claim := m.alarm("claim", s.claim)
	m.waiting = claim
	return actions.Next(m,
		m.hold(),
		endpoint.Device(claim, endpoint.OnValueState((*manager).unclaimed)),
		m.in(topic.Participant),
		m.out(topic.Participant),
		m.presence(),
	)
}

// outbound is the manager of a connection that is to be made. Users see it when
// it has been made; until then it watches, unseen, whether it is wanted.
func outbound(s settings, c carried) actions.Process {
	m := &manager{
		carried: c,
		clock:   s.clock,
		socket:  dialedConn{network: s.network, limit: s.dial, tuning: s.tuning, remote: c.Remote, local: c.Local},
	}
	return actions.Next(m,
		m.hold(),
		m.in(topic.Observer),
		m.out(topic.Observer),
		m.presence(),
	)
}

// What a manager hears is the same for all connections, so it is made once.
var (
	socketEvents = endpoint.Device(acceptedConn{},
		endpoint.OnValueState((*manager).connected),
		endpoint.OnValueState((*manager).received),
		endpoint.OnValueState((*manager).peerDone),
		endpoint.OnRefusedState((*manager).refused),
		endpoint.OnEndedState((*manager).failed),
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
)

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
	return actions.AddEndpoint{ID: outEnd, Role: r, Handler: outEvents}
}

// presence shows the driver that there is a manager.
func (m *manager) presence() actions.Action {
	return endpoint.Publisher(topic.Where(carriedRemote.Is(m.Remote), carriedLocal.Is(m.Local)))
}

// connected is told that the socket is open.
func (m *manager) connected(opened) step {
	switch n := *m; {
	case m.Local.Kind() == inet.KindListener:
		return actions.Next(m) // users have seen it from the beginning
	case m.open:
		// The machine has been restarted, and the device has been opened
		// again: this is another connection, but users take it for the old one.
		return m.fail(ErrInterrupted)
	case !m.wanted():
		return actions.Next(m, actions.Quit()) // who wanted it went before we could watch
	default:
		n.open = true
		return actions.Next(&n, n.appear())
	}
}

// appear makes the connection visible.
func (m *manager) appear() actions.Action {
	return actions.Group(actions.Replace(m.in(topic.Participant)), actions.Replace(m.out(topic.Participant)))
}

// wanted reports whether somebody takes part in what is left of the connection.
func (m *manager) wanted() bool { return m.published || m.subscribed && !m.peerEnded }

// subscribe lets what the peer sends come, beginning with what has come already.
func (m *manager) subscribe(Data) step {
	n := *m
	n.subscribed, n.heard = true, nil
	t := n.claim().And(actions.Resume(m.socket))
	for _, r := range m.heard {
		if r.Bytes == nil {
			return t.Then(func(m *manager) step { return m.peerDone(peerEnded{}) })
		}
		t = t.And(n.deliver(r))
	}
	return t
}

// unsubscribe has what the peer sends wait in the socket.
func (m *manager) unsubscribe(Data) step {
	n := *m
	n.subscribed = false
	if !n.wanted() {
		return actions.Next(&n, actions.Quit())
	}
	return actions.Next(&n, actions.Pause(m.socket))
}

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

// received passes on what the peer has sent.
func (m *manager) received(r received) step {
	if m.subscribed {
		return actions.Next(m, m.deliver(r))
	}
	return m.keep(r)
}

func (m *manager) deliver(r received) actions.Action {
	return actions.Send(Data{From: m.Remote, To: m.Local, Bytes: r.Bytes})
}

// keep keeps what has come although nobody is subscribed, which is what was
// under way when the last subscriber left.
func (m *manager) keep(r received) step {
	n := *m
	n.heard = append(m.heard[:len(m.heard):len(m.heard)], r)
	return actions.Next(&n)
}

// peerDone ends the flow from the peer.
func (m *manager) peerDone(peerEnded) step {
	if !m.subscribed {
		return m.keep(received{})
	}
	n := *m
	n.peerEnded = true
	t := actions.Next(&n,
		actions.Send(Data{From: m.Remote, To: m.Local, EOF: true}),
		actions.Delete(inEnd),
		actions.When(m.ended, actions.Quit()),
	)
	if m.ended || m.published {
		return t
	}
	// Nobody has anything to send, but somebody may begin to, because of the
	// end. Let the machine come to rest, and see.
	rest := m.alarm("rest", 0)
	n.waiting = rest
	return t.And(endpoint.Device(rest, endpoint.OnValueState((*manager).rested)))
}

// rested is told that the machine has been at rest since the peer's end.
func (m *manager) rested(world.AlarmRang) step {
	return actions.Next(m, m.quitUnwanted())
}

// send has what users send written.
func (m *manager) send(d Data) step {
	switch {
	case !m.open:
		return actions.Next(m) // there is no connection yet
	case d.EOF && !m.ended:
		n := *m
		n.ended = true
		return actions.Next(&n,
			actions.When(len(d.Bytes) > 0, actions.Tell(m.socket, write{d.Bytes})),
			actions.Tell(m.socket, endWriting{}),
			actions.When(m.peerEnded, actions.Quit()),
		)
	case len(d.Bytes) == 0:
		return actions.Next(m)
	}
	return actions.Next(m, actions.Tell(m.socket, write{d.Bytes}))
}

// alarm returns an alarm of the manager's own. It has a name that no other has.
func (m *manager) alarm(what string, after time.Duration) world.Device {
	return world.Alarm{Clock: m.clock, After: after, Label: "tcp " + what + " " + m.socket.DeviceName()}
}

// unclaimed is told that nobody has taken part in the connection in time.
func (m *manager) unclaimed(world.AlarmRang) step { return m.fail(ErrUnclaimed) }

// refused is told that something could not be written.
func (m *manager) refused(_ any, reason error) step { return m.fail(reason) }

// failed is told that the connection has failed, or could not be made.
func (m *manager) failed(reason error) step {
	if !errors.Is(reason, world.ErrStopped) || !m.open {
		return m.fail(reason)
	}
	// The machine is stopping. Nothing more comes, but a last word can be sent.
	n := *m
	n.peerEnded = true
	return actions.Next(&n, actions.When(!m.peerEnded, actions.Delete(inEnd).Because(reason)))
}

// fail ends the connection for a reason, and sees to it that users hear of it.
func (m *manager) fail(reason error) step {
	end := actions.Fail(blame(reason, m.Remote.String()))
	if m.open {
		return actions.Next(m, end)
	}
	return actions.Next(m, m.appear(), end)
}
