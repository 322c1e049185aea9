package codec

import (
	"encoding"
	"fmt"
	"reflect"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
)

// A customCodec is a kind of codec that types have of their own, as methods.
type customCodec struct {
	marshal, unmarshal reflect.Type // the interfaces
	item               byte         // what is written: bytes_, text, or any item for 0
	encode             func(dst []byte, v any) ([]byte, error)
	decode             func(v any, data []byte) error
}

// customCodecs are the codecs that a type can have of its own, the best first. A binary
// form should lose nothing; a text is sometimes for people.
var customCodecs = []*customCodec{
	{
		reflect.TypeFor[cbor.Marshaler](), reflect.TypeFor[cbor.Unmarshaler](), 0,
		func(dst []byte, v any) ([]byte, error) { return join(dst)(v.(cbor.Marshaler).MarshalCBOR()) },
		func(v any, data []byte) error { return v.(cbor.Unmarshaler).UnmarshalCBOR(data) },
	},
	{
		reflect.TypeFor[encoding.BinaryMarshaler](), reflect.TypeFor[encoding.BinaryUnmarshaler](), bytes_,
		func(dst []byte, v any) ([]byte, error) {
			if a, ok := v.(encoding.BinaryAppender); ok {
				return a.AppendBinary(dst)
			}
			return join(dst)(v.(encoding.BinaryMarshaler).MarshalBinary())
		},
		func(v any, data []byte) error { return v.(encoding.BinaryUnmarshaler).UnmarshalBinary(data) },
	},
	{
		reflect.TypeFor[encoding.TextMarshaler](), reflect.TypeFor[encoding.TextUnmarshaler](), text,
		func(dst []byte, v any) ([]byte, error) {
			if a, ok := v.(encoding.TextAppender); ok {
				return a.AppendText(dst)
			}
			return join(dst)(v.(encoding.TextMarshaler).MarshalText())
		},
		func(v any, data []byte) error { return v.(encoding.TextUnmarshaler).UnmarshalText(data) },
	},
}

// join returns a function that appends what a method returns.
func join(dst []byte) func([]byte, error) ([]byte, error) {
	return func(b []byte, err error) ([]byte, error) { return append(dst, b...), err }
}

// customCodecOf returns the codec that type t has of its own, or nil. It returns nil for a
// struct whose only field is embedded and has the codec: the struct has only promoted
// methods, and is encoded by its field.
func customCodecOf(t reflect.Type) *customCodec {
	if k := t.Kind(); k == reflect.Interface || k == reflect.Pointer {
		return nil
	}
	for _, o := range customCodecs {
		if o.is(t) {
			if _, ok := o.embedded(t); ok && t.NumField() == 1 {
				return nil
			}
			return o
		}
	}
	return nil
}

// is reports whether a type has the codec.
func (o *customCodec) is(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(o.marshal) && p.Implements(o.unmarshal)
}

// embedded returns an embedded field of type t that has the codec as well.
func (o *customCodec) embedded(t reflect.Type) (f reflect.StructField, ok bool) {
	if t.Kind() != reflect.Struct {
		return f, false
	}
	for f := range t.Fields() {
		if f.Anonymous && (o.is(f.Type) || f.Type.Implements(o.marshal) && f.Type.Implements(o.unmarshal)) {
			return f, true
		}
	}
	return f, false
}

func (p *plan) hasCustomCodec() bool { return customCodecOf(p.typ) != nil }

// useCustomCodec makes the plan use the codec that its type has of its own, if there is
// one.
func (p *plan) useCustomCodec() (done bool, err error) {
	o := customCodecOf(p.typ)
	if o == nil {
		return false, nil
	}
	if f, ok := o.embedded(p.typ); ok {
		return false, withPath("."+f.Name, refuse("the codec of the embedded field is that of the whole struct, and knows nothing of the other fields; give the field a name"))
	}
	p.null = o.item == 0
	p.write = func(dst []byte, v reflect.Value, depth int, _ *Codec) ([]byte, error) {
		return o.write(dst, pointerTo(v), depth)
	}
	if p.typ.Implements(o.marshal) {
		p.write = func(dst []byte, v reflect.Value, depth int, _ *Codec) ([]byte, error) {
			if v.CanAddr() {
				v = v.Addr() // this does not allocate
			}
			return o.write(dst, v, depth)
		}
	}
	p.read = o.read
	return true, nil
}

// pointerTo returns a pointer to v, or to a copy of it.
func pointerTo(v reflect.Value) reflect.Value {
	if v.CanAddr() {
		return v.Addr()
	}
	c := reflect.New(v.Type())
	c.Elem().Set(v)
	return c
}

func (o *customCodec) write(dst []byte, v reflect.Value, depth int) (_ []byte, err error) {
	start := len(dst)
	defer func() {
		if r := recover(); r != nil {
			err = refuse("its codec has panicked: ", fmt.Sprint(r))
		}
	}()
	dst, err = o.encode(dst, v.Interface())
	if err != nil {
		return nil, refuse("its codec says: ", err.Error())
	}
	if o.item == 0 {
		if r := (reader{data: dst, at: start}); r.skip(depth) != nil || r.at != len(dst) {
			return nil, refuse("its codec has returned bytes that are not one item of CBOR")
		}
		return dst, nil
	}
	// Insert the length, which is known only now.
	item := o.item
	if item == text && !utf8.Valid(dst[start:]) {
		item = bytes_
	}
	var head [9]byte
	h := appendHead(head[:0], item, uint64(len(dst)-start))
	dst = append(dst, h...)
	copy(dst[start+len(h):], dst[start:])
	copy(dst[start:], h)
	return dst, nil
}

func (o *customCodec) read(r *reader, v reflect.Value, depth int) (err error) {
	start := r.at
	var data []byte
	switch o.item {
	case bytes_:
		data, err = r.chunk(bytes_)
	case text:
		data, err = r.string()
	default:
		err = r.skip(depth)
		data = r.data[start:r.at:r.at]
	}
	if err != nil {
		return err
	}
	defer func() {
		if r := recover(); r != nil {
			err = refuse("its codec has panicked: ", fmt.Sprint(r))
		}
	}()
	if err := o.decode(v.Addr().Interface(), data); err != nil {
		return refuse("its codec says: ", err.Error())
	}
	return nil
}
