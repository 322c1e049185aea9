package topic

import (
	"fmt"
	"reflect"
	"unsafe"

	"github.com/go-marketplace/marketplace/topic/selftext"
)

// A Message is a reference to a value of any type, which can be sent. The value
// must not change any more, nor anything that it points to. The zero Message is no
// message: no topic matches it.
type Message struct {
	ref any // *M
}

// MessageOf returns m as a message.
//
// If M is an interface type, the message is the value in the interface, because
// messages are routed by their dynamic type; for a nil interface, it is the zero
// Message.
func MessageOf[M any](m M) Message { return Refer(&m) }

// Refer is [MessageOf] without a copy of the value: the message refers to *m, which
// must not change any more. The pointer m must not be nil.
func Refer[M any](m *M) Message {
	if reflect.TypeFor[M]().Kind() == reflect.Interface {
		return dynamic(*m)
	}
	return Message{m}
}

// ReferTo is [Refer] for a pointer whose type the program does not know, such as the one
// that a decoder returns. For nil, it is the zero Message. It panics if ref is anything
// but a pointer, and if it is a nil pointer.
func ReferTo(ref any) Message {
	if ref == nil {
		return Message{}
	}
	v := reflect.ValueOf(ref)
	switch {
	case v.Kind() != reflect.Pointer:
		panic(fmt.Sprintf("topic: ReferTo: a %T is no pointer: use MessageOf", ref))
	case v.IsNil():
		panic(fmt.Sprintf("topic: ReferTo: the %T is nil, and refers to no message", ref))
	case v.Elem().Kind() == reflect.Interface:
		return dynamic(v.Elem().Interface())
	}
	return Message{reflect.NewAt(v.Type().Elem(), v.UnsafePointer()).Interface()}
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

// As returns the value of m as an M. It reports false if the value has another
// type, or, where M is an interface type, does not implement M.
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

// Ref returns a pointer to the value of m, without a copy of it: a *M for a message of
// type M, or nil if m is the zero Message. The value must not be changed.
func (m Message) Ref() any { return m.ref }

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

// word is the layout of an any in memory.
type word struct{ typ, ptr unsafe.Pointer }

// address returns the pointer that is in ref.
func address(ref *any) unsafe.Pointer { return (*word)(unsafe.Pointer(ref)).ptr }

// identity returns a pointer that is different for each type of the value in ref.
func identity(ref *any) unsafe.Pointer { return (*word)(unsafe.Pointer(ref)).typ }
