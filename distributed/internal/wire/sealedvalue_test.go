package wire_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/sealed"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

type (
	confidential struct{ Notes []sealed.Value[string] }
	carrier      struct{ Any any }
)

func init() {
	world.Register[confidential]("wire_test.confidential")
	world.Register[carrier]("wire_test.carrier")
	world.Register[sealed.Value[string]]("wire_test.sealedString")
}

// TestIssue14SealedValuesStay: a sealed value is not sent, because both sides would have it in
// their journals in the clear: neither of a type that has one, nor in an interface.
func TestIssue14SealedValuesStay(t *testing.T) {
	for _, m := range []any{confidential{}, sealed.Value[string]{}, carrier{sealed.For("ann", "secret")}} {
		var w wire.Writer
		for _, err := range []error{w.Send(topic.Publisher, topic.MessageOf(m)), second(wire.Encode(topic.MessageOf(m))), second(wire.Seal(m))} {
			if !errors.Is(err, wire.ErrUnsendable) || !strings.Contains(err.Error(), "sealed") {
				t.Errorf("%T: %v", m, err)
			}
		}
	}
	var w wire.Writer
	if err := w.Assert(1, topic.Role{Topic: topic.All[confidential]().Topic()}); !errors.Is(err, wire.ErrUnsendable) {
		t.Errorf("an endpoint: %v", err)
	}
}

func second[T any](_ T, err error) error { return err }
