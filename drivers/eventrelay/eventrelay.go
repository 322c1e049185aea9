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
	return actions.Spawn(actions.Stateless(
		endpoint.ObserveSubscribers(topic.All[Event](),
			endpoint.OnFirst(func(c Event) actions.Action {
				return actions.When(c.Device != nil, publish(c.Device), hold(c.Device))
			}, Device),
			endpoint.OnLast(func(c Event) actions.Action {
				return actions.When(c.Device != nil, actions.CloseDevice{Device: c.Device}, actions.Delete(c.Device))
			}, Device),
		),
	)).Named("event driver")
}

// publish shows that the events of d are to be had.
func publish(d world.Device) actions.Action {
	return endpoint.Publisher(From(d)).As(d)
}

// hold opens d, and publishes what it says.
func hold(d world.Device) actions.Action {
	if d == nil {
		return nil
	}
	return actions.OpenDevice{Device: d, Handler: &actions.Handler{
		Kinds: actions.KindsOf(actions.Value, actions.Ended),
		Run: func(state any, ev *actions.Event) (any, actions.Action) {
			if ev.Kind == actions.Ended {
				return state, actions.Delete(d).Because(ev.Reason)
			}
			return state, actions.Send(Event{d, ev.Value})
		},
	}}
}
