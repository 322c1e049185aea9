package codec_test

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/world"
)

type arrived struct {
	From  inet.Addr
	Bytes []byte
	Last  bool
}

func init() { world.Register[arrived]("codec_test.arrived") }

// line is 64 bytes.
var line = bytes.Repeat([]byte("0123456\n"), 8)

func BenchmarkAppend(b *testing.B) {
	var v any = arrived{inet.Remote("10.1.2.3", 80), line, false}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = codec.Append(dst[:0], v)
	}
}

func BenchmarkDecode(b *testing.B) {
	data, err := codec.Append(nil, arrived{inet.Remote("10.1.2.3", 80), line, false})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		_, _, _ = codec.Decode(data)
	}
}

func BenchmarkAppendRef(b *testing.B) {
	v := &arrived{inet.Remote("10.1.2.3", 80), line, false}
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = codec.AppendRef(dst[:0], v)
	}
}

func BenchmarkDecodeRef(b *testing.B) {
	data, err := codec.AppendRef(nil, &arrived{inet.Remote("10.1.2.3", 80), line, false})
	if err != nil {
		b.Fatal(err)
	}
	typ := reflect.TypeFor[arrived]()
	b.ReportAllocs()
	for b.Loop() {
		_, _, _ = codec.DecodeRef(data, typ)
	}
}
