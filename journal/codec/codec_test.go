package codec_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"log"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/world"
)

func ptr[T any](v T) *T { return &v }

// noon is a time with nanoseconds.
var noon = time.Date(2026, 11, 28, 12, 0, 0, 123456789, time.UTC)

// examples are values that can be encoded.
var examples = []any{
	nil,
	said{}, said{"tony", []byte("hi"), true}, said{"\xff\xfe", []byte{}, false},
	numbers{}, numbers{-128, math.MinInt64, 255, math.MaxUint64, math.MaxFloat32, math.SmallestNonzeroFloat64},
	numbers{127, math.MaxInt64, 23, 24, float32(math.Inf(-1)), math.Copysign(0, -1)},
	numbers{F32: 1.5, F64: 0.1}, numbers{F32: 1e-7, F64: 1e-7}, numbers{F64: 65504}, numbers{F64: 5.960464477539063e-08},
	lists{}, lists{[]string{}, [3]byte{1, 2, 3}, [2]int16{-1, 300}, [][]string{nil, {}, {"a", ""}}},
	lists{Strings: make([]string, 1000)},
	maps{}, maps{map[string]int{}, map[int]string{}, map[place]bool{}, map[netip.Addr]string{}, map[time.Time]int{}},
	maps{
		map[string]int{"": 0, "b": 1, "aa": 2, "\xff": 3, "é": 4},
		map[int]string{-1: "a", 0: "b", 1000: "c"},
		map[place]bool{{1, 2}: true, {2, 1}: false},
		map[netip.Addr]string{{}: "none", netip.MustParseAddr("::1"): "one"},
		map[time.Time]int{noon: 1, {}: 2},
	},
	pointed{}, pointed{&said{Who: "x"}, ptr(ptr(1)), ptr([]string{}), ptr(map[string]int{"a": 1}), ptr[any](3)},
	pointed{&said{}, ptr[*int](nil), ptr[[]string](nil), ptr[map[string]int](nil), ptr[any](nil)},
	open{}, open{said{"a", nil, false}, &world.Error{Kind: "io.EOF", Text: "EOF"}, []any{nil, 1, text("x"), open{Any: 2}}},
	open{Err: (*world.Error)(nil), All: []any{}},
	tree{}, tree{"root", []tree{{Name: "a"}, {Name: "b", Children: []tree{}}}, &tree{Name: "p"}, map[string]*tree{"x": nil, "y": {}}},
	&tree{Name: "by pointer"}, (*tree)(nil),
	outside{}, outside{noon, netip.MustParseAddr("fe80::1%\xff"), netip.AddrPortFrom(netip.Addr{}, 80), -5, world.Ref{Device: "d", Generation: 1, Number: 2}, &world.Error{Op: "dial"}},
	outside{When: time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC), Addr: netip.MustParseAddr("::ffff:1.2.3.4")},
	renamed{5}, embedded{}, embedded{Said{"a"}, &Place{"b"}}, stamp{noon},
	text("x"), blob(nil), blob{}, blob("x"), []octet{}, []octet{1, 2}, map[place]string{{1, 2}: "a"}, map[text]int{"z": 1, "\xc0": 2},
	owners{}, owners{word{"a"}, list{[]string{"b", "c"}}, []word{{"\xff"}, {"d"}}, &list{}},
	world.Ref{Device: "tcp.listener"}, &world.Error{Kind: "k"}, world.AlarmSet{Now: noon},
	true, "x", -1, int8(1), int16(1), int32(1), int64(1), uint(1), uint8(1), uint16(1), uint32(1), uint64(1), float32(1.5), 1.5, []byte("x"), noon, time.Second,
	open{All: []any{true, "x", 1, uint8(1), 1.5, []byte("x"), noon, time.Second}},
}

func TestValuesComeBack(t *testing.T) {
	for _, v := range examples {
		data, err := codec.Append([]byte("before"), v)
		if err != nil {
			t.Errorf("%#v: %v", v, err)
			continue
		}
		got, rest, err := codec.Decode(append(data, "after"...)[len("before"):])
		if err != nil || string(rest) != "after" || !reflect.DeepEqual(got, v) {
			t.Errorf("%#v came back as %#v, rest %q, error %v; written as %x", v, got, rest, err, data)
		}
		plain, err := codec.AppendValue(nil, v)
		if err != nil {
			t.Errorf("%#v: %v", v, err)
		}
		if got, rest, err := codec.DecodeValue(plain, reflect.TypeOf(v)); err != nil || len(rest) > 0 || !reflect.DeepEqual(got, v) {
			t.Errorf("without its name, %#v came back as %#v, rest %q, error %v", v, got, rest, err)
		}
	}
}

