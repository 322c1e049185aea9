package topic

// A Role is the part that someone plays in the conversations about a topic.
type Role struct {
	Orientation Orientation
	Interest    Interest
	Topic       Topic
}

// Intersect returns the topic on which r and peer converse. They must face
// each other, and have messages in common; otherwise it reports false.
func (r Role) Intersect(peer Role) (Topic, bool) {
	if r.Orientation == peer.Orientation {
		return Topic{}, false
	}
	return r.Topic.Intersect(peer.Topic)
}

// Sees reports whether the coming and going of peer is told to r.
//
//	                 peer is a
//	r is a           participant   observer   everything
//	participant      yes           no         no
//	observer         yes           no         no
//	everything       yes           yes        yes
//
// Messages know no such difference: they reach every [Interest].
func (r Role) Sees(peer Role) bool {
	return peer.Interest == Participant || r.Interest == Everything
}

// Equal reports whether r and s are the same role: the same orientation and
// interest, and equivalent topics.
func (r Role) Equal(s Role) bool {
	return r.Orientation == s.Orientation && r.Interest == s.Interest && r.Topic.Equivalent(s.Topic)
}

// String describes r for people.
func (r Role) String() string {
	s := r.Orientation.String()
	if r.Interest != Participant {
		s += " (" + r.Interest.String() + ")"
	}
	return s + " of " + r.Topic.String()
}

// Orientation is the side on which someone stands: messages flow from
// publishers to subscribers, and feedback the other way.
type Orientation uint8

// The orientations.
const (
	Publisher Orientation = iota
	Subscriber
)

// Opposite returns the other orientation.
func (o Orientation) Opposite() Orientation { return o ^ 1 }

// String returns "publisher" or "subscriber".
func (o Orientation) String() string {
	if o == Publisher {
		return "publisher"
	}
	return "subscriber"
}

// Interest says how deeply someone is involved in a conversation.
type Interest uint8

// The interests.
const (
	Participant Interest = iota // takes part, and is seen by everybody
	Observer                    // watches participants, unseen by them
	Everything                  // watches observers as well
)

// String returns "participant", "observer" or "everything".
func (i Interest) String() string {
	switch i {
	case Participant:
		return "participant"
	case Observer:
		return "observer"
	default:
		return "everything"
	}
}
