package actions

import (
	"fmt"

	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// Package topic imports nothing, so this package registers its type of messages.
func init() { world.Register[topic.Tuple]("topic.Tuple") }

// sending is a message together with the request to send it.
type sending[M any] struct {
	SendMessage
	value M
}

func send[M any](m M, o topic.Orientation) *SendMessage {
	s := &sending[M]{value: m}
	s.Message = topic.Refer(&s.value)
	s.Orientation = o
	return &s.SendMessage
}

// Send sends m to all matching subscribers. The sender needs no endpoint of
// its own. If M is an interface type, the message is the value in the interface. A
// pointer to a message is a message of another type: send the value.
//
// The message goes to the endpoints that exist when the action is performed. If
// there are none, the message is lost. To wait for a subscriber, send from a handler
// of presence.
func Send[M any](m M) *SendMessage { return send(m, topic.Publisher) }

// Feedback sends m the other way, to all matching publishers. Acknowledgements
// and credit go this way.
func Feedback[M any](m M) *SendMessage { return send(m, topic.Subscriber) }

// Forward sends an existing message, as [Send] does if sender is
// [topic.Publisher], and as [Feedback] does if it is [topic.Subscriber].
func Forward(m topic.Message, sender topic.Orientation) *SendMessage {
	return &SendMessage{Message: m, Orientation: sender}
}

// Spawn starts process p. The parent makes p: if that can panic, or the process
// needs to know its PID, use [SpawnFunc]. Spawn panics if p is nil.
func Spawn(p Process) SpawnProcess {
	if p == nil {
		panic("actions: Spawn of a nil Process: make one with actions.Next or actions.Stateless")
	}
	return SpawnProcess{Boot: func(PID) Process { return p }}
}

// SpawnFunc starts the process that boot returns. Boot runs as part of the new
// process: if it panics or returns nil, the new process fails, and not the parent.
// SpawnFunc panics if boot is nil.
func SpawnFunc(boot func(self PID) Process) SpawnProcess {
	if boot == nil {
		panic("actions: SpawnFunc of a nil function")
	}
	return SpawnProcess{Boot: boot}
}

// SpawnThen starts process p, and then continues the parent with the PID of
// the child. The continuation runs before the first turn of the child, so the child
// has no endpoints yet.
func SpawnThen[S any](p Process, then func(S, PID) Transition[S]) SpawnProcess {
	return Spawn(p).Continue(ResumeWith(then))
}

// Continue returns s with r as the continuation of the parent.
func (s SpawnProcess) Continue(r Resumption) SpawnProcess { s.Then = &r; return s }

// Named returns s with a name for the process, for logs, traces and tools. Names
// need not be unique.
func (s SpawnProcess) Named(name string) SpawnProcess { s.Name = name; return s }

// Monitored returns s with a monitor of the child, whose PID is filled in. The parent
// hears of every end of the child, even if its boot panics.
func (s SpawnProcess) Monitored(m MonitorProcess) SpawnProcess { s.Monitor = &m; return s }

// Quit ends the process that returns it, without a reason. The actions after it in
// the same transition are dropped.
func Quit() QuitProcess { return QuitProcess{} }

// Fail ends the process that returns it, for a reason. Its peers get the reason with
// its absence.
func Fail(reason error) QuitProcess { return QuitProcess{Reason: reason} }

// Kill ends process pid of the same machine. If there is no such process, nothing
// happens, and the machine counts it. Kill panics if pid is zero.
func Kill(pid PID, reason error) QuitProcess {
	if pid == 0 {
		panic("actions: Kill of PID 0, which is nobody's: to end the acting process use actions.Quit or actions.Fail")
	}
	return QuitProcess{PID: pid, Reason: reason}
}

// Monitor asks for one event [Down] when process pid of the same machine has gone:
// see [MonitorProcess]. The functions Monitor and MonitorState of package endpoint
// make the handler from typed functions. To monitor a child, use
// [SpawnProcess.Monitored].
func Monitor(pid PID, h *Handler) MonitorProcess { return MonitorProcess{PID: pid, Handler: h} }

// Binding returns m as a monitor that binds the other process to the acting one: see
// [MonitorProcess].
func (m MonitorProcess) Binding() MonitorProcess { m.Binds = true; return m }

// Unmonitor ends [Monitor]: the event does not come.
func Unmonitor(pid PID) UnmonitorProcess { return UnmonitorProcess{pid} }

// Delete closes the endpoint that was named id with [AddEndpoint.As].
func Delete(id EndpointID) DeleteEndpoint { return DeleteEndpoint{ID: id} }

// Because returns d with a reason, which peers get with the absence.
func (d DeleteEndpoint) Because(reason error) DeleteEndpoint { d.Reason = reason; return d }

// Replace moves the endpoint with the name of e to the role and the handler of e.
// If there is none, it opens e. Replace panics if e has no name: see
// [AddEndpoint.As].
func Replace(e AddEndpoint) ReplaceEndpoint {
	if e.ID == nil {
		panic("actions: Replace of an anonymous endpoint: name it with As")
	}
	return ReplaceEndpoint{e}
}

// Yield lets the other processes have their turn, and then continues with the
// state that the process has by then.
func Yield[S any](resume func(S) Transition[S]) YieldTurn {
	return YieldTurn{ResumeWith(func(s S, _ PID) Transition[S] { return resume(s) })}
}

// AtLevel performs a level machines further out: it is a for 0, and [AtMeta] of a for 1.
// AtLevel panics if level is negative.
func AtLevel(level int, a Action) Action {
	if level < 0 {
		panic(fmt.Sprintf("actions: AtLevel(%d): a level is not negative", level))
	}
	for range level {
		a = MetaLevel{Action: a}
	}
	return a
}

// Fresh continues the process at once with a name for an endpoint that no other
// Fresh has given or will give to this process.
func Fresh[S any](resume func(s S, name EndpointID) Transition[S]) FreshName {
	return FreshName{ResumeNamed(resume)}
}

// AtMeta performs the actions one level up: in the machine in which the machine of
// the acting process is itself a process. AtMeta within AtMeta performs them two
// levels up. A process fails if it acts above the outermost machine.
//
// All actions work at a meta-level, except those of Yield, Fresh, Monitor and devices,
// with which the process fails. Quit, without a PID, ends the machine in which the
// process lives.
func AtMeta(as ...Action) MetaLevel { return MetaLevel{Group(as...)} }

// Tell sends a command to device d, which the process must hold. The type of d says
// which commands it takes. The result, if any, is an event of the device:
// [Failed] if the command has failed, and [Done] if it is a [world.Reporter].
func Tell(d world.Device, command any) TellDevice { return TellDevice{d, command} }

// Close closes device d. The process gets no more events of it.
func Close(d world.Device) CloseDevice { return CloseDevice{d} }

// Pause stops the values of device d until [Resume].
func Pause(d world.Device) FlowControl { return FlowControl{d, true} }

// Resume ends [Pause] or [OpenDevice.StartPaused].
func Resume(d world.Device) FlowControl { return FlowControl{d, false} }

// As returns a with a name, by which the process can update, replace and delete the
// endpoint.
func (a AddEndpoint) As(id EndpointID) AddEndpoint { a.ID = id; return a }

// Everything returns a with the interest [topic.Everything]: the endpoint sees
// observers as well, and only endpoints with this interest see it.
func (a AddEndpoint) Everything() AddEndpoint { a.Role.Interest = topic.Everything; return a }

// StartPaused returns o for a device that starts paused: no value but the first
// comes until [Resume].
func (o OpenDevice) StartPaused() OpenDevice { o.Paused = true; return o }

// String writes the PID as a decimal number.
func (p PID) String() string { return fmt.Sprintf("%d", uint64(p)) }