func TestWhatIsWritten(t *testing.T) {
	for _, test := range []struct {
		v    any
		want string // in hexadecimal digits, or ' before what is as it looks
	}{
		{nil, "f6"},
		{"hello", "65 'hello"},
		{"\xff", "41 ff"},
		{said{"tony", []byte("hi"), true}, "a3 63 'Who 64 'tony 64 'Loud f5 64 'Text 42 'hi"},
		{numbers{I8: -1, U8: 200, F32: 1.5, F64: 0.1}, "a6 62 'I8 20 62 'U8 18c8 63 'F32 f93e00 63 'F64 fb3fb999999999999a 63 'I64 00 63 'U64 00"},
		{math.Inf(1), "f97c00"}, {100000.0, "fa47c35000"}, {5.960464477539063e-08, "f90001"}, {math.Copysign(0, -1), "f98000"},
		{math.Float64frombits(0x7ff8000000000000), "f97e00"}, {math.Float64frombits(0x7ff8000000000001), "fb7ff8000000000001"},
		{math.Float32frombits(0x7f800001), "fa7f800001"},
		{map[int]int{1: 1, -1: 2, 24: 3}, "a3 01 01 1818 03 20 02"},
		{[]string(nil), "f6"}, {[]string{}, "80"}, {[]byte(nil), "f6"}, {[]byte{}, "40"}, {[2]byte{1, 2}, "420102"},
		{ptr([]string(nil)), "81 f6"}, {ptr(1), "01"}, {(*int)(nil), "f6"},
		{noon, "c0 781e '2026-11-28T12:00:00.123456789Z"}, {time.Time{}, "c0 74 '0001-01-01T00:00:00Z"},
		{netip.MustParseAddr("1.2.3.4"), "44 01020304"},
		{open{Any: text("x")}, "a3 63 'All f6 63 'Any 82 6f 'codec_test.text 61 'x 63 'Err f6"},
	} {
		want := ""
		for _, w := range strings.Fields(test.want) {
			if s, ok := strings.CutPrefix(w, "'"); ok {
				w = hex.EncodeToString([]byte(s))
			}
			want += w
		}
		got, err := codec.AppendValue(nil, test.v)
		if err != nil || hex.EncodeToString(got) != want {
			t.Errorf("%#v is %x, error %v; want %s", test.v, got, err, want)
		}
	}
}

func TestAFloatKeepsAllItsBits(t *testing.T) {
	for _, bits := range []uint64{0x7ff0000000000001, 0xfff8000000000000, 0x7ff8000020000000, 0x7ffc000000000000, 1, 0x3810000000000000, 0x380fffffffffffff, 0x47efffffe0000000, 0x36a0000000000000, 0x3690000000000000} {
		data, err := codec.AppendValue(nil, math.Float64frombits(bits))
		if err != nil {
			t.Fatal(err)
		}
		v, _, err := codec.DecodeValue(data, reflect.TypeFor[float64]())
		if err != nil || math.Float64bits(v.(float64)) != bits {
			t.Errorf("%x came back as %x, error %v", bits, math.Float64bits(v.(float64)), err)
		}
	}
	for _, bits := range []uint32{0x7f800001, 0xffc00000, 1, 0x7f7fffff, 0x33800000, 0x33000000, 0x387fc000, 0x387fe000} {
		data, err := codec.AppendValue(nil, math.Float32frombits(bits))
		if err != nil {
			t.Fatal(err)
		}
		v, _, err := codec.DecodeValue(data, reflect.TypeFor[float32]())
		if err != nil || math.Float32bits(v.(float32)) != bits {
			t.Errorf("%x came back as %x, error %v", bits, math.Float32bits(v.(float32)), err)
		}
	}
}

