package udp

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/go-marketplace/marketplace/world"
)

// answer is the handle of a name. It has one value, the addresses, and ends when these
// are too old.
type answer struct {
	found  found
	told   bool
	old    *time.Timer
	closed chan struct{}
	once   sync.Once
}

func newAnswer(f found, life time.Duration) *answer {
	return &answer{found: f, old: time.NewTimer(life), closed: make(chan struct{})}
}

// Recv implements [world.Handle].
func (a *answer) Recv() (any, error) {
	if !a.told {
		a.told = true
		return a.found, nil
	}
	select {
	case <-a.old.C:
		return nil, io.EOF
	case <-a.closed:
		return nil, world.ErrClosed
	}
}

var errCommand = errors.New("udp: the device takes no such command")

// Try implements [world.Handle]. A name takes no commands.
func (a *answer) Try(commands []any) (int, error) {
	if len(commands) == 0 {
		return 0, nil
	}
	return 0, errCommand
}

// Do implements [world.Handle].
func (a *answer) Do(any) error { return errCommand }

// Close implements [world.Handle].
func (a *answer) Close() error {
	a.once.Do(func() {
		a.old.Stop()
		close(a.closed)
	})
	return nil
}
