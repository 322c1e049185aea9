package codec

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/go-marketplace/marketplace/world"
)

// An Error says why a value cannot be encoded or decoded.
type Error struct {
	// Type is the type of the whole value: its registered name if it has one, and
	// otherwise its name in Go. It is empty if the data does not say.
	Type string

	// Path leads to the part that has the problem, such as ".Conn[].fd". It is empty
	// if that is the value itself.
	Path string

	// Reason says what is wrong with the part, and how to fix it.
	Reason string

	// Err is the error of a [Sealer], if that is the reason, and otherwise nil.
	Err error
}

// Error returns the text of the error.
func (e *Error) Error() string {
	if e.Type+e.Path == "" {
		return "codec: " + e.Reason
	}
	return "codec: " + e.Type + e.Path + ": " + e.Reason
}

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }

// refuse returns an error about a part. The callers add the path to the part.
func refuse(reason ...string) *Error { return &Error{Reason: strings.Join(reason, "")} }

// withPath returns the error of a part as one of the whole, which has the part under a step
// such as ".Field".
func withPath(step string, err error) error {
	if e, ok := err.(*Error); ok {
		e.Path = step + e.Path
	}
	return err
}

// withIndex is withPath for an element of a slice or an array.
func withIndex(i int, err error) error {
	if err == nil {
		return nil
	}
	return withPath("["+strconv.Itoa(i)+"]", err)
}

// withType returns the error as one about a value of type t, unless it already has a type.
func withType(t reflect.Type, err error) error {
	if e, ok := err.(*Error); ok && e.Type == "" {
		e.Type = nameOf(t)
	}
	return err
}

// nameOf returns the name of a type in errors.
func nameOf(t reflect.Type) string {
	if name, ok := world.NameOf(t); ok {
		return name
	}
	return t.String()
}
