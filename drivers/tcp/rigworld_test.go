package tcp

import (
	"context"
	"errors"
	"net"

	"github.com/go-marketplace/marketplace/world"
)

// network is a network that no test uses.
type network struct{}

var errNotOpened = errors.New("a rig opens nothing")

func (network) NetworkName() string { return "nowhere" }

func (network) Listen(context.Context, string, string) (net.Listener, error) {
	return nil, errNotOpened
}

func (network) Dial(context.Context, string, string) (net.Conn, error) { return nil, errNotOpened }

func (h hands) Open(context.Context, world.Env) (world.Handle, error) { return nil, errNotOpened }
