// Package topic describes sets of messages, by type and content.
//
// A message is a Go value of some type M. A [Pattern] over M describes a set
// of messages: it pins some fields of M and leaves the others open. The
// fields that can be pinned are declared once, next to the message type:
//
//	type Says struct{ Who, What string }
//
//	var Who = topic.FieldOf(func(s *Says) *string { return &s.Who })
//
// and patterns are built from them, checked by the compiler:
//
//	topic.All[Says]()                    // all messages of type Says
//	topic.Where(Who.Is("tony"))          // those in which Who is "tony"
//	topic.Where(topic.Glob(Who, "t*"))   // those in which Who begins with t
//
// A field that is not mentioned is a wildcard. No value has a special
// meaning, the zero value included.
//
// # The algebra
//
// A [Topic] is a pattern without the static message type, so that patterns over
// different types can be kept together. Topics form an algebra: they match messages
// ([Topic.Matches]), intersect ([Topic.Intersect]), cover each other
// ([Topic.Covers]) and can be ground ([Topic.IsGround]), which means that no part is
// open. [Any] is the topic of every message.
//
// Patterns pin leaves: the basic values that a message is made of. A field that is
// itself a struct stands for all its leaves, so fields may overlap: a pattern that
// pins an address intersects correctly with one that pins the port in the address.
// A pattern can pin the first 64 leaves of a message type. An array of more than 8
// elements is one leaf.
//
// # Roles
//
// A [Role] is a topic with an [Orientation], publisher or subscriber, and an
// [Interest]. Endpoints have roles. Two roles have a conversation if one is a
// publisher, the other a subscriber, and their topics have a message in common.
//
// # Without a Go type
//
// A [Tuple] is a message that is a list of values, and [Like] makes patterns
// over tuples, with [Wild] in any place. Relays, inspectors and scripts use tuples
// for messages that have no Go type.
//
// # The index
//
// An [Index] finds the topics that match a message, or that intersect with another
// topic, without looking at all topics in it.
package topic
