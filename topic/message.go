package topic

import (
	"reflect"
	"unsafe"

	"github.com/go-marketplace/marketplace/internal/selftext"
)

// A Message is a value on its way: a reference to an immutable value of some
// type, which has been forgotten. Once a value has been sent, nobody may write
// to it, or to anything that it points to. The zero Message is no message; no
// topic matches it.
type Message struct {
	ref any // *M
}

// MessageOf returns m as a message.
//
// If M is an interface type, then it is the value inside that is the message:
// messages are routed by their dynamic type.
func MessageOf[M any](m M) Message { return Refer(&m) }

// Refer is [MessageOf] for a value that is already in its place in memory. The
// message refers to it, so it must not be written to any more. It must not be
// nil.
func Refer[M any](m *M) Message {
	if reflect.TypeFor[M]().Kind() == reflect.Interface {
		return dynamic(*m)
	}
	return Message{m}
}

// dynamic returns a message of the dynamic type of v.
func dynamic(v any) Message {
	if v == nil {
		return Message{}
	}
	p := reflect.New(reflect.TypeOf(v))
	p.Elem().Set(reflect.ValueOf(v))
	return Message{p.Interface()}
}

// As returns the value of m, if it is an M. If M is an interface type, that is
// every value with its methods.
func As[M any](m Message) (value M, ok bool) {
	if p, ok := m.ref.(*M); ok {
		return *p, true
	}
	if reflect.TypeFor[M]().Kind() == reflect.Interface {
		value, ok = m.Value().(M)
	}
	return value, ok
}

// Value returns the value of m, or nil if m is the zero Message.
func (m Message) Value() any {
	if m.ref == nil {
		return nil
	}
	return reflect.ValueOf(m.ref).Elem().Interface()
}

// Type returns the type of the value of m, or nil if m is the zero Message.
func (m Message) Type() reflect.Type {
	if m.ref == nil {
		return nil
	}
	return reflect.TypeOf(m.ref).Elem()
}

// String describes m for people.
func (m Message) String() string {
	v := m.Value()
	if v == nil {
		return "no message"
	}
	if text, ok := selftext.Of(reflect.ValueOf(v)); ok {
		return text
	}
	return shown.valueText(v, nil)
}

// word is how the runtime lays out an interface value. It gives the address
// that an any holds, and the identity of its type, at no cost.
type word struct{ typ, ptr unsafe.Pointer }

// address returns the pointer that ref, which holds a pointer, holds.
func address(ref *any) unsafe.Pointer { return (*word)(unsafe.Pointer(ref)).ptr }

// identity returns what tells the type of ref from all other types.
func identity(ref *any) unsafe.Pointer { return (*word)(unsafe.Pointer(ref)).typ }
