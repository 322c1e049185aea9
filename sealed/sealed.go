package sealed

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/go-marketplace/marketplace/internal/unsealed"
)

// MaxSubject is the largest length of a subject, in bytes.
const MaxSubject = 255

// A Value has a content of type T that belongs to a subject, or had one that was erased. The
// zero Value has neither subject nor content. To journal a Value, T must be registered: see
// world.Register; basic types are. Two Values are equal if both the subjects and the contents
// are, or if both contents are erased.
type Value[T any] struct {
	// Subject says to whom the content belongs. It is opaque, and not secret. A Value with a
	// subject that was not made by [For] is one whose content is erased.
	Subject string

	held    bool
	content hidden[T]
}

// hidden is a content. It has methods of its own for code that looks at fields one by one.
type hidden[T any] struct{ value T }

// For returns the content v, for a subject. It panics if the subject is empty or has more than
// [MaxSubject] bytes.
func For[T any](subject string, v T) Value[T] {
	if subject == "" || len(subject) > MaxSubject {
		panic(fmt.Sprintf("sealed: a subject has 1 to %d bytes, and not %d", MaxSubject, len(subject)))
	}
	return Value[T]{subject, true, hidden[T]{v}}
}

// Get returns the content. It reports false if there is none: it was erased, or v is zero.
// What it returns then is the zero value of T.
func (v Value[T]) Get() (content T, ok bool) { return v.content.value, v.held }

// Or returns the content, or other if there is none.
func (v Value[T]) Or(other T) T {
	if v.held {
		return v.content.value
	}
	return other
}

// Erased reports whether the content was erased.
func (v Value[T]) Erased() bool { return v.Subject != "" && !v.held }

// Without returns v with its content erased, for a process that forgets it. What is in a
// journal stays there until the key of the subject is erased.
func (v Value[T]) Without() Value[T] { return Value[T]{Subject: v.Subject} }

// String returns "sealed(subject)", also if the content is erased: snapshots have texts of what
// is open, and these must still fit when it is.
func (v Value[T]) String() string {
	if strconv.CanBackquote(v.Subject) {
		return "sealed(" + v.Subject + ")"
	}
	return "sealed(" + strconv.Quote(v.Subject) + ")"
}

// GoString is like String.
func (v Value[T]) GoString() string { return v.String() }

// Format writes the text of String, whatever the verb.
func (v Value[T]) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(v.String())) }

// MarshalJSON returns the text of String as JSON. JSON is for people here: it does not have the
// content, so it cannot be read back.
func (v Value[T]) MarshalJSON() ([]byte, error) {
	return json.Marshal(v.String())
}

// UnmarshalJSON returns an error, because JSON does not have the content.
func (v *Value[T]) UnmarshalJSON([]byte) error {
	return errors.New("sealed: a Value cannot be read from JSON, which does not have its content")
}

// Unseal is for package codec.
func (v *Value[T]) Unseal(unsealed.Access) (subject *string, held *bool, content any) {
	return &v.Subject, &v.held, &v.content.value
}

const hiddenText = "sealed"

func (hidden[T]) String() string               { return hiddenText }
func (hidden[T]) GoString() string             { return hiddenText }
func (hidden[T]) Format(f fmt.State, _ rune)   { _, _ = f.Write([]byte(hiddenText)) }
func (hidden[T]) MarshalJSON() ([]byte, error) { return []byte(`"` + hiddenText + `"`), nil }
