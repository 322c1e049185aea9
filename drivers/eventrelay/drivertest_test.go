package eventrelay_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/drivertest"
	"github.com/go-marketplace/marketplace/drivers/eventrelay"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/world"
)

// TestDrivertest: DR-01 to DR-05, DR-08: the driver, and relays at each level, keep
// the promises of drivers.
func TestDrivertest(t *testing.T) {
	drivertest.Test(t, func(testing.TB) drivertest.Driver {
		b := &bells{hung: map[*ringing]bool{}, stolen: map[int]bool{}}
		return drivertest.Driver{
			Boot: eventrelay.Driver(),
			Types: eventrelay.Types(func(name string) world.Device {
				number, _ := strconv.Atoi(strings.TrimPrefix(name, "bell "))
				return bell{number, b}
			}),
			Things: 2,
			Demand: func(i int) actions.Action { return endpoint.Subscriber(eventrelay.From(bell{i, b})) },
			Happen: func(i, n int) []any {
				b.ring(i, stroke{n})
				return []any{eventrelay.Event{Device: bell{i, b}, Value: stroke{n}}}
			},
			Fail: func(i int) (func(), error) {
				b.steal(i, true)
				return func() { b.steal(i, false) }, errStolen
			},
			Open:  b.Open,
			Relay: func(level int) actions.Action { return eventrelay.Relay(fmt.Sprint("level ", level)) },
		}
	})
}

// A bell is a device whose values are strokes.
type bell struct {
	number int
	bells  *bells
}

type (
	hung   struct{} // the opening value
	stroke struct{ Number int }
)

var errStolen = errors.New("somebody has taken the bell")

func init() {
	world.Register[hung]("eventrelay_test.hung")
	world.Register[stroke]("eventrelay_test.stroke")
	world.RegisterErrorKind("eventrelay_test.errStolen", errStolen)
}

// bells are all bells that there are.
type bells struct {
	drivertest.Tally
	mu     sync.Mutex
	hung   map[*ringing]bool
	stolen map[int]bool
}

func (b *bells) ring(i int, s stroke) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for r := range b.hung {
		if r.bell.number == i {
			r.strokes <- s
		}
	}
}

func (b *bells) steal(i int, stolen bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stolen[i] = stolen
}

func (b bell) DeviceName() string { return fmt.Sprint("bell ", b.number) }

// String makes traces say which bell it is, and not its address in memory.
func (b bell) String() string { return b.DeviceName() }

func (b bell) Open(context.Context, world.Env) (world.Handle, error) {
	b.bells.mu.Lock()
	defer b.bells.mu.Unlock()
	if b.bells.stolen[b.number] {
		return nil, errStolen
	}
	r := &ringing{bell: b, strokes: make(chan stroke, 100), closed: make(chan struct{}), tallied: b.bells.Opened(b.DeviceName())}
	b.bells.hung[r] = true
	return r, nil
}

type ringing struct {
	bell    bell
	told    bool
	strokes chan stroke
	once    sync.Once
	closed  chan struct{}
	tallied func()
}

func (r *ringing) Recv() (any, error) {
	if !r.told {
		r.told = true
		return hung{}, nil
	}
	select {
	case s := <-r.strokes:
		return s, nil
	case <-r.closed:
		return nil, io.EOF
	}
}

func (r *ringing) Try(commands []any) (int, error) { return len(commands), nil }
func (r *ringing) Do(any) error                    { return nil }

func (r *ringing) Close() error {
	r.once.Do(func() {
		close(r.closed)
		r.tallied()
		r.bell.bells.mu.Lock()
		defer r.bell.bells.mu.Unlock()
		delete(r.bell.bells.hung, r)
	})
	return nil
}
