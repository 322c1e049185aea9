package world

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"
)

// An Alarm is a device that rings once. Its opening value is an [AlarmSet]; when
// the time has passed an [AlarmRang] follows, and then it ends of its own
// accord. It takes no commands; closing it stops it.
//
// The time counts from the opening, so an alarm that is opened again after a
// restart starts anew.
type Alarm struct {
	// Clock is the clock that measures the time. Without one the alarm does
	// not open.
	Clock Clock

	// After is how long after the opening it rings. If it is zero or negative,
	// it rings as soon as the machine has nothing else to do: see [Resting].
	After time.Duration

	// Label tells apart alarms that are otherwise equal, because a process can
	// hold only one of several equal devices.
	Label string
}

// AlarmSet is the opening value of an [Alarm].
type AlarmSet struct {
	Now time.Time // the time at which it was opened, in UTC
}

// AlarmRang says that the time of an [Alarm] has passed.
type AlarmRang struct {
	Now time.Time // the time at which it rang, in UTC
}

// Urgent implements [Urgent].
func (AlarmSet) Urgent() {}

// Urgent implements [Urgent].
func (AlarmRang) Urgent() {}

// DeviceName returns a name made of the three fields.
func (a Alarm) DeviceName() string {
	// A nil clock has a name that no quoted one can be.
	clock := "nil"
	if a.Clock != nil {
		clock = strconv.Quote(a.Clock.ClockName())
	}
	return "world.Alarm(" + clock + ", " + strconv.FormatInt(int64(a.After), 10) + "ns, " + strconv.Quote(a.Label) + ")"
}

// WaitsForRest implements [Resting]. It reports whether After is zero or negative.
func (a Alarm) WaitsForRest() bool { return a.After <= 0 }

// Open sets the alarm.
func (a Alarm) Open(context.Context, Env) (Handle, error) {
	if a.Clock == nil {
		return nil, errors.New("world: cannot open an Alarm without a Clock; set its Clock field, to SystemClock() for the real time")
	}
	now := plainTime(a.Clock)
	h := &openAlarm{
		values: make(chan any, 2), // never more than two values, so sending never blocks
		closed: make(chan struct{}),
	}
	h.values <- AlarmSet{Now: now}
	if a.After <= 0 {
		h.values <- AlarmRang{Now: now}
		close(h.values)
		h.timer = stopped{}
		return h, nil
	}
	h.timer = a.Clock.AfterFunc(a.After, func() {
		h.values <- AlarmRang{Now: plainTime(a.Clock)}
		close(h.values)
	})
	return h, nil
}

// plainTime returns the time of a clock in the form that a journal restores:
// without the monotonic reading and the pointer to a place on earth.
func plainTime(c Clock) time.Time { return c.Now().Round(0).UTC() }

// openAlarm is the handle of an Alarm.
type openAlarm struct {
	values chan any
	timer  Stopper
	closed chan struct{}
	once   sync.Once
}

func (h *openAlarm) Recv() (any, error) {
	select { // closed first: select below picks either
	case <-h.closed:
		return nil, ErrClosed
	default:
	}
	select {
	case <-h.closed:
		return nil, ErrClosed
	case v, ok := <-h.values:
		if !ok {
			return nil, io.EOF
		}
		return v, nil
	}
}

func (h *openAlarm) Try(commands []any) (int, error) {
	if len(commands) == 0 {
		return 0, nil
	}
	return 0, h.Do(commands[0])
}

func (h *openAlarm) Do(command any) error {
	return fmt.Errorf("world: an Alarm takes no commands, but was told %T; delete its endpoint to stop it", command)
}

func (h *openAlarm) Close() error {
	h.once.Do(func() {
		h.timer.Stop()
		close(h.closed)
	})
	return nil
}

// stopped is the Stopper of a call that is over.
type stopped struct{}

func (stopped) Stop() bool { return false }
