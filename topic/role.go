package topic

// A Role is the part that an endpoint plays in the conversations about a topic: on
// which side it is, how much it sees, and what the conversations are about.
type Role struct {
	Orientation Orientation
	Interest    Interest
	Topic       Topic
}

// Intersect returns the topic of the conversation between r and peer. It reports
// false if both have the same orientation, or their topics have no message in
// common.
func (r Role) Intersect(peer Role) (Topic, bool) {
	if r.Orientation == peer.Orientation {
		return Topic{}, false
	}
	return r.Topic.Intersect(peer.Topic)
}

// Sees reports whether an endpoint with role r is told when one with role peer comes
// and goes, if they have a conversation. Only the interests matter:
//
//	                 peer is a
//	r is a           participant   observer   everything
//	participant      yes           no         no
//	observer         yes           no         no
//	everything       yes           yes        yes
//
// Messages reach endpoints of every [Interest].
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

// Orientation is the side of a conversation. Messages go from publishers to
// subscribers, and feedback goes from subscribers to publishers.
type Orientation uint8

// The orientations.
const (
	Publisher  Orientation = iota // sends messages, and receives feedback
	Subscriber                    // receives messages, and sends feedback
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

// Interest says which peers an endpoint sees, and which see it: see [Role.Sees].
type Interest uint8

// The interests.
const (
	Participant Interest = iota // sees participants; every peer sees it
	Observer                    // sees participants, which do not see it
	Everything                  // sees every peer; only peers with this interest see it
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
