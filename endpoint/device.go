package endpoint

import (
	"fmt"
	"reflect"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/world"
)

// Device opens device d for the process, which may live at any depth of nested
// machines, and handles its events. The process holds the device until it closes it
// with [actions.Close], the device ends, or the process ends. If the process opens a
// device that it holds, only the handlers change.
//
// A value goes to the handler for its Go type. Device panics if d is nil or not
// comparable, if two handlers are for the same kind of event and the same type of
// value, if there are handlers for two types of state, or if one is the zero
// DeviceHandler.
func Device(d world.Device, hs ...DeviceHandler) actions.OpenDevice {
	if d == nil {
		panic("endpoint: Device of a nil world.Device")
	}
	if !reflect.ValueOf(d).Comparable() {
		panic(fmt.Sprintf("endpoint: Device of a %T, which cannot be compared: a device is plain data", d))
	}
	if len(hs) == 0 {
		return actions.OpenDevice{Device: d}
	}
	whose := deviceName{d}
	t := &table{}
	var values []handler
	for _, h := range hs {
		if h.kind != actions.Value || h.run == nil {
			t.set(h.handler, whose)
			continue
		}
		for _, v := range values {
			if v.value == h.value {
				panic(fmt.Sprintf("endpoint: two handlers for values of type %v of %v", h.value, whose))
			}
		}
		values = append(values, h.handler)
	}
	if len(values) > 0 {
		t.set(dispatch(values), whose)
	}
	for _, v := range values {
		t.check(v, whose)
	}
	return actions.OpenDevice{Device: d, Handler: t.handler()}
}

func (t *table) check(h handler, whose fmt.Stringer) {
	if h.state != nil && t.state != nil && h.state != t.state {
		panic(fmt.Sprintf("endpoint: handlers for two types of state, %v and %v, of %v: a process has one", t.state, h.state, whose))
	}
}

// deviceName makes the name of a device when an error needs it.
type deviceName struct{ world.Device }

func (d deviceName) String() string { return "device " + d.DeviceName() }

// dispatch returns a handler that gives each value to one of hs, by its type.
func dispatch(hs []handler) handler {
	d := handler{kind: actions.Value}
	for _, h := range hs {
		if h.state != nil {
			d.state = h.state
		}
	}
	if len(hs) == 1 {
		only := hs[0]
		d.run = func(state any, ev *actions.Event) (any, actions.Action) {
			if reflect.TypeOf(ev.Value) != only.value {
				return state, nil
			}
			return only.run(state, ev)
		}
		return d
	}
	d.run = func(state any, ev *actions.Event) (any, actions.Action) {
		typ := reflect.TypeOf(ev.Value)
		for i := range hs {
			if hs[i].value == typ {
				return hs[i].run(state, ev)
			}
		}
		return state, nil
	}
	return d
}

// A DeviceHandler handles one kind of event of a device; for values, those of one
// type.
type DeviceHandler struct{ handler }

// OnValue calls f for each value whose type is V; it compares types exactly, so V is
// not an interface. The process ignores values without a handler.
func OnValue[V any](f func(v V) actions.Action) DeviceHandler {
	h := onDevice(actions.Value, func(ev *actions.Event) actions.Action { return f(valueOf[V](ev)) })
	h.value = reflect.TypeFor[V]()
	return h
}

// OnValueState is [OnValue] for functions that update the state.
func OnValueState[S, V any](f func(s S, v V) actions.Transition[S]) DeviceHandler {
	h := onDeviceState(actions.Value, func(s S, ev *actions.Event) actions.Transition[S] { return f(s, valueOf[V](ev)) })
	h.value = reflect.TypeFor[V]()
	return h
}

// OnEnded calls f when the device has ended: no more events come from it, and the
// process does not hold it any more. The reason is nil for a normal end; otherwise
// it is a [*world.Error]. When the machine stops, the reason is [world.ErrStopped],
// and the process can still send commands to the device.
func OnEnded(f func(reason error) actions.Action) DeviceHandler {
	return onDevice(actions.Ended, func(ev *actions.Event) actions.Action { return f(ev.Reason) })
}

// OnEndedState is [OnEnded] for functions that update the state.
func OnEndedState[S any](f func(s S, reason error) actions.Transition[S]) DeviceHandler {
	return onDeviceState(actions.Ended, func(s S, ev *actions.Event) actions.Transition[S] { return f(s, ev.Reason) })
}

// OnFailed calls f when the device has failed to carry out a command.
func OnFailed(f func(command any, reason error) actions.Action) DeviceHandler {
	return onDevice(actions.Failed, func(ev *actions.Event) actions.Action { return f(ev.Value, ev.Reason) })
}

// OnFailedState is [OnFailed] for functions that update the state.
func OnFailedState[S any](f func(s S, command any, reason error) actions.Transition[S]) DeviceHandler {
	return onDeviceState(actions.Failed, func(s S, ev *actions.Event) actions.Transition[S] {
		return f(s, ev.Value, ev.Reason)
	})
}

// OnDone calls f when the device has carried out a command that asks for this event:
// see [world.Reporter].
func OnDone(f func(command any) actions.Action) DeviceHandler {
	return onDevice(actions.Done, func(ev *actions.Event) actions.Action { return f(ev.Value) })
}

// OnDoneState is [OnDone] for functions that update the state.
func OnDoneState[S any](f func(s S, command any) actions.Transition[S]) DeviceHandler {
	return onDeviceState(actions.Done, func(s S, ev *actions.Event) actions.Transition[S] { return f(s, ev.Value) })
}

func valueOf[V any](ev *actions.Event) V {
	v, _ := ev.Value.(V)
	return v
}

func onDevice(k actions.EventKind, f func(*actions.Event) actions.Action) DeviceHandler {
	return DeviceHandler{plain[struct{}](k, f).handler}
}

func onDeviceState[S any](k actions.EventKind, f func(S, *actions.Event) actions.Transition[S]) DeviceHandler {
	return DeviceHandler{stateful[struct{}](k, f).handler}
}
