package distributed

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
)

// sending is the endpoint that gets messages to places.
var sending actions.AddEndpoint

func init() { // it refers to the driver, which refers to it
	sending = endpoint.Subscriber(topic.All[outgoing]())
	sending.Handler = &actions.Handler{
		State:  reflect.TypeFor[driver](),
		Events: actions.EventsOf(actions.Delivery),
		Run: func(state any, ev *actions.Event) (any, actions.Action) {
			d, _ := state.(driver)
			m, _ := ev.Message.Ref().(*outgoing)
			if a := d.sendAtOnce(m); a != nil {
				return state, a
			}
			return d.send(*m).Erase()
		},
	}
}

// sendAtOnce returns the action that sends a message to a place, in the common case that
// this does not change the driver. Otherwise it returns nil.
func (d driver) sendAtOnce(m *outgoing) actions.Action {
	h := m.Place.home()
	l, ok := d.links.Get(h)
	if !ok || l.session == 0 || !l.used || m.Place.Epoch != 0 || d.opening > 0 {
		return nil
	}
	head, ok := l.sent.Head(m.Sender, wire.Encoded{Type: m.Type, Data: m.Data})
	if !ok {
		return nil
	}
	return actions.Tell(l.device, linkSend{l.session, head, m.Data})
}

// send handles a message to a place.
func (d driver) send(m outgoing) driverStep {
	h := m.Place.home()
	return d.change(h, func(l *link) actions.Action {
		l.used = true
		l.send(m, d.opening > 0)
		return actions.Group(d.tell(l, nil), d.hurry(l))
	})
}

// maxLetters is how many bytes of messages wait for a link.
const maxLetters = 64 << 10

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

// post sends the messages that have waited, if there is a session and they need not wait.
func (l *link) post(wait bool) {
	letters := l.letters
	l.letters, l.size = nil, 0
	for _, m := range letters {
		l.send(m, wait)
	}
}
