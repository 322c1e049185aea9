package codec_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"pgregory.net/rapid"

	_ "github.com/go-marketplace/marketplace/docs/writing-a-driver/follow"
	_ "github.com/go-marketplace/marketplace/drivers/console"
	_ "github.com/go-marketplace/marketplace/drivers/tcp"
	_ "github.com/go-marketplace/marketplace/drivers/tcp/sharded"
	_ "github.com/go-marketplace/marketplace/drivers/timer"
	_ "github.com/go-marketplace/marketplace/drivers/udp"
	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/world"
)

// TestEveryRegisteredTypeComesBack: values of all types that the module
// registers can be encoded, and are restored as they were. A type of the
// example of a resolver, dns.unguessed, is in a program, which nobody can
// import; it is a struct with a uint16.
//
// Some of them, such as timer.Refused, are messages and never cross the border.
// Their reasons can be any error then; what crosses is what world.Reduce made.
func TestEveryRegisteredTypeComesBack(t *testing.T) {
	for _, name := range world.RegisteredNames() {
		typ, _ := world.Registered(name)
		if typ == reflect.TypeFor[unwritable]() {
			continue
		}
		t.Run(name, func(t *testing.T) {
			if err := codec.Check(typ); err != nil {
				t.Fatal(err)
			}
			rapid.Check(t, func(t *rapid.T) { comesBack(t, anyOf(t, typ)) })
		})
	}
}

// comesBack checks what holds for all values that can be encoded.
func comesBack(t *rapid.T, v any) {
	data, err := codec.Append(nil, v)
	if err != nil {
		t.Fatal(err)
	}
	got, rest, err := codec.Decode(data)
	if err != nil || len(rest) > 0 || !reflect.DeepEqual(got, v) {
		t.Fatalf("%#v came back as %#v, rest %x, error %v; written as %x", v, got, rest, err, data)
	}
	again, err := codec.Append(nil, got)
	if err != nil || !bytes.Equal(again, data) {
		t.Fatalf("%#v was written as %x, and then as %x, error %v", v, data, again, err)
	}
	isCanonical(t, data)
	name, _ := world.NameOf(reflect.TypeOf(v))
	if got, err := codec.Name(data); got != name || err != nil {
		t.Fatalf("the name is %q, error %v; want %q", got, err, name)
	}
	if got, _, err := codec.Generic(data); got != name || err != nil {
		t.Fatalf("the name is %q, error %v; want %q", got, err, name)
	}
	if text := codec.Text(data); !strings.HasPrefix(text, name) || len(text) > 600 {
		t.Fatalf("the text of %#v is %s", v, text)
	}
	// What is cut is refused.
	n := rapid.IntRange(0, len(data)-1).Draw(t, "cut")
	if got, _, err := codec.Decode(data[:n]); err == nil {
		t.Fatalf("%x was taken for %#v", data[:n], got)
	}
}

// isCanonical checks that another implementation takes the bytes for CBOR, and
// writes the same bytes, in its core deterministic form.
func isCanonical(t *rapid.T, data []byte) {
	if err := strict.Wellformed(data); err != nil {
		t.Fatalf("%x: %v", data, err)
	}
	var v any
	if err := strict.Unmarshal(data, &v); err != nil {
		if strings.Contains(err.Error(), "map key") {
			return // a key is a struct or an array, which it cannot have in Go
		}
		t.Fatalf("%x: %v", data, err)
	}
	again, err := canonical.Marshal(v)
	if err != nil || !bytes.Equal(again, data) {
		t.Fatalf("%x should be %x (error %v)", data, again, err)
	}
}

var strict = must(cbor.DecOptions{
	DupMapKey: cbor.DupMapKeyEnforcedAPF, IndefLength: cbor.IndefLengthForbidden,
}.DecMode())

var canonical = must(func() (cbor.EncMode, error) {
	o := cbor.CoreDetEncOptions()
	o.NaNConvert = cbor.NaNConvertPreserveSignal
	o.Time, o.TimeTag = cbor.TimeRFC3339NanoUTC, cbor.EncTagRequired
	return o.EncMode()
}())

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func TestValuesOfEveryFormComeBack(t *testing.T) {
	for _, typ := range []reflect.Type{
		reflect.TypeFor[map[string][]map[int8]*string](), reflect.TypeFor[**[]*[]string](), reflect.TypeFor[map[[2]float64]any](),
		reflect.TypeFor[[]struct{}](), reflect.TypeFor[[]tree](), reflect.TypeFor[map[world.Ref]*world.Error](), reflect.TypeFor[[3]error](),
	} {
		t.Run(typ.String(), rapid.MakeCheck(func(t *rapid.T) {
			v := anyOf(t, typ)
			data, err := codec.AppendValue(nil, v)
			if err != nil {
				t.Fatal(err)
			}
			got, rest, err := codec.DecodeValue(data, typ)
			if err != nil || len(rest) > 0 || !reflect.DeepEqual(got, v) {
				t.Fatalf("%#v came back as %#v, rest %x, error %v; written as %x", v, got, rest, err, data)
			}
		}))
	}
}
