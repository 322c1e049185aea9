package distributed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/go-marketplace/marketplace/world"
)

// A watchDevice tells on which other nodes a place with a name may be.
type watchDevice struct {
	config Config
	name   string
}

// watchNodes is the value of a watchDevice: all nodes, in order.
type watchNodes struct{ Nodes []string }

func init() { world.Register[watchNodes]("distributed.watchNodes") }

// DeviceName implements [world.Device].
func (d watchDevice) DeviceName() string {
	return fmt.Sprintf("distributed.watch(%s, %q)", d.config.name(), d.name)
}

// Open implements [world.Device].
func (d watchDevice) Open(ctx context.Context, _ world.Env) (world.Handle, error) {
	w, err := d.config.Network.Watch(ctx, d.name)
	if err != nil {
		return nil, err
	}
	return &watchHandle{w}, nil
}

type watchHandle struct{ Watch }

// Recv implements [world.Handle].
func (h *watchHandle) Recv() (any, error) {
	nodes, err := h.Next()
	if errors.Is(err, net.ErrClosed) {
		err = io.EOF
	}
	return watchNodes{nodes}, err
}

// Try implements [world.Handle].
func (h *watchHandle) Try(commands []any) (int, error) {
	if len(commands) == 0 {
		return 0, nil
	}
	return 0, h.Do(commands[0])
}

// Do implements [world.Handle].
func (h *watchHandle) Do(command any) error {
	return fmt.Errorf("distributed: a watch takes no commands, but was told %T", command)
}
