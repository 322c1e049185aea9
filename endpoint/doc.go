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
// Functions that make actions for handlers are best declared to return
// [actions.Action], whatever they make, so that they can be handlers themselves.
//
// An endpoint has at most one handler for each kind of event. One without any
// is of use, too: its presence is seen by others.
//
// Whom an endpoint sees, and who sees it, depends on its interest: see
// [topic.Role.Sees]. [Publisher] and [Subscriber] take part;
// [ObservePublishers] and [ObserveSubscribers] watch those who do, unseen by
// them, and with [actions.AddEndpoint.Everything] they see other observers
// as well.
//
// [Device] holds something open outside the machine, such as a socket or a
// timer, and hears from it.
package endpoint
