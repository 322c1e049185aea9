package codec

import (
	"reflect"
	"sync"
)

// Append appends v, of a registered type, to dst: the array of the name of its
// type and the value, or null if v is nil. If there is an error, which is an
// [*Error], it returns dst as it was.
//
// Append may be called from any goroutine, as long as no other writes to v.
func Append(dst []byte, v any) ([]byte, error) { return (*Codec)(nil).Append(dst, v) }

// Append is the function [Append], for sealed values as well.
func (c *Codec) Append(dst []byte, v any) ([]byte, error) {
	if v == nil {
		return append(dst, null), nil
	}
	x := reflect.ValueOf(v)
	d, err := writeNamed(dst, x, 0, c)
	if err != nil {
		return dst, withType(x.Type(), err)
	}
	return d, nil
}

// Decode decodes the value at the beginning of data, which [Append] has encoded, and
// returns the rest of data. The value shares no memory with data. Decode returns an
// [*Error] if data begins with anything else, or if the type is not registered in this
// program; the rest is then data.
//
// Decode is safe for untrusted data: it uses no more memory than the size of data times a
// constant, which depends on the registered types.
func Decode(data []byte) (v any, rest []byte, err error) { return (*Codec)(nil).Decode(data) }

// Decode is the function [Decode], for sealed values as well.
func (c *Codec) Decode(data []byte) (v any, rest []byte, err error) {
	r := readers.Get().(*reader)
	r.data, r.codec = data, c
	defer func() { *r = reader{}; readers.Put(r) }()
	if r.null() {
		return nil, data[1:], nil
	}
	x, err := readNamed(r, 0)
	if err != nil {
		return nil, data, err
	}
	return x.Interface(), data[r.at:], nil
}

// readers are reused, because a journal has many values.
var readers = sync.Pool{New: func() any { return new(reader) }}

// AppendValue appends v without the name of its type. The type need not be registered,
// because the caller of [DecodeValue] gives it. Otherwise AppendValue is like [Append].
func AppendValue(dst []byte, v any) ([]byte, error) { return (*Codec)(nil).AppendValue(dst, v) }

// AppendValue is the function [AppendValue], for sealed values as well.
func (c *Codec) AppendValue(dst []byte, v any) ([]byte, error) {
	if v == nil {
		return append(dst, null), nil
	}
	return c.appendTo(dst, reflect.ValueOf(v))
}

// DecodeValue decodes a value of type t, which [AppendValue] has encoded. Give nil for t if
// the value itself was nil. Otherwise DecodeValue is like [Decode].
func DecodeValue(data []byte, t reflect.Type) (v any, rest []byte, err error) {
	return (*Codec)(nil).DecodeValue(data, t)
}

// DecodeValue is the function [DecodeValue], for sealed values as well.
func (c *Codec) DecodeValue(data []byte, t reflect.Type) (v any, rest []byte, err error) {
	r := reader{data: data, codec: c}
	if t == nil {
		if !r.null() {
			return nil, data, r.unexpected("null")
		}
		return nil, data[1:], nil
	}
	k, err := planOf(t)
	if err != nil {
		return nil, data, err
	}
	x := reflect.New(t).Elem()
	if err := k.read(&r, x, 0); err != nil {
		return nil, data, withType(t, err)
	}
	return x.Interface(), data[r.at:], nil
}

// AppendRef is [AppendValue] for the value that ref points to, which it does not copy. It
// panics if ref is not a pointer, or is a nil pointer.
func AppendRef(dst []byte, ref any) ([]byte, error) {
	return (*Codec)(nil).appendTo(dst, reflect.ValueOf(ref).Elem())
}

// appendTo appends x without the name of its type.
func (c *Codec) appendTo(dst []byte, x reflect.Value) ([]byte, error) {
	k, err := planOf(x.Type())
	if err != nil {
		return dst, err
	}
	d, err := k.write(dst, x, 0, c)
	if err != nil {
		return dst, withType(x.Type(), err)
	}
	return d, nil
}

// DecodeRef is [DecodeValue] for callers that pass a pointer on: it returns a pointer to
// the new value, a *T for the type T. The type must not be nil.
func DecodeRef(data []byte, t reflect.Type) (ref any, rest []byte, err error) {
	k, err := planOf(t)
	if err != nil {
		return nil, data, err
	}
	r := readers.Get().(*reader)
	r.data = data
	defer func() { *r = reader{}; readers.Put(r) }()
	x := reflect.New(t)
	if err := k.read(r, x.Elem(), 0); err != nil {
		return nil, data, withType(t, err)
	}
	return x.Interface(), data[r.at:], nil
}
