package tcp

import (
	"io"
	"slices"

	"github.com/go-marketplace/marketplace/drivers/internal/outlet"
	"github.com/go-marketplace/marketplace/world"
)

// StuckPrinter returns the device of a spy that prints to w, and a command for it.
func StuckPrinter(w io.Writer) (world.Device, []any) {
	return printer{"stuck", outlet.New(w)}, []any{piece{Data: Data{Bytes: []byte("hello")}}}
}

// StuckConn returns the device of a connection to a peer, and commands to write
// 100 MiB.
func StuckConn(n world.Network, peer Addr) (world.Device, []any) {
	s := Config{Network: n}.settings()
	d := dialedConn{network: s.network, limit: s.dial, tuning: s.tuning, remote: peer, local: Handle("stuck")}
	return d, slices.Repeat([]any{write{Bytes: make([]byte, 1<<20)}}, 100)
}
