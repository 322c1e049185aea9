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
type opened struct{ Local, Remote Addr }

// received is what has come from the peer.
type received struct{ Bytes []byte }

// peerEnded says that nothing more comes from the peer.
type peerEnded struct{}

// write is a command: write the bytes.
type write struct{ Bytes []byte }

// Size implements [world.Sizer].
func (w write) Size() int { return len(w.Bytes) }

// endWriting is a command: tell the peer that nothing more comes.
type endWriting struct{}

func init() {
	world.Register[Data]("tcp.Data")
	world.Register[Listening]("tcp.Listening")
	world.Register[bound]("tcp.bound")
	world.Register[accepted]("tcp.accepted")
	world.Register[opened]("tcp.opened")
	world.Register[received]("tcp.received")
	world.Register[peerEnded]("tcp.peerEnded")
	world.Register[write]("tcp.write")
	world.Register[endWriting]("tcp.endWriting")
	world.RegisterErrorKind("tcp.ErrUnclaimed", ErrUnclaimed)
	world.RegisterErrorKind("tcp.ErrInterrupted", ErrInterrupted)
}
