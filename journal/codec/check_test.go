package codec_test

import (
	"encoding"
	"errors"
	"net/netip"
	"reflect"
	"testing"
	"time"
	"unique"
	"unsafe"

	"github.com/go-marketplace/marketplace/journal/codec"
)

type conn struct {
	Name string
	fd   func()
}

var _ = conn{}.fd

type linked struct {
	Next *linked
	Made chan int
}

type both struct {
	A int `cbor:"x"`
	B int `cbor:"x"`
}

type embeddedCodec struct {
	time.Time
	Label string
}

func TestCheck(t *testing.T) {
	for _, test := range []struct {
		typ  reflect.Type
		want string // "" if values can be encoded
	}{
		{reflect.TypeFor[said](), ""},
		{reflect.TypeFor[maps](), ""},
		{reflect.TypeFor[*tree](), ""},
		{reflect.TypeFor[[]map[netip.AddrPort][]*time.Time](), ""},
		{reflect.TypeFor[any](), ""},
		{reflect.TypeFor[error](), ""},
		{reflect.TypeFor[struct{ _ [0]func() }](), ""},
		{reflect.TypeFor[struct {
			A int `json:"-"`
		}](), ""},
		{reflect.TypeFor[struct{ Conn []conn }](), "codec: struct { Conn []codec_test.conn }.Conn[].fd: a func cannot be encoded"},
		{reflect.TypeFor[struct{ n int }](), "codec: struct { n int }.n: a field that is not exported cannot be encoded; export it, or give the type struct { n int } the methods MarshalBinary and UnmarshalBinary"},
		{reflect.TypeFor[unwritable](), "codec: codec_test.unwritable.F[]: a func cannot be encoded"},
		{reflect.TypeFor[linked](), "codec: codec_test.linked.Made: a chan cannot be encoded"},
		{reflect.TypeFor[map[string]unsafe.Pointer](), "codec: map[string]unsafe.Pointer[]: an unsafe.Pointer cannot be encoded"},
		{reflect.TypeFor[[2]uintptr](), "codec: [2]uintptr[]: a uintptr cannot be encoded, because it is an address; for a number use uint64"},
		{reflect.TypeFor[*complex64](), "codec: *complex64: a complex number cannot be encoded; use two floats"},
		{reflect.TypeFor[map[*int]bool](), "codec: map[*int]bool[key]: a key with a part of kind ptr cannot be encoded"},
		{reflect.TypeFor[map[[1]struct{ A any }]bool](), "codec: map[[1]struct { A interface {} }]bool[key]: a key with a part of kind interface cannot be encoded"},
		{reflect.TypeFor[struct {
			A int `cbor:"-"`
		}](), `codec: struct { A int "cbor:\"-\"" }.A: the tag drops the field, which would not be restored`},
		{reflect.TypeFor[struct {
			A int `cbor:"a,omitempty"`
		}](), `codec: struct { A int "cbor:\"a,omitempty\"" }.A: the tag has the option omitempty, but a field is always written, under its name`},
		{reflect.TypeFor[both](), "codec: codec_test.both.B: the tag gives it the name of the field A"},
		{reflect.TypeFor[embeddedCodec](), "codec: codec_test.embeddedCodec.Time: the codec of the embedded field is that of the whole struct, and knows nothing of the other fields; give the field a name"},
		{reflect.TypeFor[unique.Handle[string]](), "codec: unique.Handle[string].value: a field that is not exported cannot be encoded; export it, or give the type unique.Handle[string] the methods MarshalBinary and UnmarshalBinary"},
		{reflect.TypeFor[struct{ M encoding.TextMarshaler }](), ""},
	} {
		err := codec.Check(test.typ)
		got := ""
		if err != nil {
			got = err.Error()
			var e *codec.Error
			if !errors.As(err, &e) {
				t.Errorf("%v: the error is of type %T", test.typ, err)
			}
		}
		if got != test.want {
			t.Errorf("%v:\n got %s\nwant %s", test.typ, got, test.want)
		}
	}
}
