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

// An Alarm is a device that rings once. Its opening value is an [AlarmSet]. When the
// time has passed, an [AlarmRang] follows, and the device ends with a nil reason. It
// takes no commands. Closing the device stops the alarm.
//
// The time counts from the opening, so an alarm that the ground opens again after a
// restart starts from the beginning.
type Alarm struct {
	// Clock measures the time. If it is nil, the device does not open.
	Clock Clock

	// After is the time from the opening to the ring. If it is zero or negative,
	// the alarm rings when the machine has nothing else to do: see [RestWaiter].
	After time.Duration

	// Label distinguishes alarms that are otherwise equal. A process cannot hold
	// two equal devices.
	Label string
}

// AlarmSet is the opening value of an [Alarm].
type AlarmSet struct {
	Now time.Time // time of the opening, in UTC
}

// AlarmRang says that the time of an [Alarm] has passed.
type AlarmRang struct {
	Now time.Time // time of the ring, in UTC
}

// Urgent implements [Urgent].
func (AlarmSet) Urgent() {}

// Urgent implements [Urgent].
func (AlarmRang) Urgent() {}

// DeviceName implements [Device]. The name consists of the three fields.
func (a Alarm) DeviceName() string {
	// The name of a nil clock differs from every quoted name.
	clock := "nil"
	if a.Clock != nil {
		clock = strconv.Quote(a.Clock.ClockName())
	}
	return "world.Alarm(" + clock + ", " + strconv.FormatInt(int64(a.After), 10) + "ns, " + strconv.Quote(a.Label) + ")"
}

// WaitsForRest implements [RestWaiter]. It reports whether After is zero or negative.
func (a Alarm) WaitsForRest() bool { return a.After <= 0 }

// Open implements [Device]. It sets the alarm.
func (a Alarm) Open(context.Context, Env) (Handle, error) {
	if a.Clock == nil {
		return nil, errors.New("world: cannot open an Alarm without a Clock; set its Clock field, to SystemClock() for the real time")
	}
	now := utcNow(a.Clock)
	h := &openAlarm{
		values: make(chan any, 2), // there are two values, so sending never blocks
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
		h.values <- AlarmRang{Now: utcNow(a.Clock)}
		close(h.values)
	})
	return h, nil
}

// utcNow returns the time of a clock in the form that a journal restores: in UTC,
// without the monotonic reading.
func utcNow(c Clock) time.Time { return c.Now().Round(0).UTC() }

// openAlarm is the handle of an Alarm.
type openAlarm struct {
	values chan any
	timer  Stopper
	closed chan struct{}
	once   sync.Once
}

func (h *openAlarm) Recv() (any, error) {
	select { // the select below could choose a value although the handle is closed
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
	return fmt.Errorf("world: an Alarm takes no commands, but was told %T; close it to stop it, with actions.Close", command)
}

func (h *openAlarm) Close() error {
	h.once.Do(func() {
		h.timer.Stop()
		close(h.closed)
	})
	return nil
}

// stopped is the Stopper of an alarm that rings when it opens.
type stopped struct{}

func (stopped) Stop() bool { return false }
