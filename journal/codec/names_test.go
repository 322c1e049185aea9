package codec_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/world"
)

// item encodes a value as CBOR, without the name of its type.
func item(t testing.TB, v any) []byte {
	t.Helper()
	mode, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		t.Fatal(err)
	}
	data, err := mode.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestNames(t *testing.T) {
	type fields = map[string]any
	says := []any{"chat.Says", fields{"Who": "ann", "What": "hello"}}
	var short, long codec.Names
	for i, test := range []struct {
		value any
		want  []byte
	}{
		{says, item(t, says)}, // the first time, all names are there in full
		{says, []byte("\x82\xe0\xa2\xe1\x63ann\xe2\x65hello")},
		{[]any{"ann", "bob"}, item(t, []any{"ann", "bob"})}, // is no type
		{[]any{"ann", "bob"}, item(t, []any{"ann", "bob"})},
		{fields{"a": 1}, item(t, fields{"a": 1})}, // so short that a number saves nothing
		{fields{"a": 1}, item(t, fields{"a": 1})},
		{fields{"Who": "Who"}, []byte("\xa1\xe1\x63Who")}, // only names become numbers
		{fields{strings.Repeat("x", 129): 1}, item(t, fields{strings.Repeat("x", 129): 1})},
		{fields{strings.Repeat("x", 129): 1}, item(t, fields{strings.Repeat("x", 129): 1})},
	} {
		full := item(t, test.value)
		got, ok := short.Shorten([]byte("before"), full)
		if !ok || string(got) != "before"+string(test.want) {
			t.Fatalf("value %d became %q, %v; want %q", i, got, ok, test.want)
		}
		back, err := long.Expand([]byte("before"), got[len("before"):], len(full))
		if err != nil || string(back) != "before"+string(full) {
			t.Fatalf("value %d came back as %q, error %v; want %q", i, back, err, full)
		}
	}

	short.Reset()
	if got, ok := short.Shorten(nil, item(t, says)); !ok || !bytes.Equal(got, item(t, says)) {
		t.Errorf("after Reset, the value became %q, %v", got, ok)
	}
	long.Reset()
	if got, err := long.Expand(nil, []byte("\x82\xe0\xa0"), 100); err == nil {
		t.Errorf("after Reset, a number became %q", got)
	}
}

// TestNamesMany: names behind the 244th stay in full, and those before are still numbers.
func TestNamesMany(t *testing.T) {
	var short, long codec.Names
	for turn := range 3 {
		for i := range 300 {
			full := item(t, map[string]int{strings.Repeat("x", 2+i%50) + string(rune('0'+i/50)): i})
			got, ok := short.Shorten(nil, full)
			if !ok {
				t.Fatalf("value %d was not shortened", i)
			}
			if back, err := long.Expand(nil, got, len(full)); err != nil || !bytes.Equal(back, full) {
				t.Fatalf("value %d came back as %q, error %v; want %q", i, back, err, full)
			}
			if isNumber := len(got) < len(full); isNumber != (turn > 0 && i < 244) {
				t.Fatalf("turn %d: value %d takes %d bytes of %d", turn, i, len(got), len(full))
			}
		}
	}
}

// TestNamesRefuse: what cannot be shortened leaves nothing behind, and what was not shortened
// is an error when it is expanded.
func TestNamesRefuse(t *testing.T) {
	var n codec.Names
	for _, value := range []string{
		"\xa2\x63abc\x01\xe0\x01", // a simple value as a key
		"\x82\xe0\x01",            // and as a type
		"\xa1\x63abc",             // ends too early
		"\xa1\x63abc\x01\x01",     // is two items
		"\xa1\x63ab",
		"",
	} {
		if got, ok := n.Shorten([]byte("before"), []byte(value)); ok || string(got) != "before" {
			t.Errorf("%q was shortened to %q", value, got)
		}
	}
	if got, ok := n.Shorten(nil, []byte("\xa1\x63abc\x01")); !ok || string(got) != "\xa1\x63abc\x01" {
		t.Errorf("a refused value has left a name behind: %q, %v", got, ok)
	}
	for _, short := range []string{"\xa1\xe1\x01", "\xa1\xf8\xff\x01", "\xa1\xf8", "\xa1\xe0", "\xa1\xe0\x01\x01", ""} {
		if got, err := n.Expand([]byte("before"), []byte(short), 100); err == nil || string(got) != "before" {
			t.Errorf("%q was expanded to %q, error %v", short, got, err)
		}
	}
	if got, err := n.Expand(nil, []byte("\xa1\xe0\x01"), 5); err == nil {
		t.Errorf("a value above the limit was expanded to %q", got)
	}
}

// TestNamesLost: a value can be read without the names before it.
func TestNamesLost(t *testing.T) {
	var n codec.Names
	n.Lose()
	got, err := n.Expand(nil, []byte("\x82\xe0\xa2\xe1\x63ann\xf8\x20\x01"), 100)
	if want := "\x82\x62?0\xa2\x62?1\x63ann\x63?20\x01"; err != nil || string(got) != want {
		t.Errorf("got %q, error %v; want %q", got, err, want)
	}
	n.Reset()
	if got, err := n.Expand(nil, []byte("\x82\xe0\x01"), 100); err == nil {
		t.Errorf("after Reset, a number became %q", got)
	}
}

// TestNamesOfEveryType: values of all types that the module registers, one after another, come
// back as they were.
func TestNamesOfEveryType(t *testing.T) {
	var names []string
	for _, name := range world.RegisteredNames() {
		if typ, _ := world.Registered(name); codec.Check(typ) == nil {
			names = append(names, name)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		var short, long codec.Names
		for range rapid.IntRange(1, 20).Draw(t, "values") {
			if rapid.IntRange(0, 9).Draw(t, "reset") == 0 {
				short.Reset()
				long.Reset()
			}
			typ, _ := world.Registered(rapid.SampledFrom(names).Draw(t, "type"))
			full, err := codec.Append(nil, anyOf(t, typ))
			if err != nil {
				t.Skip(err)
			}
			got, ok := short.Shorten(nil, full)
			if !ok || len(got) > len(full) {
				t.Fatalf("%x became %x, %v", full, got, ok)
			}
			back, err := long.Expand(nil, got, len(full))
			if err != nil || !bytes.Equal(back, full) {
				t.Fatalf("%x came back as %x, error %v", full, back, err)
			}
		}
	})
}

// FuzzNames: whatever is expanded, nothing panics, the result has no more bytes than permitted,
// and what was shortened comes back.
func FuzzNames(f *testing.F) {
	f.Add([]byte("\x82\x61.\xa1\x63abc\x01"), []byte("\xa1\xe0\x01"))
	f.Add([]byte("\xa1\xf8\x20\x01"), []byte("\x9f"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		const limit = 1000
		var n codec.Names
		for _, data := range [][]byte{first, second} {
			if got, err := n.Expand(nil, data, limit); err == nil && len(got) > limit {
				t.Fatalf("%x became %d bytes", data, len(got))
			}
		}
		var short, long codec.Names
		for _, data := range [][]byte{first, second} {
			got, ok := short.Shorten(nil, data)
			if !ok {
				continue
			}
			if back, err := long.Expand(nil, got, len(data)); err != nil || !bytes.Equal(back, data) {
				t.Fatalf("%x was shortened to %x, and came back as %x, error %v", data, got, back, err)
			}
		}
	})
}
