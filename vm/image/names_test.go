package image

import (
	"context"
	"reflect"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/internal/selftext"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// A lantern is a device that was called a lamp, in another package.
type lantern struct{ Name string }

func (l lantern) DeviceName() string                                  { return "lamp " + l.Name }
func (lantern) Open(context.Context, world.Env) (world.Handle, error) { return nil, world.ErrClosed }

func init() { selftext.Keep(reflect.TypeFor[lantern](), "light.Lamp") }

// TestNamesOfEndpoints: in an image, the name of an endpoint has the text that it had
// first, wherever its type is declared. HL-63.
func TestNamesOfEndpoints(t *testing.T) {
	for want, id := range map[string]actions.EndpointID{
		"vm.FreshID(3)":     vm.FreshID(3),
		"light.Lamp lamp a": lantern{"a"},
		`"a"`:               "a",
	} {
		if got := idText(id); got != want {
			t.Errorf("%s, and not %s", got, want)
		}
	}
}
