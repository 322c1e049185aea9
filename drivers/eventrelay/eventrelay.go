// Package eventrelay lets several processes hear the values of one device.
//
// A process usually holds the devices that it needs. If several processes need the
// values of the same device, they subscribe to [From] it:
//
//	endpoint.Subscriber(eventrelay.From(clock),
//		endpoint.OnMessage(func(e eventrelay.Event) actions.Action { … }),
//	)
//
// A [Driver] in the same machine opens the device for the first subscriber, and closes
// it after the last. It sends each value as an [Event].
//
// In a nested machine, a [Relay] subscribes in the outer machine while somebody
// subscribes inside, and passes on what it gets. One relay at each level carries events
// through any number of levels. The device is open once, however many processes
// subscribe.
//
// If a machine has several relays, the first one serves. The others stand by, and the
// next one takes over when the first goes.
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

// Device is the field of the device of an [Event], which topics can pin. The devices
// must be plain data that can be compared.
var Device = topic.FieldOf(func(e *Event) *world.Device { return &e.Device })

// From is the topic of the events of device d.
func From(d world.Device) topic.Pattern[Event] { return topic.Where(Device.Is(d)) }

// Driver returns the action that spawns the process that opens devices for subscribers.
// When a device ends, its publisher is absent, with the reason. The driver opens the
// device again only after all its subscribers have left.
func Driver() actions.SpawnProcess {
	d := driver{none}
	return actions.Spawn(actions.Next(d, d.open())).Named("event driver")
}

// A driver is the state of the driver.
type driver struct {
	wanted devices // those that somebody subscribes to
}

// open opens the endpoint that observes subscribers, and the devices with their
// publishers.
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

// want opens a device. It does nothing for a subscription to all devices.
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

// publish returns the endpoint that publishes the events of d.
func publish(d world.Device) actions.Action {
	return endpoint.Publisher(From(d)).As(d.DeviceName())
}

// hold opens d, and publishes its values.
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