// TestWhatIsRefusedWhenItIsWritten: also a value that is part of itself. FC-13.
func TestWhatIsRefusedWhenItIsWritten(t *testing.T) {
	circle := &tree{Name: "a"}
	circle.Parent = circle
	around := map[string]any{}
	around["x"] = around
	for _, test := range []struct {
		v    any
		want string
	}{
		{struct{ N int }{}, "codec: struct { N int }: the type struct { N int } is not registered; use world.Register"},
		{errors.New("x"), "codec: *errors.errorString: an error of type *errors.errorString cannot be restored; use world.Reduce"},
		{unwritable{}, "codec: codec_test.unwritable.F[]: a func cannot be encoded"},
		{open{Any: place{}}, "codec: codec_test.open.Any: the type codec_test.place is not registered; use world.Register"},
		{open{All: []any{1, open{Err: errors.New("x")}}}, "codec: codec_test.open.All[1](codec_test.open).Err: an error of type *errors.errorString cannot be restored; use world.Reduce"},
		{open{Any: unwritable{}}, "codec: codec_test.open.Any(codec_test.unwritable).F[]: a func cannot be encoded"},
		{outside{When: time.Now()}, "codec: codec_test.outside.When: the time has a location other than UTC, or a monotonic reading, which cannot be restored; use t.Round(0).UTC()"},
		{outside{When: noon.In(time.FixedZone("x", 0))}, "codec: codec_test.outside.When: the time has a location"},
		{outside{When: noon.AddDate(8000, 0, 0)}, "codec: codec_test.outside.When: the time is in the year 10026, which does not have four digits"},
		{map[float64]int{math.NaN(): 1}, "codec: codec_test.byFloat[key]: a key that is not equal to itself cannot be restored"},
		{circle, "is nested more than 1000 deep; is it part of itself?"},
		{owners{Word: word{"refused"}}, "codec: codec_test.owners.Word: its codec says: not this one"},
		{owners{Word: word{"panic"}}, "codec: codec_test.owners.Word: its codec has panicked: at the word"},
		{owners{List: list{[]string{"broken"}}}, "codec: codec_test.owners.List: its codec has returned bytes that are not one item of CBOR"},
	} {
		got, err := codec.Append([]byte("kept"), test.v)
		var e *codec.Error
		if err == nil || !strings.Contains(err.Error(), test.want) || !errors.As(err, &e) || string(got) != "kept" {
			t.Errorf("%T: got %q, error %.300v; want %s", test.v, got, err, test.want)
		}
	}
}

