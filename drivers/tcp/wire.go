package tcp

import (
	"github.com/go-marketplace/marketplace/world"
)

// The types of values and commands. They are plain data, and registered under names
// that never change.

// bound is the opening value of a listener.
type bound struct{ Addr Addr }

// accepted is an incoming connection.
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

// received has bytes from the peer.
type received struct{ Bytes []byte }

// lastReceived has the last bytes from the peer.
type lastReceived struct {
	Bytes  []byte
	Reason *world.Error // why nothing more comes; nil if the peer has ended the flow
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
	Confirm bool // the manager wants to hear when it is done
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
	world.RegisterErrorKind("tcp.ErrDriver", ErrDriver)
	world.RegisterErrorKind("tcp.ErrIdle", ErrIdle)
	world.RegisterErrorKind("tcp.ErrSettings", ErrSettings)
	world.RegisterErrorKind("tcp.ErrHandshake", ErrHandshake)
	world.RegisterErrorKind("tcp.ErrCertificate", ErrCertificate)
	world.RegisterErrorKind("tcp.ErrLineTooLong", ErrLineTooLong)
	world.RegisterErrorKind("tcp.ErrControl", ErrControl)
}
