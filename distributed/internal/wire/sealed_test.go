package wire_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/world"
)

// TestSealed: the process that opens a sealed value gets the value, or the reason for which
// it means nothing in its program.
func TestSealed(t *testing.T) {
	for _, v := range []any{says{"tony", []byte("hi")}, move{Any: word("x")}, "text", 7} {
		s, err := wire.Seal(v)
		if err != nil {
			t.Fatal(err)
		}
		ref, err := s.Open()
		if err != nil || !reflect.DeepEqual(reflect.ValueOf(ref).Elem().Interface(), v) {
			t.Errorf("%#v became %#v, %v", v, ref, err)
		}
		for want, change := range map[error]func(s *wire.Sealed){
			wire.ErrUnknownType: func(s *wire.Sealed) { s.Type = "nobody.Knows" },
			wire.ErrSchema:      func(s *wire.Sealed) { s.Form[3]++ },
			wire.ErrMalformed:   func(s *wire.Sealed) { s.Data = append(s.Data, 0) },
			world.ErrStopped:    func(s *wire.Sealed) { s.Err = world.Reduce(world.ErrStopped).(*world.Error) },
		} {
			other := s
			change(&other)
			if _, err := other.Open(); !errors.Is(err, want) {
				t.Errorf("%#v is opened with %v, want %v", other, err, want)
			}
		}
	}
	for _, test := range []struct {
		value any
		want  error
	}{
		{nobody{}, wire.ErrUnsendable},
		{handed{}, wire.ErrUnsendable},
		{nil, wire.ErrUnsendable},
		{make([]byte, wire.MaxBody), wire.ErrTooLarge},
	} {
		if _, err := wire.Seal(test.value); !errors.Is(err, test.want) {
			t.Errorf("a %T is sealed with %v, want %v", test.value, err, test.want)
		}
	}
}