func TestWhatIsRefusedWhenItIsRead(t *testing.T) {
	for _, test := range []struct {
		v    any    // of the type
		data string // in hexadecimal digits
		want string
	}{
		{0, "", "ends in the middle"},
		{0, "18", "ends in the middle"},
		{0, "1801", "the number at byte 0 is longer than it has to be"},
		{0, "1c", "does not begin an item"},
		{0, "1b8000000000000000", "the number at byte 0 does not fit in int"},
		{int8(0), "1880", "does not fit in int8"},
		{uint8(0), "20", "does not fit in uint8"},
		{0, "f5", "there is a simple value at byte 0 instead of a number"},
		{"", "41 61", "should be a text if it is UTF-8"},
		{"", "61 ff", "should be a text if it is UTF-8"},
		{"", "7affffffff", "ends in the middle"},
		{[]string{}, "9affffffff", "ends in the middle"},
		{[]string{}, "9f6161ff", "does not begin an item"},
		{[]string{}, "82 6161 01", "codec: []string[1]: there is a number at byte 3 instead of a text"},
		{map[string]int{}, "a2 616200 616100", "the key at byte 4 is there twice, or out of order"},
		{map[string]int{}, "a2 616100 616100", "is there twice"},
		{map[float64]int{}, "a2 f9000001 f9800002", "is there twice"},
		{[2]int{}, "8101", "there are 1 elements at byte 0, which is not the length of [2]int"},
		{[2]byte{}, "4101", "there are 1 elements"},
		{0.5, "fb3fe0000000000000", "the float at byte 0 is longer"},
		{float32(0), "fb3fb999999999999a", "does not fit in float32"},
		{true, "f6", "instead of a bool"},
		{time.Time{}, "c0 6161", "the text at byte 0 is not a time in UTC"},
		{time.Time{}, "c0 7819 323032362d31312d32385431323a30303a30302b30313a3030", "is not a time in UTC"},
		{said{}, "a1 6161 00", `codec: codec_test.said: the field "a" at byte 1 is not one of codec_test.said, or out of order`},
		{said{}, "a1 63 57686f 00", "codec: codec_test.said.Who: there is a number at byte 5"},
		{word{}, "63 626164", "its codec says: a bad word"},
		{word{}, "65 776f727365", "its codec has panicked: at the worse word"},
		{netip.Addr{}, "41 00", "its codec says: "},
		{ptr(ptr(1)), "01", "instead of an array of one element"},
		{open{}, "a1 63 457272 82 63 696e74 01", "codec: codec_test.open.Err: the value at byte 5 is of type int, which does not implement error"},
		{open{}, "a1 63 416e79 82 6161 01", `codec_test.open.Any: no type is registered as "a" in this program`},
	} {
		data, err := hex.DecodeString(strings.ReplaceAll(test.data, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		v, rest, err := codec.DecodeValue(data, reflect.TypeOf(test.v))
		var e *codec.Error
		if err == nil || !strings.Contains(err.Error(), test.want) || !errors.As(err, &e) || v != nil || len(rest) != len(data) {
			t.Errorf("%T from %s: got %v, error %v; want %s", test.v, test.data, v, err, test.want)
		}
	}
}

func TestFieldsThatWereAddedAreZero(t *testing.T) {
	data, err := codec.AppendValue(nil, struct{ Text []byte }{[]byte("hi")})
	if err != nil {
		t.Fatal(err)
	}
	if v, _, err := codec.DecodeValue(data, reflect.TypeFor[said]()); err != nil || !reflect.DeepEqual(v, said{Text: []byte("hi")}) {
		t.Error(v, err)
	}
}

func TestDecodedValuesShareNoMemory(t *testing.T) {
	data, err := codec.Append(nil, said{"tony", []byte("hi"), true})
	if err != nil {
		t.Fatal(err)
	}
	v, _, err := codec.Decode(data)
	clear(data)
	if err != nil || !reflect.DeepEqual(v, said{"tony", []byte("hi"), true}) {
		t.Error(v, err)
	}
}

// TestRefsComeBack: what a pointer refers to is encoded like the value itself, and
// decoded as a pointer, to the same value.
func TestRefsComeBack(t *testing.T) {
	for _, v := range examples {
		if v == nil {
			continue
		}
		typ := reflect.TypeOf(v)
		in := reflect.New(typ)
		in.Elem().Set(reflect.ValueOf(v))
		data, err := codec.AppendRef([]byte("before"), in.Interface())
		want, _ := codec.AppendValue([]byte("before"), v)
		if err != nil || !bytes.Equal(data, want) {
			t.Fatalf("%#v: got %x, want %x, error %v", v, data, want, err)
		}
		ref, rest, err := codec.DecodeRef(append(data[len("before"):], 1), typ)
		if err != nil || len(rest) != 1 || !reflect.DeepEqual(ref, in.Interface()) {
			t.Errorf("%#v is decoded as %#v, rest %x, error %v", v, ref, rest, err)
		}
	}
	if dst, err := codec.AppendRef([]byte("before"), &unwritable{}); err == nil || string(dst) != "before" {
		t.Errorf("got %q, error %v", dst, err)
	}
	if ref, rest, err := codec.DecodeRef([]byte{1, 2}, reflect.TypeFor[said]()); ref != nil || len(rest) != 2 || err == nil {
		t.Errorf("got %v, rest %x, error %v", ref, rest, err)
	}
}

// TestRefsTakeNoMemory: a value behind a pointer is encoded without an allocation, and
// decoded with one for the value and those for its parts.
func TestRefsTakeNoMemory(t *testing.T) {
	v := &arrived{inet.Remote("10.1.2.3", 80), line, false}
	dst := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() { dst, _ = codec.AppendRef(dst[:0], v) }); n > 0 {
		t.Errorf("AppendRef allocates %v times", n)
	}
	small := &said{Loud: true}
	data, err := codec.AppendRef(nil, small)
	if err != nil {
		t.Fatal(err)
	}
	typ := reflect.TypeFor[said]()
	if n := testing.AllocsPerRun(100, func() { _, _, _ = codec.DecodeRef(data, typ) }); n > 1 {
		t.Errorf("DecodeRef allocates %v times", n)
	}
}

func ExampleAppend() {
	data, err := codec.Append(nil, world.Ref{Device: "radio", Generation: 1, Number: 7})
	if err != nil {
		log.Fatal(err)
	}
	v, rest, err := codec.Decode(data)
	fmt.Printf("%+v, %d bytes are left, %v\n", v, len(rest), err)
	// Output:
	// radio#1.7, 0 bytes are left, <nil>
}

func TestManyAtOnce(t *testing.T) {
	type fresh struct{ A []*said }
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for _, v := range []any{examples[1], unwritable{}, open{Any: unwritable{}}, fresh{[]*said{{}}}} {
				_, err := codec.Append(nil, v)
				if _, ok := v.(said); ok != (err == nil) {
					t.Errorf("%T: %v", v, err)
				}
				_, _ = codec.AppendValue(nil, v)
			}
		})
	}
	all.Wait()
}
