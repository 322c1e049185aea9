package codec_test

import (
	"net/netip"
	"reflect"
	"time"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/internal/unsealed"
	"github.com/go-marketplace/marketplace/world"
)

// made has generators for types of which values are not made of their parts.
var made = map[reflect.Type]*rapid.Generator[any]{
	reflect.TypeFor[time.Time](): rapid.Custom(func(t *rapid.T) any {
		// Not the zero time, which the other implementation writes as null.
		return time.Unix(rapid.Int64Range(-62135596799, 253402300799).Draw(t, "seconds"), rapid.Int64Range(0, 999999999).Draw(t, "nanoseconds")).UTC()
	}),
	reflect.TypeFor[netip.Addr](): rapid.SampledFrom([]any{
		netip.Addr{}, netip.MustParseAddr("1.2.3.4"), netip.MustParseAddr("::1"), netip.MustParseAddr("::ffff:1.2.3.4"), netip.MustParseAddr("fe80::1%a%b"),
	}),
	reflect.TypeFor[netip.AddrPort](): rapid.SampledFrom([]any{
		netip.AddrPort{}, netip.AddrPortFrom(netip.Addr{}, 1), netip.MustParseAddrPort("1.2.3.4:80"), netip.MustParseAddrPort("[fe80::1%a%b]:80"),
	}),
	reflect.TypeFor[inet.Addr](): rapid.Custom(func(t *rapid.T) any {
		host := anyString().Filter(func(s string) bool { return s != "" }).Draw(t, "host")
		port := rapid.Uint16().Draw(t, "port")
		return rapid.SampledFrom([]inet.Addr{
			{}, inet.Remote(host, port), inet.Remote("10.1.2.3", port).TLS(host), inet.Handle(host), inet.Listener(host, port), inet.Remote("::1", port).Numbered(2),
		}).Draw(t, "address")
	}),
	reflect.TypeFor[error](): rapid.Custom(func(t *rapid.T) any {
		if rapid.Bool().Draw(t, "nil") {
			return nil
		}
		return &world.Error{Kind: anyString().Draw(t, "kind"), Text: anyString().Draw(t, "text")}
	}),
	reflect.TypeFor[any]():  rapid.SampledFrom([]any{nil, 1, text("x"), said{Who: "\xff"}, &world.Error{}, map[place]string{{1, 2}: "x"}, []octet(nil)}),
	reflect.TypeFor[word](): rapid.Map(anyString(), func(s string) any { return word{s + "!"} }),
	reflect.TypeFor[list](): rapid.SampledFrom([]any{list{}, list{[]string{"a", "b"}}}),
}

// anyString makes strings that are often UTF-8, but not always.
func anyString() *rapid.Generator[string] {
	return rapid.OneOf(rapid.StringN(0, 8, -1), rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 8), func(b []byte) string { return string(b) }))
}

// fill sets v to any value of its type.
func fill(t *rapid.T, v reflect.Value, depth int) {
	if g, ok := made[v.Type()]; ok {
		if x := g.Draw(t, v.Type().String()); x != nil {
			v.Set(reflect.ValueOf(x))
		}
		return
	}
	if unsealed.Is(v.Type()) { // one without a content, which needs no key
		v.FieldByName("Subject").SetString(anyString().Draw(t, "subject"))
		return
	}
	bits := func() uint64 { return rapid.Uint64().Draw(t, "bits") }
	size := func() int { return rapid.IntRange(0, max(0, 3-depth)).Draw(t, "size") }
	some := func() bool { return depth < 4 && rapid.Bool().Draw(t, "some") }
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		v.SetInt(int64(bits()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(bits())
	case reflect.Float32:
		v.SetFloat(float64(rapid.Float32().Draw(t, "float")))
	case reflect.Float64:
		v.SetFloat(rapid.Float64().Draw(t, "float"))
	case reflect.String:
		v.SetString(anyString().Draw(t, "string"))
	case reflect.Pointer:
		if some() {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem(), depth+1)
		}
	case reflect.Slice:
		if some() {
			v.Set(reflect.MakeSlice(v.Type(), size(), 3))
			for i := range v.Len() {
				fill(t, v.Index(i), depth+1)
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i), depth+1)
		}
	case reflect.Map:
		if some() {
			v.Set(reflect.MakeMap(v.Type()))
			for range size() {
				k, e := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
				fill(t, k, depth+1)
				fill(t, e, depth+1)
				v.SetMapIndex(k, e)
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i), depth+1)
		}
	default:
		t.Fatalf("no values of type %v", v.Type())
	}
}

// anyOf returns any value of type t.
func anyOf(t *rapid.T, typ reflect.Type) any {
	v := reflect.New(typ).Elem()
	fill(t, v, 0)
	return v.Interface()
}
