// Package endpoint opens endpoints: the points at which a process takes part
// in conversations.
//
// An endpoint has a topic, an orientation, and handlers:
//
//	endpoint.Subscriber(topic.All[Says](),
//		endpoint.OnPresence(func(c Says) actions.Action { … }),
//		endpoint.OnMessage(func(m Says) actions.Action { … }),
//	)
//
// The compiler checks that all handlers agree with the topic, and infers the
// types.
//
// A handler has one of two forms. The plain form, such as [OnMessage], returns
// an action and leaves the state of the process alone. The State form, such as
// [OnMessageState], gets the state and returns a transition; its functions are
// best written as methods of the state, and passed as method expressions:
//
//	endpoint.OnMessageState(counter.add)
//
// Declare functions that make actions for handlers to return [actions.Action],
// whatever action they make, so that they can be handlers themselves.
//
// An endpoint has at most one handler for each kind of event. One without handlers
// is useful, too: its peers see its presence.
//
// Whom an endpoint sees, and who sees it, depends on its interest: see
// [topic.Role.Sees]. [Publisher] and [Subscriber] take part;
// [ObservePublishers] and [ObserveSubscribers] see participants, which do not see
// them; with [actions.AddEndpoint.Everything] they see other observers as well.
//
// [Device] opens a device, which is something outside the machine, such as a socket
// or a timer, and handles its events. [Monitor] handles the end of another process.
// [Exit] ends the program.
//
// The functions of this package return actions and do nothing themselves. They panic
// if handlers contradict each other, so a mistake shows where the action is made.
package endpoint
