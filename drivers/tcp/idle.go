package tcp

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-marketplace/marketplace/world"
)

// idle notices when no byte has come or gone on a connection for too long. It is the
// handle of an idleWatch. The nil idle notices nothing.
//
// It has one timer. When the timer rings, look sets it again if a byte has come or
// gone meanwhile. To note that only reads the clock.
type idle struct {
	clock world.Clock
	limit time.Duration
	began time.Time
	last  atomic.Int64 // when a byte has come or gone last, since began
	told  bool         // Recv has returned the opening value

	mu     sync.Mutex
	timer  world.Stopper
	over   chan struct{} // closed when the connection has been idle for too long
	closed chan struct{}
	once   sync.Once
}

// newIdle returns nil if there is no limit.
func newIdle(t tuning) *idle {
	if t.idle == 0 {
		return nil
	}
	i := &idle{clock: t.clock, limit: t.idle, began: t.clock.Now(), over: make(chan struct{}), closed: make(chan struct{})}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.timer = i.clock.AfterFunc(i.limit, i.look)
	return i
}

// touch notes that bytes have come or gone.
func (i *idle) touch() {
	if i != nil {
		i.last.Store(int64(i.clock.Now().Sub(i.began)))
	}
}

// look checks whether the limit is over, and sets the timer again if not.
func (i *idle) look() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.isClosed() {
		return
	}
	left := i.limit - i.clock.Now().Sub(i.began) + time.Duration(i.last.Load())
	if left <= 0 {
		close(i.over)
		return
	}
	i.timer = i.clock.AfterFunc(left, i.look)
}

func (i *idle) isClosed() bool {
	select {
	case <-i.closed:
		return true
	default:
		return false
	}
}

// Close implements [world.Handle].
func (i *idle) Close() error {
	if i == nil {
		return nil
	}
	i.once.Do(func() {
		i.mu.Lock()
		defer i.mu.Unlock()
		close(i.closed)
		i.timer.Stop()
	})
	return nil
}

// Recv implements [world.Handle].
func (i *idle) Recv() (any, error) {
	if !i.told {
		i.told = true
		return watching{}, nil
	}
	select {
	case <-i.closed:
		return nil, world.ErrClosed
	case <-i.over:
		return nil, fmt.Errorf("%w: %v", ErrIdle, i.limit)
	}
}

// Try implements [world.Handle].
func (i *idle) Try(commands []any) (int, error) {
	if len(commands) == 0 {
		return 0, nil
	}
	return 0, errCommand
}

// Do implements [world.Handle].
func (i *idle) Do(any) error { return errCommand }

// An idleWatch is the device that ends when a connection has been idle for too long.
// The device of the connection cannot do that, because it reports nothing while it is
// paused.
type idleWatch struct{ of world.Ref }

// watching is the opening value of an idleWatch.
type watching struct{}

// DeviceName implements [world.Device].
func (w idleWatch) DeviceName() string {
	return "tcp.idleWatch(#" + strconv.FormatUint(w.of.Generation, 10) + "." + strconv.FormatUint(w.of.Number, 10) + " of " + w.of.Device + ")"
}

// Open implements [world.Device].
func (w idleWatch) Open(_ context.Context, env world.Env) (world.Handle, error) {
	thing, err := env.Take(w.of)
	if err != nil {
		return nil, lost(err)
	}
	i, ok := thing.(*idle)
	if !ok {
		return nil, fmt.Errorf("tcp: %v is a %T, and not a connection to be watched", w.of, thing)
	}
	return i, nil
}

// progressLimit is how many bytes writeAll writes at once, so that it notes progress.
const progressLimit = 1 << 10

// writeAll writes b, and notes progress in i.
func writeAll(c net.Conn, b []byte, i *idle) (n int, err error) {
	if i == nil {
		return c.Write(b)
	}
	for n < len(b) && err == nil {
		var m int
		m, err = c.Write(b[n:min(n+progressLimit, len(b))])
		n += m
		if m > 0 {
			i.touch()
		}
	}
	return n, err
}
