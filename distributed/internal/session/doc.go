// Package session is what two machines keep to while there is a link between them: the
// beginning, the order, the sign of life, the flow, and the end. It is a machine without
// time, chance and the outside.
//
// A link is lossy: from some point on, or in between, it may lose frames. It never reorders
// or repeats them. A session is at most once and in order: what one side is told is a
// prefix of what the other side has sent, and when something is missing, the session ends.
// It never sends anything again. When a session has ended, the client begins another one,
// with a greater [wire.ID].
//
// # Inputs and outputs
//
// Inputs are methods of [Session]: a frame has arrived ([Session.Receive]), time has passed
// ([Session.Tick]), the machine sends ([Session.Send]), has taken what it was told
// ([Session.Take]), or wants to end ([Session.End]), and the link has ended ([Session.Cut]).
// Each has the time, of a clock that never goes back; all inputs of a session have it from
// the same clock, and the clocks of the two sides are never compared.
//
// Each input returns an [Output]: at most one frame, to be sent at once, and at most one
// event, to be told to the machine. The events of a session are at most one [Joined], then
// any number of [Data], and one [Ended]. After that there are none.
//
// The caller is the driver of a link, or a simulator:
//
//	s, out := session.Dial(config, id, place, now())
//	for {
//		do(out) // send out.Frame, tell out.Event
//		select {
//		case data := <-frames:
//			out = s.Receive(now(), data)
//		case <-after(s.Next()):
//			out = s.Tick(now())
//		case body := <-bodies: // while s.Room() is enough
//			out = s.Send(now(), body)
//		…
//	}
//
// A Session is a plain value without pointers into itself: a copy of it is another session
// in the same state.
//
// # Rules
//
//   - The client sends one HELLO in a session, and never repeats it: otherwise two lives of
//     the home could each begin the session, and the client would take frames of both for
//     those of one. A HELLO of a later session ends the earlier one ([Session.Superseded]),
//     and one of an earlier session is ignored.
//   - A side that lacks a frame finds out by the number of the next DATA, BEAT or BYE
//     frame. It ends the session and says so: [ErrGap], on both sides.
//   - A side sends a BEAT when it has sent nothing for as long as the other side allows.
//   - A side that has heard nothing for longer than its lease ends the session. It looks
//     before it takes a frame. So a process that was stopped for longer than that takes
//     nothing more from the session, even if frames wait for it: the other side has given
//     it up.
//   - A side may send as many bytes as the other side allows. More is allowed when the
//     machine there has taken half of a window.
//   - A frame of another session is answered by a BYE for that session.
//   - If the reason of an end is [ErrLeft], everything that was sent has arrived.
package session
