// Package eventrelay makes the values of devices available by subscription.
//
// A process usually holds the devices that it needs itself. Where several
// processes want to hear of one device, they subscribe to [From] it:
//
//	endpoint.Subscriber(eventrelay.From(clock),
//		endpoint.OnMessage(func(e eventrelay.Event) actions.Action { … }),
//	)
//
// A [Driver] in the same machine opens the device for the first of them, and
// closes it after the last.
//
// In a nested machine, a [Relay] does the same at one remove: it subscribes in
// the machine around it for as long as somebody subscribes inside, and passes
// on what it gets. One relay at each level carries events through any number
// of levels; a device stays open once, however many listen.
//
// Of several relays in one machine the first serves. The others stand by, and
// the next one takes over when it goes.
package eventrelay

import (
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// An Event is a value of a device.
type Event struct {
	Device world.Device
	Value  any
}

// Device is the device of an [Event]. It can be pinned to a device; to that
// end a device is plain data that can be compared.
var Device = topic.FieldOf(func(e *Event) *world.Device { return &e.Device })

// From is the topic of the events of device d.
func From(d world.Device) topic.Pattern[Event] { return topic.Where(Device.Is(d)) }

// Driver returns the process that opens devices for those who subscribe to
// their events. Subscribers are told that a device has come to its end by the
// absence of its publisher, with the reason; a device is opened anew only after
// all its subscribers have left.
func Driver() actions.SpawnProcess {
	d := driver{none}
	return actions.Spawn(actions.Next(d, d.open())).Named("event driver")
}

// A driver is the state of the driver.
type driver struct {
	wanted devices // those that somebody subscribes to
}

// open opens what the driver has: the endpoint at which it sees subscribers, and
// the devices with their publishers.
func (d driver) open() actions.Action {
	all := actions.Tree{
		endpoint.ObserveSubscribers(topic.All[Event](),
			endpoint.OnFirstState(func(d driver, c Event) actions.Transition[driver] { return d.want(c.Device) }, Device),
			endpoint.OnLastState(func(d driver, c Event) actions.Transition[driver] { return d.leave(c.Device) }, Device),
		),
	}
	for _, w := range d.wanted.all() {
		all = append(all, publish(w), hold(w))
	}
	return all
}

// want opens a device. To ask for all devices is to ask for none.
func (d driver) want(w world.Device) actions.Transition[driver] {
	if w == nil {
		return actions.Next(d)
	}
	return actions.Next(driver{d.wanted.with(w)}, publish(w), hold(w))
}

// leave closes a device.
func (d driver) leave(w world.Device) actions.Transition[driver] {
	if w == nil {
		return actions.Next(d)
	}
	return actions.Next(driver{d.wanted.without(w)}, actions.Close(w), actions.Delete(w.DeviceName()))
}

// publish shows that the events of d are to be had.
func publish(d world.Device) actions.Action {
	return endpoint.Publisher(From(d)).As(d.DeviceName())
}

// hold opens d, and publishes what it says.
func hold(d world.Device) actions.Action {
	return actions.OpenDevice{Device: d, Handler: &actions.Handler{
		Events: actions.EventsOf(actions.Value, actions.Ended),
		Run: func(state any, ev *actions.Event) (any, actions.Action) {
			if ev.Kind == actions.Ended {
				return state, actions.Delete(d.DeviceName()).Because(ev.Reason)
			}
			return state, actions.Send(Event{d, ev.Value})
		},
	}}
}
