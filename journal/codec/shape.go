package codec

import (
	"crypto/sha256"
	"encoding/hex"
	"reflect"
	"strconv"
	"time"

	"github.com/go-marketplace/marketplace/internal/unsealed"
)

// A Fingerprint stands for the form in which values of a type are encoded.
type Fingerprint [8]byte

// String returns f in hexadecimal digits.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }

// FingerprintOf returns the fingerprint of type t. Two programs whose types have the same
// fingerprint decode each other's values: all parts have the same kinds, the same lengths
// if they are arrays, and the same names if they are fields. The order of fields and the
// names of types do not matter, except those of types with a codec of their own. The
// fingerprint says nothing of the values that an interface may hold.
//
// The error is that of [Check].
func FingerprintOf(t reflect.Type) (Fingerprint, error) {
	if err := Check(t); err != nil {
		return Fingerprint{}, err
	}
	s := shape{seen: make(map[reflect.Type]int)}
	s.write(t)
	sum := sha256.Sum256(s.text)
	return Fingerprint(sum[:len(Fingerprint{})]), nil
}

// A shape is the text of the form of a type.
type shape struct {
	text []byte
	seen map[reflect.Type]int // their numbers, because a type can contain itself
}

func (s *shape) write(t reflect.Type) {
	if n, ok := s.seen[t]; ok {
		s.text = strconv.AppendInt(append(s.text, '#'), int64(n), 10)
		return
	}
	switch k := t.Kind(); {
	case customCodecOf(t) != nil || t == reflect.TypeFor[time.Time]():
		s.text = strconv.AppendQuote(append(s.text, "own"...), nameOf(t))
		return
	case unsealed.Is(t):
		s.text = append(s.text, "sealed "...)
		s.write(unsealed.Content(t))
		return
	case k != reflect.Pointer && k != reflect.Slice && k != reflect.Array && k != reflect.Map && k != reflect.Struct:
		s.text = append(s.text, k.String()...)
		return
	}
	s.seen[t] = len(s.seen)
	switch t.Kind() {
	case reflect.Pointer:
		s.text = append(s.text, '*')
	case reflect.Slice:
		s.text = append(s.text, "[]"...)
	case reflect.Array:
		s.text = append(strconv.AppendInt(append(s.text, '['), int64(t.Len()), 10), ']')
	case reflect.Map:
		s.text = append(s.text, "map["...)
		s.write(t.Key())
		s.text = append(s.text, ']')
	case reflect.Struct:
		k, _ := planOf(t)
		s.text = append(s.text, '{')
		for _, f := range k.record.fields {
			s.text = append(append(s.text, f.key...), ' ')
			s.write(f.plan.typ)
			s.text = append(s.text, ';')
		}
		s.text = append(s.text, '}')
		return
	}
	s.write(t.Elem())
}
