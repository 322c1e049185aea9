// Package simnet is a network in memory, for tests of programs that speak TCP or
// UDP. A [Network] implements [world.Network] and [world.PacketNetwork], and so
// takes the place of [world.SystemNetwork] and [world.SystemPacketNetwork].
//
// A driver takes its network as a parameter. A test makes a Network, passes it to
// the driver, and plays the peers on it:
//
//	network := simnet.New("test")
//	network.AddHost("example.test", "192.0.2.7")
//	driver := tcp.DriverOn(network) // of the program under test
//	...
//	conn, err := network.Dial(ctx, "tcp", "example.test:80") // a client
//
// Such a test differs from one on the loopback interface of the system:
//
//   - It needs no free ports and no privileges. Each Network has all addresses,
//     host names and ports to itself.
//   - It sees the same ports and addresses in every run.
//   - It can run in a bubble of testing/synctest, where a timeout of an hour
//     passes at once, and synctest.Wait returns when the program has nothing left
//     to do.
//   - It can produce what is rare: a peer that does not read
//     ([Network.SendBuffer]), a server that does not accept ([Network.Backlog]),
//     a reset ([Conn.Reset]), and datagrams that are lost, repeated or late
//     ([Network.PacketFate], [PacketFaults]).
//
// # What is simulated
//
// A Network is one host that talks to itself. Every IP address is an address of
// that host, without being configured. A listener or socket without a host, or
// with an unspecified one such as 0.0.0.0, covers all addresses of its families.
// A connection, and a datagram from a socket that covers all addresses, has as
// its source address the address that it goes to.
//
// Connections and sockets behave and fail as those of package net on Linux do:
// half-close, resets, deadlines, [*net.OpError], ECONNREFUSED, EADDRINUSE and so
// on. The same tests run on a Network and on the loopback interface.
//
// Data takes no time: what is written can be read at once. There is no bandwidth,
// no routing, no interfaces, and there are no service names such as "http".
package simnet
