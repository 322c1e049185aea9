package actions

import (
	"fmt"

	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

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
// its own. If M is an interface type, what counts is the type of the value in
// it. A pointer to a message is a message of another type: send the value.
//
// A message goes to those who are there when it is performed. If that is nobody,
// it is gone; to wait for somebody, send from a handler of presence.
func Send[M any](m M) *SendMessage { return send(m, topic.Publisher) }

// Feedback sends m the other way, to all matching publishers. Acknowledgements
// and credit go this way.
func Feedback[M any](m M) *SendMessage { return send(m, topic.Subscriber) }

// Forward sends a message that somebody else has made, on behalf of the given
// side of the conversation.
func Forward(m topic.Message, sender topic.Orientation) *SendMessage {
	return &SendMessage{Message: m, Orientation: sender}
}

// Spawn starts process p. Note that p is made by the parent: where that could
// fail, or the process needs to know its PID, use [SpawnFunc].
func Spawn(p Process) SpawnProcess {
	if p == nil {
		panic("actions: Spawn of a nil Process: make one with actions.Next or actions.Stateless")
	}
	return SpawnProcess{Boot: func(PID) Process { return p }}
}

// SpawnFunc starts the process that boot returns. Boot runs as part of the new
// process: if it panics, the parent is not harmed.
func SpawnFunc(boot func(self PID) Process) SpawnProcess {
	if boot == nil {
		panic("actions: SpawnFunc of a nil function")
	}
	return SpawnProcess{Boot: boot}
}

// SpawnThen starts process p, and then continues the parent with the PID of
// the child. The continuation comes before the first turn of the child, by when
// the child has no endpoints yet.
func SpawnThen[S any](p Process, then func(S, PID) Transition[S]) SpawnProcess {
	return Spawn(p).Continue(ResumeWith(then))
}

// Continue returns s with a continuation of the parent.
func (s SpawnProcess) Continue(r Resumption) SpawnProcess { s.Then = &r; return s }

// Named names the process, for logs, traces and tools.
func (s SpawnProcess) Named(name string) SpawnProcess { s.Name = name; return s }

// Quit ends the process that returns it, of its own accord. What follows it in
// the same transition is not performed.
func Quit() QuitProcess { return QuitProcess{} }

// Fail ends the process that returns it, for a reason that its peers are told
// as it becomes absent.
func Fail(reason error) QuitProcess { return QuitProcess{Reason: reason} }

// Kill ends process pid of the same machine. A process that is not there, or
// not any more, is no error.
func Kill(pid PID, reason error) QuitProcess {
	if pid == 0 {
		panic("actions: Kill of PID 0, which is nobody's: to end the acting process use actions.Quit or actions.Fail")
	}
	return QuitProcess{PID: pid, Reason: reason}
}

// Delete closes the endpoint that was named id with [AddEndpoint.As].
func Delete(id EndpointID) DeleteEndpoint { return DeleteEndpoint{ID: id} }

// Because adds the reason that peers are told.
func (d DeleteEndpoint) Because(reason error) DeleteEndpoint { d.Reason = reason; return d }

// Replace moves an endpoint that is open under the name of e to the role and
// the handler of e. If there is none, it opens e.
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

// Fresh continues at once with a name for an endpoint that is not used
// otherwise in this process.
func Fresh[S any](resume func(s S, name EndpointID) Transition[S]) FreshName {
	return FreshName{ResumeNamed(resume)}
}

// AtMeta performs the actions one level up: in the machine in which the acting
// process's own machine is a process. It nests: what is two times AtMeta is
// performed two levels up. A process that reaches above the ground fails.
//
// Everything but Yield, Fresh and what concerns devices can be performed at a
// meta-level. Quit, without a PID, ends the machine in which the process lives.
func AtMeta(as ...Action) MetaLevel { return MetaLevel{Group(as...)} }

// Tell sends a command to device d, which the process must have opened.
func Tell(d world.Device, command any) TellDevice { return TellDevice{d, command} }

// Close closes device d. Nothing is heard of it after that.
func Close(d world.Device) CloseDevice { return CloseDevice{d} }

// Pause stops the values of device d until [Resume].
func Pause(d world.Device) FlowControl { return FlowControl{d, true} }

// Resume lets the values of device d come.
func Resume(d world.Device) FlowControl { return FlowControl{d, false} }

// As names the endpoint, so that it can be updated, replaced and deleted.
func (a AddEndpoint) As(id EndpointID) AddEndpoint { a.ID = id; return a }

// Everything widens the interest of the endpoint to [topic.Everything]: it
// sees observers as well, and is seen by none but its likes.
func (a AddEndpoint) Everything() AddEndpoint { a.Role.Interest = topic.Everything; return a }

// StartPaused opens the device paused: nothing but its first value comes until
// [Resume].
func (o OpenDevice) StartPaused() OpenDevice { o.Paused = true; return o }

// String describes the name for people.
func (p PID) String() string { return fmt.Sprintf("%d", uint64(p)) }
