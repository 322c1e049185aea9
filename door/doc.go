// Package door leads from ordinary Go code into a running machine, and out of it.
//
// HTTP handlers, database clients and main functions are not processes. A [Door] is for
// them: any goroutine may send through it, call processes, and hear what happens in the
// machine.
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
// A goroutine that calls with a context that cannot end, such as [context.Background],
// runs a machine at rest itself, so that it waits for no other goroutine. Then a
// transition function that calls [runtime.Goexit] ends that goroutine. With any other
// context, and while many call, goroutines of the ground run the machine: a transition
// function that takes long must not keep a caller whose context is done.
//
// The machine never waits for a subscriber. A loop that does not keep up ends with
// [ErrSlow], or misses events and learns how many: see [DropWhenFull].
//
// # Calls
//
// [rpc.Do] calls an operation of a process through a door, and waits for the answer:
//
//	n, err := rpc.Do(ctx, shop, Buy, Order{…}, rpc.Within(time.Second))
//
// The process of the door makes the call, so [rpc.Call] says what it promises. The context
// ends the wait, but not the call: the server does not hear of it. [rpc.Within] ends the
// call in the machine.
//
// A caller that gets no answer, because its context or the program has ended, does not
// know whether the call was carried out. It repeats the call, and a [Key] makes sure that
// the operation is carried out once:
//
//	n, err := rpc.Do(ctx, shop, Buy, order, door.Key("order-17"))
//
// While the first call with the key is open, others join it. Then they get the recorded
// answer, for as long as the door remembers it ([Remember]). The keys are in the state of
// the process of the door. With a journal that syncs, they are known after a crash, and a
// call that was open goes on.
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
