package wire

import (
	"fmt"
	"reflect"

	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A Sealed is a value that is encoded where it is sent, and decoded by the process that
// gets it. So that process learns that the program does not know the type of the value:
// otherwise the whole message is lost on it.
type Sealed struct {
	Type string            // the name of its type; "" for none
	Form codec.Fingerprint // of its type
	Data []byte
	Err  *world.Error // why the value means nothing in the machine where it has arrived
}

func init() { world.Register[Sealed]("distributed.Sealed") }

// Seal encodes a value. The error, an [ErrUnsendable] or an [ErrTooLarge], says why it
// cannot be sent.
func Seal(v any) (Sealed, error) {
	if v == nil {
		return Sealed{}, errNoMessage
	}
	ref := reflect.New(reflect.TypeOf(v))
	ref.Elem().Set(reflect.ValueOf(v))
	e, err := Encode(topic.ReferTo(ref.Interface()))
	if err != nil {
		return Sealed{}, err
	}
	return Sealed{Type: e.Type, Form: formOf(ref.Type().Elem()).print, Data: e.Data}, nil
}

// Open returns a pointer to the value. The error is Err, or a [*TypeError].
func (s Sealed) Open() (ref any, err error) {
	if s.Err != nil {
		return nil, s.Err
	}
	t, ok := world.Registered(s.Type)
	if !ok {
		return nil, &TypeError{s.Type, ErrUnknownType}
	}
	if f := formOf(t); f.err != nil || f.print != s.Form {
		return nil, &TypeError{s.Type, ErrSchema}
	}
	ref, rest, err := codec.DecodeRef(s.Data, t)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%w: %d bytes follow the value", ErrMalformed, len(rest))
	}
	if err != nil {
		return nil, &TypeError{s.Type, err}
	}
	return ref, nil
}
