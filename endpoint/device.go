package endpoint

import (
	"fmt"
	"reflect"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/world"
)

// Device opens device d for the process, at whatever depth of virtual machines
// it lives, and hears from it. The process holds the device until it closes it
// with [actions.Close], or ends; if it opens the same device again, only the
// handlers change.
//
// What a device has to say comes to handlers by the type of value. Device
// panics if d is nil, or if two handlers are for the same.
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

// deviceName is the name of a device, which is not made before it is wanted.
type deviceName struct{ world.Device }

func (d deviceName) String() string { return "device " + d.DeviceName() }

// dispatch returns one handler for values that leaves them to hs, by type.
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

// A DeviceHandler reacts to one kind of event of a device.
type DeviceHandler struct{ handler }

// OnValue calls f for every value of type V. Values of types without a handler
// are ignored.
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

// OnEnded calls f when the device has come to its end: nothing more comes from
// it, and the process does not hold it any more. The reason is nil if it ended
// as it should.
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

// OnDone calls f when the device has carried out a command that is a
// [world.Reporter] and wants that to be told.
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
