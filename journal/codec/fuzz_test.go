package codec_test

import (
	"bytes"
	"reflect"
	"runtime"
	"testing"

	"github.com/go-marketplace/marketplace/journal/codec"
)

// FuzzDecode: data from anywhere does no harm. It is refused, or is a value
// that can be written and read again as it is.
func FuzzDecode(f *testing.F) {
	for _, v := range examples {
		data, err := codec.Append(nil, v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = codec.Name(data)
		_, _, _ = codec.Generic(data)
		_ = codec.Text(data)
		v, rest, err := codec.Decode(data)
		if err != nil {
			return
		}
		if !bytes.HasSuffix(data, rest) {
			t.Fatalf("the rest of %x is %x", data, rest)
		}
		again, err := codec.Append(nil, v)
		if err != nil {
			t.Fatalf("%x was read as %#v, but: %v", data, v, err)
		}
		w, rest, err := codec.Decode(again)
		if err != nil || len(rest) > 0 {
			t.Fatalf("%#v, read from %x, was written as %x, and then: rest %x, error %v", v, data, again, rest, err)
		}
		// A value that is not equal to itself, because it has a NaN in it, is at
		// least written alike.
		if last, err := codec.Append(nil, w); err != nil || !bytes.Equal(last, again) {
			t.Fatalf("%#v was written as %x, and then as %x, error %v", v, again, last, err)
		}
	})
}

// FuzzDecodeValue: there is one way to write a value that has no field that may
// be missing.
func FuzzDecodeValue(f *testing.F) {
	typ := reflect.TypeFor[map[string][]*struct{}]()
	for _, v := range []map[string][]*struct{}{nil, {}, {"a": nil, "\xff": {nil, {}}}} {
		data, err := codec.AppendValue(nil, v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, rest, err := codec.DecodeValue(data, typ)
		if err != nil {
			return
		}
		if again, err := codec.AppendValue(nil, v); err != nil || !bytes.Equal(append(again, rest...), data) {
			t.Fatalf("%x was read as %#v, which is %x, error %v", data, v, again, err)
		}
	})
}

// FuzzDecodeRef: a pointer is decoded if and only if the value is, to an equal value, and
// what is decoded is encoded like the value.
func FuzzDecodeRef(f *testing.F) {
	types := []reflect.Type{reflect.TypeFor[arrived](), reflect.TypeFor[open](), reflect.TypeFor[owners](), reflect.TypeFor[*tree]()}
	for i, v := range []any{arrived{Bytes: line}, open{Any: 1, All: []any{"x"}}, owners{Words: []word{{"a"}}}, &tree{Name: "root"}} {
		data, err := codec.AppendValue(nil, v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), data)
	}
	f.Fuzz(func(t *testing.T, n uint8, data []byte) {
		typ := types[int(n)%len(types)]
		v, rest, err := codec.DecodeValue(data, typ)
		ref, rest2, err2 := codec.DecodeRef(data, typ)
		if !reflect.DeepEqual(err, err2) || !bytes.Equal(rest, rest2) {
			t.Fatalf("DecodeValue: rest %x, error %v; DecodeRef: rest %x, error %v", rest, err, rest2, err2)
		}
		if err != nil {
			return
		}
		if reflect.TypeOf(ref) != reflect.PointerTo(typ) {
			t.Fatalf("a %v was decoded as a %T", typ, ref)
		}
		want, err := codec.AppendValue(nil, v)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := codec.AppendRef(nil, ref); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("the value is %x, and what the pointer refers to is %x, error %v", want, got, err)
		}
	})
}

type nest []nest

// TestWrongLengthsTakeNoMemory: a wrong length takes no more memory than the
// bytes that are there, even if there is one at each level.
func TestWrongLengthsTakeNoMemory(t *testing.T) {
	data := bytes.Repeat([]byte{0x9a, 0, 0x10, 0, 0}, 1000)
	data = append(data, make([]byte, 1<<20)...)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, _, err := codec.DecodeValue(data, reflect.TypeFor[nest]()); err == nil {
		t.Fatal("no error")
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 8<<20 {
		t.Errorf("%d bytes were taken for %d", got, len(data))
	}
}
