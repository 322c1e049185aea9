package endpoint

import "github.com/go-marketplace/marketplace/actions"

// Monitor calls f once when process pid of the same machine has gone. The reason is
// the one with which it has failed or was killed. It is nil if there was none, or if
// the machine has removed the process because nothing could happen to it any more,
// and vm.ErrNoProcess if there was no such process: see [actions.MonitorProcess].
// The PID is zero only for [actions.SpawnProcess.Monitored].
func Monitor(pid actions.PID, f func(pid actions.PID, reason error) actions.Action) actions.MonitorProcess {
	return monitor(pid, plain[struct{}](actions.Down, func(ev *actions.Event) actions.Action {
		return f(valueOf[actions.PID](ev), ev.Reason)
	}).handler)
}

// MonitorState is [Monitor] for functions that update the state.
func MonitorState[S any](pid actions.PID, f func(s S, pid actions.PID, reason error) actions.Transition[S]) actions.MonitorProcess {
	return monitor(pid, stateful[struct{}](actions.Down, func(s S, ev *actions.Event) actions.Transition[S] {
		return f(s, valueOf[actions.PID](ev), ev.Reason)
	}).handler)
}

func monitor(pid actions.PID, h handler) actions.MonitorProcess {
	t := &table{}
	t.set(h, pid)
	return actions.Monitor(pid, t.handler())
}
