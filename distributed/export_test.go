package distributed

import (
	"context"
	"net"
)

// The form of frames on a connection.
var (
	ReadFrame   = readFrame
	AppendFrame = appendFrame
)

// Portable makes links write in the way of systems that cannot write without waiting.
func Portable(n *TLSNetwork) *TLSNetwork {
	n.portable = true
	return n
}

// WrapListener has the listeners of n go through wrap.
func WrapListener(n *TLSNetwork, wrap func(net.Listener) net.Listener) {
	next := n.listenOn
	n.listenOn = func(ctx context.Context, at string) (net.Listener, error) {
		l, err := next(ctx, at)
		if err != nil {
			return nil, err
		}
		return wrap(l), nil
	}
}
