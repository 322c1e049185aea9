package image

import (
	"context"
	"reflect"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/topic/selftext"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// A lantern is a device that was called a lamp, in another package.
type lantern struct{ Name string }

func (l lantern) DeviceName() string                                  { return "lamp " + l.Name }
func (lantern) Open(context.Context, world.Env) (world.Handle, error) { return nil, world.ErrClosed }

// A glow is a message that was called a shine. A dazzle was, too, but keeps no name.
type (
	shine  struct{ Colour string }
	glow   struct{ Colour string }
	dazzle struct{ Colour string }
)

func init() {
	selftext.Keep(reflect.TypeFor[lantern](), "light.Lamp")
	selftext.Keep(reflect.TypeFor[glow](), "image.shine")
}

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

// TestImageOfRenamedMessage: an image fits a program in which the type of messages has
// another name, if the type keeps its first name in texts. HL-63.
func TestImageOfRenamedMessage(t *testing.T) {
	types := func(open func(watch) actions.Action) Types {
		ts, err := NewTypes(actions.Define("light.watch", open).Type)
		if err != nil {
			t.Fatal(err)
		}
		return ts
	}
	m := vm.New(actions.Spawn(actions.Next(watch{}, hears[shine](watch{}))))
	m.Apply(vm.Input{Kind: vm.Start})
	im, err := Of(m.Snapshot(), types(hears[shine]), func(actions.Type, any) ([]byte, error) { return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	decode := func(actions.Type, []byte) (any, error) { return watch{}, nil }
	s, err := im.State(types(hears[glow]), decode)
	if err != nil {
		t.Fatal(err)
	}
	p, _ := s.Machine(nil).Process(vm.Path{2})
	if len(p.Endpoints) != 1 || p.Endpoints[0].Role.Topic.MessageType() != reflect.TypeFor[glow]() {
		t.Errorf("endpoints %v, want one for glow", p.Endpoints)
	}
	if _, err := im.State(types(hears[dazzle]), decode); err == nil {
		t.Error("the image fits a program in which the type of messages keeps no name")
	}
}

type watch struct{}

func hears[M any](watch) actions.Action {
	return endpoint.Subscriber(topic.All[M](), endpoint.OnMessage(func(M) actions.Action { return nil }))
}
