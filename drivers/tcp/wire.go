package tcp

import (
	"github.com/go-marketplace/marketplace/world"
)

// What follows crosses the border between a machine and the world, and so is
// plain data under a name that never changes.

// bound is the opening value of a listener.
type bound struct{ Addr Addr }

// accepted tells of a connection that has come in.
type accepted struct {
	Conn   world.Ref
	Remote Addr
}

// opened is the opening value of a connection.
type opened struct {
	Local, Remote Addr
	Session       Session   // without its addresses; zero without TLS
	Idle          world.Ref // of what notices that the connection is idle; zero without a limit
}

// received is what has come from the peer.
type received struct{ Bytes []byte }

// lastReceived is what has come from the peer, after which nothing more comes.
type lastReceived struct {
	Bytes  []byte
	Reason *world.Error // why not; nil if the peer has said that this is the end
}

// peerEnded says that nothing more comes from the peer.
type peerEnded struct{}

// Size implements [world.Sizer].
func (r received) Size() int { return len(r.Bytes) }

// Size implements [world.Sizer].
func (r lastReceived) Size() int { return len(r.Bytes) }

// write is a command: write the bytes.
type write struct {
	Bytes   []byte
	Confirm bool // the manager wants to hear that it is done
}

// Reports implements [world.Reporter].
func (w write) Reports() bool { return w.Confirm }

// Size implements [world.Sizer].
func (w write) Size() int { return len(w.Bytes) }

// endWriting is a command: tell the peer that nothing more comes.
type endWriting struct{}

func init() {
	world.Register[Data]("tcp.Data")
	world.Register[Listening]("tcp.Listening")
	world.Register[Control]("tcp.Control")
	world.Register[Written]("tcp.Written")
	world.Register[Session]("tcp.Session")
	world.Register[bound]("tcp.bound")
	world.Register[accepted]("tcp.accepted")
	world.Register[opened]("tcp.opened")
	world.Register[received]("tcp.received")
	world.Register[lastReceived]("tcp.lastReceived")
	world.Register[peerEnded]("tcp.peerEnded")
	world.Register[write]("tcp.write")
	world.Register[endWriting]("tcp.endWriting")
	world.Register[watching]("tcp.watching")
	world.Register[piece]("tcp.piece")
	world.Register[printing]("tcp.printing")
	world.RegisterErrorKind("tcp.ErrUnclaimed", ErrUnclaimed)
	world.RegisterErrorKind("tcp.ErrInterrupted", ErrInterrupted)
	world.RegisterErrorKind("tcp.ErrIdle", ErrIdle)
	world.RegisterErrorKind("tcp.ErrSettings", ErrSettings)
	world.RegisterErrorKind("tcp.ErrHandshake", ErrHandshake)
	world.RegisterErrorKind("tcp.ErrCertificate", ErrCertificate)
	world.RegisterErrorKind("tcp.ErrLineTooLong", ErrLineTooLong)
	world.RegisterErrorKind("tcp.ErrControl", ErrControl)
}
