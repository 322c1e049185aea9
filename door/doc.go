// Package door leads from ordinary Go code into a running machine, and out of it.
//
// HTTP handlers, database clients and main functions are not processes. A [Door] is for
// them: any goroutine may send through it, and hear what happens in the machine.
//
//	shop := door.New("shop")
//	go func() { done <- ground.Run(ctx, shop.Driver(), …) }()
//
//	err := shop.Send(ctx, Order{…}) // nil: the machine has it
//
//	for ev := range door.Subscribe(ctx, shop, topic.Where(Who.Is("tony"))) {
//		… // presence, messages, absence with its reason
//	}
//
// Inside, a door is a process that holds a device. [Door.Send] makes the process send a
// message; [Subscribe] makes it open an endpoint, and [Publish] one of a publisher. The
// processes of the machine see the process of the door, and do not know who is behind it.
//
// # Waiting
//
// [Door.Send] returns when the machine has the value. It waits while the machine is busy
// or does not run yet, so many callers slow down instead of filling memory. A context
// ends the wait. The error says whether the machine may have the value all the same: see
// [ErrUncertain].
//
// The machine never waits for a subscriber. A loop that does not keep up ends with
// [ErrSlow], or misses events and learns how many: see [DropWhenFull].
//
// # The end
//
// When the run of the ground ends, so do all requests and subscriptions, with [ErrClosed]
// and the reason. If the process of the door ends and is started again, or another run
// begins, the door opens again. Between, requests fail; before the first run they wait.
//
// # Journals
//
// What comes through a door is an input like any other. It is in the journal, and a
// replay needs no Go code behind the door. So the types of all messages, and of the
// values that patterns pin, are registered: see world.Register. After a crash, the
// process of the door forgets the subscriptions of the run before, because the loops
// behind them are gone.
package door
