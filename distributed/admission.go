package distributed

import (
	"fmt"
	"sync"

	"github.com/go-marketplace/marketplace/topic"
)

// An Admission is the name of a function that says what others may do at a place: see
// [RegisterAdmission]. A [Config] has the name, so that it is plain data.
type Admission string

// A Wish is what a client wants to do at a place.
type Wish struct {
	Client string        // the node of the client, as its credentials have it
	Place  string        // the name of the place
	Role   topic.Role    // of the endpoint that the client wants to have; without a topic for a message
	Sent   topic.Message // the message that the client wants to send, if it is one
	Sender topic.Orientation
}

var admissions sync.Map // of Admission func(Wish) error

// RegisterAdmission registers a function under a name. The function returns nil if it
// admits the wish, and otherwise the reason, which the client gets with [ErrNotAdmitted].
// It must be pure: it is a part of the transitions of the place. Register it in an init
// function.
//
// RegisterAdmission panics if the name is empty or taken, or the function is nil.
func RegisterAdmission(name Admission, admit func(Wish) error) {
	if name == "" || admit == nil {
		panic("distributed: RegisterAdmission without a name or without a function")
	}
	if _, taken := admissions.LoadOrStore(name, admit); taken {
		panic(fmt.Sprintf("distributed: two RegisterAdmission with the name %q", name))
	}
}

// Registered reports whether a function is registered under the name.
func (a Admission) Registered() bool { return admissionOf(a) != nil }

func admissionOf(name Admission) func(Wish) error {
	f, _ := admissions.Load(name)
	admit, _ := f.(func(Wish) error)
	return admit
}

// admit returns an error if the place does not admit a wish.
func (c Config) admit(w Wish) error {
	if owner, private := ownerOf(w.Place); private && w.Client != owner {
		return fmt.Errorf("%w: it is private to node %q, and this is node %q", ErrNotAdmitted, owner, w.Client)
	}
	if c.Admission == "" {
		return nil
	}
	if err := admissionOf(c.Admission)(w); err != nil {
		return fmt.Errorf("%w: %w", ErrNotAdmitted, err)
	}
	return nil
}
