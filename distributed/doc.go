// Package distributed lets processes take part in the dataspaces of other machines.
//
// A machine becomes a place when it performs [Config.Serve]:
//
//	cluster := distributed.Config{Network: network}
//	ground.Run(ctx, cluster.Serve("room"), …)
//
// A machine elsewhere has a driver. Its processes open endpoints at the place, and send
// there:
//
//	var room = distributed.Place{Node: "berlin", Name: "room"}
//
//	ground.Run(ctx, cluster.Driver(), …)
//
//	room.At(endpoint.Subscriber(topic.All[Says](),
//		endpoint.OnMessage(session.heard),
//		endpoint.OnPresence(session.came),
//		endpoint.OnAbsence(session.left),
//	))
//	distributed.Send(room, Says{"tony", "hello"})
//
// [Place.At] maps an endpoint to another, which is an ordinary endpoint here: it can be
// named, deleted and opened at a meta-level. It hears what an endpoint with that role hears
// at the place. The zero [Place] is here, so one program runs in one machine, nested, and
// on several nodes: only the value of a Place differs. A place of the own node can be named
// in full as well.
//
// # What a link promises
//
// There is one link between a driver and a place, while somebody needs it. Messages on it
// arrive at most once, and in order. When it is lost, all peers at the place are absent,
// with a reason, and so is [Up], the presence of the place itself; on the other side, all
// endpoints of the machine are absent. When there is a link again, everything is announced
// anew. So a program needs no code for lost links but that for absence.
//
// The reasons are errors that [errors.Is] recognises on both sides: [ErrLeft] if the other
// side has stopped, [ErrCut] if the connection has ended, [ErrLease] if nothing was heard for
// a lease, and so on. Most of the others are an [ErrLost]. After all but ErrLeft, what was
// sent last may have arrived or not.
//
// Package outbox, below this one, delivers messages exactly once, between machines with
// journals.
//
// A side may send as much as the other side allows ([Config.Window]); more waits, and a side
// that does not keep up is given up with [world.ErrSlowConsumer].
//
// # What is sent
//
// Types of messages, and of the values that roles pin, are registered under a name in both
// programs: see [world.Register]. A type has a fingerprint, so that another version of it is
// refused by name. PIDs, pointers that are pinned and types without names are refused where
// they are sent: the process that sends them fails, and its reason says what it was. Instead
// of a PID, send a [Handle], which works wherever it arrives.
//
// # Networks
//
// A [Network] is how nodes reach each other: [TLS] makes direct connections between nodes
// whose addresses are known, and [Memory] connects nodes within a program, for tests. All
// that comes from a link is an input of the machine as anything else, so journals of both
// sides are replayed without a network.
//
// The guide docs/distribution.md begins with a program for two terminals, and says what each
// reason means.
package distributed
