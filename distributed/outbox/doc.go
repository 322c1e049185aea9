// Package outbox delivers messages exactly once, from one machine with a journal to another.
//
// A message to a place ([distributed.Send]) arrives at most once: when a link is lost, what
// was sent last may have arrived or not. An outbox keeps each message until the other side
// has acknowledged it, and sends it again after each loss. The other side drops what it
// already has. So a crash of either machine, or of both, neither loses nor repeats it.
//
// A [Box] names what one machine delivers to another: the place, and a name there. On the
// side of the sender, the machine has a process for the box, and others hand messages over
// by a call:
//
//	var orders = outbox.Box{Place: distributed.Place{Node: "berlin", Name: "shop"}, Name: "orders"}
//
//	ground.Run(ctx, cluster.Driver(), outbox.Sender(orders), …)
//
//	rpc.Call(outbox.Deliver, outbox.Message{To: orders, Body: Order{7}},
//		func(id outbox.ID, err error) actions.Action { … })
//
// On the side of the receiver, the place has a process for the name, and others subscribe to
// what arrives:
//
//	ground.Run(ctx, cluster.Serve("shop"), outbox.Receiver("orders"), …)
//
//	endpoint.Subscriber(outbox.From("orders"), endpoint.OnMessageState(shop.ordered))
//
//	func (s shop) ordered(d outbox.Delivery) actions.Transition[shop] { … d.Body.(Order) … }
//
// With the zero Place, both sides are in one machine.
//
// # What is promised
//
// The call ends without an error when the message is in the journal of the receiver, and was
// passed on to those who subscribed to [From] at that time. Until then the message waits, for
// as long as it takes: through lost links, and crashes of both machines. The messages of one
// sender are passed on in the order in which they were handed over, each once.
//
// This holds if both machines have journals that sync ([journal.Sync]). Such a machine tells
// the outside nothing before the inputs that led to it are on disk. So a message that is sent
// is in the journal of the sender, with its number, and an acknowledgement that arrives is for
// a message that is in the journal of the receiver.
//
// While nobody subscribes to From, the receiver takes nothing, and the messages wait at the
// sender.
//
// # What a caller hears
//
// Each call ends with one of these:
//
//   - nil: delivered.
//   - [ErrFull]: not taken. So many messages wait already ([Config]). Its text has the reason
//     why they wait, if the receiver is not within reach.
//   - [distributed.ErrUnsendable], [distributed.ErrTooLarge]: not taken. It cannot be sent.
//   - [distributed.ErrUnknownType], [distributed.ErrSchema]: not delivered. The program of the
//     receiver does not know the type, or has another version. The messages behind it go on.
//   - [ErrForgotten]: perhaps delivered. The receiver does not know the sender any more: it
//     was started anew, without a journal or after a failure of its process, or has forgotten
//     a sender that was away for long. Only messages that were sent, and not acknowledged,
//     end so; all others go to the new life of the receiver.
//   - [rpc.ErrNobody]: not taken. The machine has no sender for the box.
//   - [rpc.ErrGone], [context.DeadlineExceeded]: perhaps delivered, now or later.
//
// A caller that ends does not hear the result; its message is delivered nevertheless. Code
// that is no process calls through a door, with a key: see package door. So a request that
// it repeats after a crash is one message.
//
// [Inspect] says how many messages wait, and why.
//
// # Without a journal
//
// A machine without a journal, or one whose journal was deleted, begins a new life after a
// crash. It draws a new number, so it is not mistaken for the old one. A sender then begins
// with no messages; those of its earlier life that were not sent are lost with it. To the
// senders, a receiver in a new life is one that has forgotten them. So there is no repetition
// in any case, and each loss is the loss of a machine, or an error that says so.
//
// # Memory
//
// A sender keeps at most [Config.Messages] messages of [Config.Bytes] bytes. Of these, up to
// [Config.Window] messages of 64 KiB together are under way. All senders of a machine to one
// place share its link, whose queue has room for 16 such windows of large messages: see
// ground.Ground.DeviceQueue.
//
// A receiver keeps a number for each of [Config.Senders] lives of senders, and the refusals
// that these have not taken note of, at most 256 each. If it needs room, it forgets the sender
// that was silent for longest, of those that are away if there are any.
package outbox
