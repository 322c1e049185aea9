package codec

import (
	"reflect"
	"sync"
)

// Append appends v, of a registered type, to dst: the array of the name of its
// type and the value, or null if v is nil. If there is an error, which is an
// [*Error], it returns dst as it was.
//
// Append may be called from any goroutine, while nobody writes to v.
func Append(dst []byte, v any) ([]byte, error) {
	if v == nil {
		return append(dst, null), nil
	}
	x := reflect.ValueOf(v)
	d, err := writeNamed(dst, x, 0)
	if err != nil {
		return dst, of(x.Type(), err)
	}
	return d, nil
}

// Decode restores the value at the beginning of data, which [Append] has
// written, and returns what comes after it. The value shares no memory with
// data. It returns an [*Error] if data is anything else, or if its type is not
// registered in this program; it then returns data as the rest.
//
// What Decode does with bytes that came from somewhere else is harmless: it
// takes no more memory than they do, times a constant that depends on the
// registered types.
func Decode(data []byte) (v any, rest []byte, err error) {
	r := readers.Get().(*reader)
	r.data = data
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

// readers are there to be used again: a journal has many values.
var readers = sync.Pool{New: func() any { return new(reader) }}

// AppendValue appends v without the name of its type, which need not be
// registered: whoever restores it knows the type. It is like [Append]
// otherwise.
func AppendValue(dst []byte, v any) ([]byte, error) {
	if v == nil {
		return append(dst, null), nil
	}
	x := reflect.ValueOf(v)
	k, err := planOf(x.Type())
	if err != nil {
		return dst, err
	}
	d, err := k.write(dst, x, 0)
	if err != nil {
		return dst, of(x.Type(), err)
	}
	return d, nil
}

// DecodeValue restores a value of type t, which [AppendValue] has written. If
// what was written is nil itself, so is t. It is like [Decode] otherwise.
func DecodeValue(data []byte, t reflect.Type) (v any, rest []byte, err error) {
	r := reader{data: data}
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
		return nil, data, of(t, err)
	}
	return x.Interface(), data[r.at:], nil
}
