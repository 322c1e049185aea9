package rpc

import (
	"github.com/go-marketplace/marketplace/world"
)

// A Caller identifies a process that calls. No other caller has the same, at any time.
type Caller struct {
	Via Via
	N   uint64 // the PID, in the machine of the caller, of a process that has ended
}

// A Via says by which border a call comes from another machine, so that callers of
// different machines are told apart. It is 0 for callers of the machine itself. Package
// rpc never sets it: code that carries a [Request] into a machine sets it to a number that
// is unique in that machine and never used again, if it is 0. That code takes it out of
// each [Reply] and [Stray] that goes back, and it does both in the topics of endpoints, too.
type Via uint64

// A Request is a message that asks for an operation. [Call] sends it, and a server
// subscribes to it: a tool or a test can see and send requests, too.
type Request[A any] struct {
	Op     string // the name of the operation
	Server string // the member of the queue group that is meant: see [Member]; "" for servers that are no members
	From   Caller
	N      uint64 // the number of the call among those of the caller
	Args   A
}

// A Reply is a message that answers a [Request].
type Reply[R any] struct {
	Op     string
	To     Caller
	N      uint64 // the number of the Request
	Result R
	Err    *world.Error // nil if the call has succeeded
}

// A Notice is the message of a [Cast].
type Notice[A any] struct {
	Op   string
	Args A
}

// A Stray is a message that says that a reply has reached a caller that does not wait
// for it: it is a second reply, or it came after the deadline of the call. Nobody needs
// to subscribe to it. If nobody does, the log has a warning.
type Stray struct {
	Op string
	To Caller
	N  uint64
}

func init() {
	world.Register[Caller]("rpc.Caller")
	world.Register[Via]("rpc.Via")
	world.Register[Stray]("rpc.Stray")
}
