package tcp

import (
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/topic"
)

// Written confirms that the system has taken a [Data] that was sent on a flow to a
// peer. It does not say that the peer has got it. There is one for each Data that has
// Bytes, in their order, on flows for which a process has sent a [Confirm].
//
// It comes as feedback, to all publishers of the topic of [WrittenOn].
type Written struct {
	From, To Addr // of the flow
	Bytes    int  // how many bytes the Data had
}

var (
	writtenFrom = topic.FieldOf(func(w *Written) *Addr { return &w.From })
	writtenTo   = topic.FieldOf(func(w *Written) *Addr { return &w.To })
)

// WrittenOn is the topic of the confirmations of writes on a flow to a [Remote]. A
// process that wants them publishes it, beside the flow itself:
//
//	c.Publisher(),
//	endpoint.Publisher(c.Written(), endpoint.OnMessageState(sender.written)),
//	c.Confirm(),
//
// WrittenOn panics as [Confirm] does.
func WrittenOn(from, to Addr) topic.Pattern[Written] {
	mustSend("WrittenOn", from, to)
	return topic.Where(writtenFrom.Is(from), writtenTo.Is(to))
}

// Confirm asks for a [Written] for each [Data] that is sent on a flow to a peer from
// now on, until the connection ends. A writer that waits for these does not let the
// queue of the connection overflow: see [Window].
//
// The connection must exist. For one that this machine makes, send Confirm from the
// handler of its presence.
//
// Confirm panics if to is not a [Remote], or if from is neither a [Handle] nor a
// [Listener].
func Confirm(from, to Addr) actions.Action {
	mustSend("Confirm", from, to)
	return actions.Feedback(Control{From: to, To: from, Confirm: true})
}

func mustSend(function string, from, to Addr) {
	if !from.IsLocal() || to.Kind() != inet.KindRemote {
		panic(fmt.Sprintf("tcp: %s from %v to %v: it is for a flow from a Listener or a Handle to a Remote; to pace what a peer sends, use SetMode and Grant", function, from, to))
	}
}

// A Window keeps the bytes that a writer has sent and that are not confirmed yet
// within a limit. It is part of the state of a process:
//
//	func (s sender) send() actions.Transition[sender] {
//		n := min(s.window.Room(), len(s.rest))
//		piece := s.rest[:n]
//		s.rest, s.window = s.rest[n:], s.window.Sent(n)
//		return actions.Next(s, actions.When(n > 0, s.connection.Send(piece)))
//	}
//
//	func (s sender) written(w tcp.Written) actions.Transition[sender] {
//		s.window = s.window.Written(w)
//		return s.send()
//	}
type Window struct {
	Limit   int // in bytes
	Pending int // bytes that have been sent and are not confirmed yet
}

// Room returns how many bytes may be sent now.
func (w Window) Room() int { return max(0, w.Limit-w.Pending) }

// Sent returns the window after n bytes have been sent.
func (w Window) Sent(n int) Window {
	w.Pending += n
	return w
}

// Written returns the window after a confirmation. The driver confirms what any
// process has sent on the flow, so processes that share a flow share a window.
func (w Window) Written(c Written) Window {
	w.Pending = max(0, w.Pending-c.Bytes)
	return w
}

// wrote confirms a write.
func (m *manager) wrote(command any) step {
	w, ok := command.(write)
	return actions.Next(m, actions.When(ok, actions.Feedback(Written{From: m.Local, To: m.Remote, Bytes: len(w.Bytes)})))
}
