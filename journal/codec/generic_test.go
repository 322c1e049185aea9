package codec_test

import (
	"encoding/json"
	"fmt"
	"log"
	"math"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/world"
)

func ExampleText() {
	data, err := codec.Append(nil, said{Who: "tony", Text: []byte("hello\n")})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(codec.Text(data))
	// Output:
	// codec_test.said{Who: "tony", Loud: false, Text: "hello\n"}
}

func TestReadingWithoutTypes(t *testing.T) {
	for _, test := range []struct {
		v          any
		json, text string
	}{
		{nil, `null`, `nil`},
		{5, `5`, `int(5)`},
		{-5, `-5`, `int(-5)`},
		{math.Inf(-1), `"-Inf"`, `float64(-Inf)`},
		{1.5, `1.5`, `float64(1.5)`},
		{text("é"), `"é"`, `codec_test.text("é")`},
		{text("\xff"), `{"base64":"/w=="}`, `codec_test.text(0xff)`},
		{blob("a\n"), `"a\n"`, `codec_test.blob("a\n")`},
		{blob("\x00"), `{"base64":"AA=="}`, `codec_test.blob(0x00)`},
		{said{}, `{"Loud":false,"Text":null,"Who":""}`, `codec_test.said{Who: "", Loud: false, Text: nil}`},
		{world.AlarmSet{Now: noon}, `{"Now":"2026-11-28T12:00:00.123456789Z"}`, `world.AlarmSet{Now: "2026-11-28T12:00:00.123456789Z"}`},
		{open{Any: 1, All: []any{text("x"), nil}}, `{"All":[["codec_test.text","x"],null],"Any":["int",1],"Err":null}`,
			`codec_test.open{All: [["codec_test.text", "x"], nil], Any: ["int", 1], Err: nil}`},
		{map[place]string{{1, 2}: "a"}, `{"{X: 1, Y: 2}":"a"}`, `codec_test.atPlace{{X: 1, Y: 2}: "a"}`},
		{map[text]int{"a b": 1}, `{"a b":1}`, `codec_test.byText{"a b": 1}`},
		{numbers{U64: math.MaxUint64}, `{"F32":0,"F64":0,"I64":0,"I8":0,"U64":18446744073709551615,"U8":0}`,
			`codec_test.numbers{I8: 0, U8: 0, F32: 0, F64: 0, I64: 0, U64: 18446744073709551615}`},
		{text(strings.Repeat("é", 40)), `"` + strings.Repeat("é", 40) + `"`, `codec_test.text("` + strings.Repeat("é", 32) + `"…)`},
	} {
		data, err := codec.Append(nil, test.v)
		if err != nil {
			t.Fatal(err)
		}
		_, v, err := codec.Generic(data)
		if err != nil {
			t.Errorf("%#v: %v", test.v, err)
		}
		if got, err := json.Marshal(v); err != nil || string(got) != test.json {
			t.Errorf("%#v is %s, error %v; want %s", test.v, got, err, test.json)
		}
		if got := codec.Text(data); got != test.text {
			t.Errorf("the text of %#v is %s; want %s", test.v, got, test.text)
		}
	}
}

func TestReadingWithoutTypesRefuses(t *testing.T) {
	for _, data := range []string{"", "\x82", "\x82\x61a", "\x82\x61a\x81", "\x82\x61a\xa1\x00", "\x82\x61a\xf7", "\x82\x61a\xf8\x36", "\x82\x61a\x61\xff", "\x82\x61a\x9a\xff\xff\xff\xff", "\x01"} {
		if _, v, err := codec.Generic([]byte(data)); err == nil || !strings.HasPrefix(err.Error(), "codec: ") {
			t.Errorf("%x was taken for %v, error %v", data, v, err)
		}
		if got := codec.Text([]byte(data)); !strings.HasPrefix(got, "unreadable") && !strings.HasSuffix(got, "…") && data != "\x82\x61a\x61\xff" {
			t.Errorf("the text of %x is %s", data, got)
		}
	}
}

func TestALongTextIsCut(t *testing.T) {
	data, err := codec.Append(nil, lists{Strings: make([]string, 1000)})
	if err != nil {
		t.Fatal(err)
	}
	if got := codec.Text(data); len(got) > 300 || !strings.HasSuffix(got, "…") {
		t.Errorf("%d bytes: %s", len(got), got)
	}
}
