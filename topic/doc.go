// Package topic says what messages are about.
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
//	topic.All[Says]()             // whatever anyone says
//	topic.Where(Who.Is("tony"))   // whatever tony says
//	topic.Where(topic.Glob(Who, "t*"))   // whatever is said by someone whose name starts with t
//
// A field that is not mentioned is a wildcard. No value has a special
// meaning, the zero value included.
//
// # The algebra
//
// A [Topic] is a pattern whose message type has been forgotten, so that
// patterns over different types can be kept together. Topics form an algebra:
// they match messages ([Topic.Matches]), intersect ([Topic.Intersect]), cover
// each other ([Topic.Covers]) and can be ground ([Topic.IsGround]), which
// means that nothing is open. [Any] is the topic of every message.
//
// Patterns pin leaves: the basic values that a message is made of. A field
// that is itself a struct stands for all its leaves, so fields may overlap: a
// pattern that pins an address and one that pins the port in that address
// intersect just as they should.
//
// # Without a Go type
//
// A [Tuple] is a message that is a list of values, and [Like] makes patterns
// over tuples, with [Wild] anywhere. Relays, inspectors and scripts speak it,
// because they have to speak of what they have no type for.
//
// # The index
//
// An [Index] finds the topics that match a message, or that intersect with
// another topic, at a cost that follows the number of those found, not the
// number of those stored.
package topic
