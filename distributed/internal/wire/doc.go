// Package wire has the forms in which machines write to each other, in version 1, and
// strict readers for them.
//
// A link carries frames. A frame has a header: the version, the kind, the session (8 bytes
// and a number), and a sequence number; and then a body:
//
//	HELLO    the client asks for a session: versions, place, window, heartbeat
//	WELCOME  the home agrees: version, epoch of the place, window, heartbeat
//	REFUSE   the home does not agree: a reason
//	DATA     items; the sequence number is that of the frame
//	BEAT     the limit up to which the peer may send; the sequence number is that of the
//	         last DATA frame, so that the peer finds out if it lacks one
//	BYE      the end: a reason
//
// HELLO and REFUSE have the form of version 1 in all versions, so that a home can refuse
// every client.
//
// The body of a DATA frame is a list of items:
//
//	both ways      TYPE name fingerprint
//	from a client  ASSERT id role, RETRACT id reason, SEND side message, SERVES name epoch
//	from the home  PRESENCE id peer role, ABSENCE id peer reason, MESSAGE ids message,
//	               REJECT id reason, SETTLED id, YOU number
//
// An endpoint of a client has an id, which the client chooses; a peer of it has a number,
// which the home chooses. Numbers are varints in the shortest form. Strings, roles and
// messages have their lengths before them. Values are written by package codec.
//
// A message type has a name, and a number from its first use in a session on: TYPE
// introduces it, with the fingerprint of the form of its values. The first has number 1.
// If the reader does not know the type, or knows one of another form, everything about the
// type is handed on with an error ([ErrUnknownType], [ErrSchema]), and all else is read.
//
// What is read may come from anybody: readers never panic, they use no more memory than a
// constant times what there is to read, and they refuse what the writers do not write, with
// [ErrMalformed].
package wire
