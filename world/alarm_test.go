package world_test

import (
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/world"
	"pgregory.net/rapid"
)

// openAlarm opens an alarm; it needs no Env.
func openAlarm(t *testing.T, a world.Alarm) world.Handle {
	t.Helper()
	h, err := a.Open(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	return h
}

// wantValue checks what Recv returns next.
func wantValue(t *testing.T, h world.Handle, want any) {
	t.Helper()
	got, err := h.Recv()
	if err != nil || got != want {
		t.Errorf("received %v, %v; want %v", got, err, want)
	}
}

// wantEnd checks that Recv returns an error next.
func wantEnd(t *testing.T, h world.Handle, want error) {
	t.Helper()
	if got, err := h.Recv(); !errors.Is(err, want) {
		t.Errorf("received %v, %v; want the error %v", got, err, want)
	}
}

// TestAlarm shows B-M19.
func TestAlarm(t *testing.T) {
	clock := world.NewManualClock("test", noon)
	h := openAlarm(t, world.Alarm{Clock: clock, After: time.Minute})
	wantValue(t, h, world.AlarmSet{Now: noon})
	clock.Advance(time.Hour)
	wantValue(t, h, world.AlarmRang{Now: noon.Add(time.Minute)})
	wantEnd(t, h, io.EOF)
}

func TestAlarmAtOnce(t *testing.T) {
	for _, after := range []time.Duration{0, -time.Second} {
		clock := world.NewManualClock("test", noon)
		h := openAlarm(t, world.Alarm{Clock: clock, After: after})
		wantValue(t, h, world.AlarmSet{Now: noon})
		wantValue(t, h, world.AlarmRang{Now: noon})
		wantEnd(t, h, io.EOF)
		if got := clock.Pending(); got != 0 {
			t.Errorf("after %v: %d calls pending", after, got)
		}
	}
}

func TestAlarmCloseStopsTheClock(t *testing.T) {
	clock := world.NewManualClock("test", noon)
	h := openAlarm(t, world.Alarm{Clock: clock, After: time.Minute})
	if got := clock.Pending(); got != 1 {
		t.Errorf("%d calls pending", got)
	}
	for range 2 {
		if err := h.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if got := clock.Pending(); got != 0 {
		t.Errorf("%d calls pending after Close", got)
	}
	wantEnd(t, h, world.ErrClosed)
}

func TestAlarmCloseUnblocksRecv(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := openAlarm(t, world.Alarm{Clock: world.SystemClock(), After: time.Minute})
		wantValue(t, h, world.AlarmSet{Now: time.Now().UTC()})
		ended := make(chan error)
		go func() {
			_, err := h.Recv()
			ended <- err
		}()
		synctest.Wait()
		h.Close()
		if err := <-ended; !errors.Is(err, world.ErrClosed) {
			t.Errorf("Recv returned %v", err)
		}
	})
}

func TestAlarmOnTheSystemClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now().UTC().Round(0)
		h := openAlarm(t, world.Alarm{Clock: world.SystemClock(), After: time.Minute})
		wantValue(t, h, world.AlarmSet{Now: start})
		wantValue(t, h, world.AlarmRang{Now: start.Add(time.Minute)})
		wantEnd(t, h, io.EOF)
	})
}

func TestAlarmTakesNoCommands(t *testing.T) {
	h := openAlarm(t, world.Alarm{Clock: world.NewManualClock("test", noon), After: time.Minute})
	if n, err := h.Try(nil); n != 0 || err != nil {
		t.Errorf("Try(nil) = %d, %v", n, err)
	}
	const want = "world: an Alarm takes no commands, but was told string; close it to stop it, with actions.Close"
	if n, err := h.Try([]any{"snooze"}); n != 0 || err == nil || err.Error() != want {
		t.Errorf("Try = %d, %v", n, err)
	}
	if err := h.Do("snooze"); err == nil || err.Error() != want {
		t.Errorf("Do = %v", err)
	}
}

func TestAlarmWithoutClock(t *testing.T) {
	if _, err := (world.Alarm{}).Open(t.Context(), nil); err == nil {
		t.Error("an alarm without a clock opened")
	}
}

func TestAlarmName(t *testing.T) {
	tests := []struct {
		alarm world.Alarm
		want  string
	}{
		{world.Alarm{}, `world.Alarm(nil, 0ns, "")`},
		{world.Alarm{Clock: world.SystemClock(), After: time.Second, Label: `"tea"`}, `world.Alarm("system", 1000000000ns, "\"tea\"")`},
	}
	for _, tt := range tests {
		if got := tt.alarm.DeviceName(); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}

// Two alarms have the same name only if they are equal.
func TestAlarmNameIsInjective(t *testing.T) {
	clocks := []world.Clock{
		nil, world.SystemClock(),
		world.NewManualClock("nil", noon), world.NewManualClock(`a", 1ns, "`, noon), world.NewManualClock("a", noon),
	}
	alarm := rapid.Custom(func(t *rapid.T) world.Alarm {
		return world.Alarm{
			Clock: rapid.SampledFrom(clocks).Draw(t, "clock"),
			After: time.Duration(rapid.IntRange(-1, 1).Draw(t, "after")),
			Label: rapid.StringMatching(`(a|"|, |\\|1ns|\xff|\x{FFFD})*`).Draw(t, "label"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := alarm.Draw(t, "a"), alarm.Draw(t, "b")
		if (a == b) != (a.DeviceName() == b.DeviceName()) {
			t.Errorf("%#v and %#v are named %s and %s", a, b, a.DeviceName(), b.DeviceName())
		}
	})
}
