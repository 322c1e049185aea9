// Package supervise starts processes, and starts them again when they end.
//
// A supervisor is a process. It has children, which are processes of the same machine,
// or machines in it, and starts them in their order. When one of them ends, the
// supervisor sees whether it is to be started again, and with which others:
//
//	type services struct{} // tells this supervisor from others
//
//	var Services = supervise.Define[services]("shop.services",
//		supervise.Spec{Strategy: supervise.RestForOne},
//		supervise.Child{Name: "stock", Start: stocks.Spawn(stock{})},
//		supervise.Child{Name: "orders", Start: orders.Spawn(order{})},
//		supervise.Child{Name: "import", Start: imports.Spawn(file{}), Restart: supervise.Transient},
//	)
//
//	marketplace.Main(marketplace.Program{
//		Types: []actions.Type{Services.Type, …},
//		Start: func() actions.Action { return Services.Spawn() },
//	})
//
// A child is started as it was the first time: it has lost its state. Processes find
// each other by topics, so nobody needs the PID of a child that was started again:
// peers see its absence, with the reason, and then its presence.
//
// # When it gives up
//
// A child that fails at once would be started again for ever. So there are at most
// [Spec.Intensity] restarts within [Spec.Period]. Where there would be one more, the
// supervisor ends all children, the last one first, and fails with an [Error], which
// has the reasons. Before it fails, it does what [Spec.OnGiveUp] says. If it is itself a
// child of a supervisor, that decides what to do.
// With a [Backoff], the supervisor waits before it starts a child again.
//
// Time comes from the driver of timers in the machine (package timer), so a test moves
// the clock. If there is none, a supervisor does not wait, and counts all restarts.
//
// # When it ends
//
// The children are bound to their supervisor by [actions.MonitorProcess]: if it ends,
// for whatever reason, so do they. When all children have ended for good, the
// supervisor quits. When the machine stops, it starts nothing again.
//
// # What one can see
//
// While a child runs, its supervisor publishes [Running].
//
// A supervisor is of a process type, so machines with supervisors can be saved, if
// their children can.
package supervise
