package codec_test

import (
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/fxamacker/cbor/v2"

	"github.com/go-marketplace/marketplace/world"
)

// Values of all sorts.
type (
	said struct {
		Who  string
		Text []byte
		Loud bool
	}
	numbers struct {
		I8  int8
		I64 int64
		U8  uint8
		U64 uint64
		F32 float32
		F64 float64
	}
	lists struct {
		Strings []string
		Octets  [3]byte
		Pair    [2]int16
		Deep    [][]string
	}
	maps struct {
		Counts map[string]int
		Names  map[int]string
		Places map[place]bool
		Pinned map[netip.Addr]string
		When   map[time.Time]int
	}
	place   struct{ X, Y int }
	pointed struct {
		Said  *said
		Twice **int
		Slice *[]string
		Map   *map[string]int
		Any   *any
	}
	open struct {
		Any any
		Err error
		All []any
	}
	tree struct {
		Name     string
		Children []tree
		Parent   *tree
		ByName   map[string]*tree
	}
	outside struct {
		When time.Time
		Addr netip.Addr
		Port netip.AddrPort
		Took time.Duration
		Ref  world.Ref
		Err  *world.Error
	}
	renamed struct {
		Now int `cbor:"Before"`
	}
	inner    struct{ Inner int }
	embedded struct {
		Said
		*Place
	}
	Said  struct{ Who string }
	Place struct{ Where string }
	stamp struct{ time.Time }
	text  string
	blob  []byte
	octet byte
)

// A word has a text codec with methods on pointers, and panics at some texts.
type word struct{ w string }

func (w *word) MarshalText() ([]byte, error) {
	if w.w == "refused" {
		return nil, errors.New("not this one")
	}
	if w.w == "panic" {
		panic("at the word")
	}
	return []byte(w.w), nil
}

func (w *word) UnmarshalText(b []byte) error {
	switch string(b) {
	case "bad":
		return errors.New("a bad word")
	case "worse":
		panic("at the worse word")
	}
	w.w = string(b)
	return nil
}

// A list has a codec for CBOR of its own.
type list struct{ words []string }

func (l list) MarshalCBOR() ([]byte, error) {
	if len(l.words) == 1 && l.words[0] == "broken" {
		return []byte{0x82, 0x01}, nil
	}
	if l.words == nil {
		return []byte{0xf6}, nil
	}
	return cbor.Marshal(strings.Join(l.words, " "))
}

func (l *list) UnmarshalCBOR(b []byte) error {
	var s *string
	if err := cbor.Unmarshal(b, &s); err != nil || s == nil {
		return err
	}
	l.words = strings.Fields(*s)
	return nil
}

type owners struct {
	Word  word
	List  list
	Words []word
	Of    *list
}

func init() {
	world.Register[said]("codec_test.said")
	world.Register[numbers]("codec_test.numbers")
	world.Register[lists]("codec_test.lists")
	world.Register[maps]("codec_test.maps")
	world.Register[pointed]("codec_test.pointed")
	world.Register[open]("codec_test.open")
	world.Register[tree]("codec_test.tree")
	world.Register[*tree]("codec_test.treePointer")
	world.Register[outside]("codec_test.outside")
	world.Register[renamed]("codec_test.renamed")
	world.Register[embedded]("codec_test.embedded")
	world.Register[stamp]("codec_test.stamp")
	world.Register[text]("codec_test.text")
	world.Register[blob]("codec_test.blob")
	world.Register[owners]("codec_test.owners")
	world.Register[inner]("codec_test.inner")
	world.Register[map[float64]int]("codec_test.byFloat")
	world.Register[[]octet]("codec_test.octets")
	world.Register[unwritable]("codec_test.unwritable")
	world.Register[map[place]string]("codec_test.atPlace")
	world.Register[map[text]int]("codec_test.byText")
}

// unwritable is registered, but cannot be encoded.
type unwritable struct{ F []func() }
