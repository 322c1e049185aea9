package codec

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/go-marketplace/marketplace/world"
)

// An Error says why a value cannot be written down, or not be restored.
type Error struct {
	// Type is the type of the whole value: its registered name if it has one,
	// and otherwise its name in Go. It is empty if what was read does not
	// tell.
	Type string

	// Path leads to the part that is the trouble, such as ".Conn[].fd". It is
	// empty if that is the value itself.
	Path string

	// Reason is what is wrong with the part, and what can be done.
	Reason string
}

// Error returns the text of the error.
func (e *Error) Error() string {
	if e.Type+e.Path == "" {
		return "codec: " + e.Reason
	}
	return "codec: " + e.Type + e.Path + ": " + e.Reason
}

// refuse returns an error about a part. Whoever looks at the whole adds to it
// where the part is.
func refuse(reason ...string) *Error { return &Error{Reason: strings.Join(reason, "")} }

// in returns the error of a part as one of the whole in which it is found under
// a step such as ".Field".
func in(step string, err error) error {
	if e, ok := err.(*Error); ok {
		e.Path = step + e.Path
	}
	return err
}

// at is in for an element of a slice or an array.
func at(i int, err error) error {
	if err == nil {
		return nil
	}
	return in("["+strconv.Itoa(i)+"]", err)
}

// of returns the error as one about a value of type t, unless it is one about the
// whole value already.
func of(t reflect.Type, err error) error {
	if e, ok := err.(*Error); ok && e.Type == "" {
		e.Type = nameOf(t)
	}
	return err
}

// nameOf returns the name by which errors call a type.
func nameOf(t reflect.Type) string {
	if name, ok := world.NameOf(t); ok {
		return name
	}
	return t.String()
}
