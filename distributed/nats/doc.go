// Package nats is a [distributed.Network] for many nodes, on NATS: a node connects to one server,
// finds all others through it, and needs no list of addresses.
//
// Without any configuration but a name, the server is in the process of the node. It starts in a
// few milliseconds, has no file, and listens only if Listen says where:
//
//	hub, err := nats.Open(ctx, nats.Config{Node: "berlin", Listen: "127.0.0.1:7200"})
//	if err != nil {
//		return err
//	}
//	defer hub.Close()
//	cluster := distributed.Config{Network: hub}
//	return ground.Run(ctx, cluster.Serve("room"), …)
//
// The servers of other nodes connect to it as its leaves. Each leaf makes one connection, to the
// outside, and reaches all other nodes through it:
//
//	leaf, err := nats.Open(ctx, nats.Config{Node: "paris", LeafOf: "tls://127.0.0.1:7200"})
//
// On an existing cluster, a node is a client, and has no server of its own:
//
//	node, err := nats.Open(ctx, nats.Config{Node: "paris", URL: "tls://nats.example.org:4222"})
//
// The rest of a program is the same with these three and with [distributed.TLS]. [Flags] has
// them as flags.
//
// # Who is who
//
// Nodes prove who they are as on direct links: by the realm key, in a file. Each node derives
// from it an operator and an account of NATS, and signs credentials for itself. A server that a
// node has accepts the nodes of its realm only, with TLS 1.3 on all its ports.
//
// A node that is started by another one needs no realm key. [Network.Member] returns what it needs
// as plain data: where to connect, and credentials that are good for that one name. A cluster of
// your own accepts the nodes of a realm with the configuration that [ServerConfig] returns, or
// users that you add, with the subjects that [Permissions] returns.
//
// Every message of a link has the sender in its subject, and the servers let nobody but the
// sender publish there. So the name that [distributed.Link] returns as its peer is that of the
// credentials. On a server without authentication, a node can claim any name.
//
// # What NATS does not do
//
// NATS loses messages without an error: those for slow subscribers, those for subscriptions that
// a server does not know yet, and all while a connection is made again. This package makes a link
// only when an answer has shown that both directions work. From then on, the session above it
// counts frames and listens for signs of life, and ends when something is missing:
// [distributed.ErrGap], [distributed.ErrLease]. When the connection to the server ends, all links
// end at once: [distributed.ErrCut]. Presence never depends on which subscriptions NATS knows.
//
// NATS has no back-pressure for a single subscriber either. The window of the session takes its
// place ([distributed.Config].Window), and [Config].Buffer bounds what may wait in any case.
package nats
