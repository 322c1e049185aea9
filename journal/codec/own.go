package codec

import (
	"encoding"
	"fmt"
	"reflect"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
)

// An own is a codec that types bring with them.
type own struct {
	marshal, unmarshal reflect.Type // the interfaces
	item               byte         // what is written: bytes_, text, or any item for 0
	encode             func(dst []byte, v any) ([]byte, error)
	decode             func(v any, data []byte) error
}

// owns are the codecs that a type can bring with it, the best first. A binary
// form is meant to lose nothing; a text is sometimes for people.
var owns = []*own{
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

// ownOf returns the codec that type t brings with it, or nil. A struct of one
// field, which is embedded, has the methods of that and needs no other codec.
func ownOf(t reflect.Type) *own {
	if k := t.Kind(); k == reflect.Interface || k == reflect.Pointer {
		return nil
	}
	for _, o := range owns {
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
func (o *own) is(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(o.marshal) && p.Implements(o.unmarshal)
}

// embedded returns an embedded field of type t that has the codec, too.
func (o *own) embedded(t reflect.Type) (f reflect.StructField, ok bool) {
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

func (p *plan) isOwn() bool { return ownOf(p.typ) != nil }

// own has the plan use the codec that its type brings with it, if there is one.
func (p *plan) own() (done bool, err error) {
	o := ownOf(p.typ)
	if o == nil {
		return false, nil
	}
	if f, ok := o.embedded(p.typ); ok {
		return false, in("."+f.Name, refuse("the codec of the embedded field is that of the whole struct, and knows nothing of the other fields; give the field a name"))
	}
	p.null = o.item == 0
	p.write = func(dst []byte, v reflect.Value, depth int) ([]byte, error) {
		return o.write(dst, pointerTo(v), depth)
	}
	if p.typ.Implements(o.marshal) {
		p.write = func(dst []byte, v reflect.Value, depth int) ([]byte, error) {
			if v.CanAddr() {
				v = v.Addr() // which takes no memory
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

func (o *own) write(dst []byte, v reflect.Value, depth int) (_ []byte, err error) {
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
	// The length comes first, but is known last.
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

func (o *own) read(r *reader, v reflect.Value, depth int) (err error) {
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
