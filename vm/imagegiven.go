package vm

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// A given is what the Open of a kind gives for a process.
type given struct {
	named   map[idAt][]actions.AddEndpoint // several if they cannot be told apart
	unnamed map[uint32][]actions.AddEndpoint
	devices map[string][]actions.OpenDevice // by name
}

// An idAt is the text of the name of an endpoint, and its level.
type idAt struct {
	level uint32
	id    string
}

// open returns what k gives for a process.
func open(k actions.Kind, self actions.PID, state any) (g given, err error) {
	defer recovered(&err)
	g = given{map[idAt][]actions.AddEndpoint{}, map[uint32][]actions.AddEndpoint{}, map[string][]actions.OpenDevice{}}
	if err := g.take(k, 0, k.Open(self, state)); err != nil {
		return g, fmt.Errorf("the Open of kind %q gives %w", k.Name, err)
	}
	return g, nil
}

// take adds what the leaves of a open at a level.
func (g *given) take(k actions.Kind, level uint32, a actions.Action) error {
	for leaf := range actions.Leaves(a) {
		var err error
		switch leaf := leaf.(type) {
		case actions.AddEndpoint:
			err = g.endpoint(k, level, leaf)
		case actions.OpenDevice:
			err = g.device(k, level, leaf)
		case actions.MetaLevel:
			if level > maxImageDepth {
				return errors.New("endpoints at too high a level")
			}
			err = g.take(k, level+1, leaf.Action)
		default:
			err = fmt.Errorf("an action that is neither AddEndpoint nor OpenDevice: %s", describe(leaf))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (g *given) endpoint(k actions.Kind, level uint32, a actions.AddEndpoint) error {
	switch {
	case a.ID != nil && !reflect.ValueOf(a.ID).Comparable():
		return fmt.Errorf("an endpoint with a name that cannot be compared, a %T", a.ID)
	case !validRole(a.Role):
		return fmt.Errorf("an endpoint with role %v", a.Role)
	}
	var err error
	if a.Handler, err = handlerFor(k, a.Handler); err != nil {
		return fmt.Errorf("endpoint %v %w", a.Role, err)
	}
	if a.ID == nil {
		g.unnamed[level] = append(g.unnamed[level], a)
		return nil
	}
	at := idAt{level, idText(a.ID)}
	for i, old := range g.named[at] {
		switch {
		case old.ID != a.ID:
		case !old.Role.Equal(a.Role):
			return fmt.Errorf("two endpoints %s, as %v and as %v", at.id, old.Role, a.Role)
		default:
			g.named[at][i].Handler = a.Handler
			return nil
		}
	}
	g.named[at] = append(g.named[at], a)
	return nil
}

func (g *given) device(k actions.Kind, level uint32, a actions.OpenDevice) error {
	switch {
	case level > 0:
		return errors.New("a device at a meta-level")
	case a.Device == nil || !reflect.ValueOf(a.Device).Comparable():
		return fmt.Errorf("%T, which is no device", a.Device)
	}
	var err error
	name := a.Device.DeviceName()
	if a.Handler, err = handlerFor(k, a.Handler); err != nil {
		return fmt.Errorf("device %s %w", name, err)
	}
	for i, old := range g.devices[name] {
		if old.Device == a.Device {
			g.devices[name][i].Handler = a.Handler
			return nil
		}
	}
	g.devices[name] = append(g.devices[name], a)
	return nil
}

// handlerFor returns h as a process of kind k has it.
func handlerFor(k actions.Kind, h *actions.Handler) (*actions.Handler, error) {
	if h == nil || h.Run == nil {
		return nil, nil
	}
	if h.State != nil && h.State != k.State {
		return nil, fmt.Errorf("with a handler for state %v, not %v", h.State, k.State)
	}
	return h, nil
}

// validRole reports whether r can be the role of an endpoint.
func validRole(r topic.Role) bool { return r.Topic.Valid() && r.Orientation <= 1 && r.Interest <= 2 }

// idText returns the text of a name of an endpoint.
func idText(id actions.EndpointID) string {
	if d, ok := id.(world.Device); ok {
		return fmt.Sprintf("%T %s", d, d.DeviceName())
	}
	text := topic.Tuple{id}.Canonical()
	return masked(strings.TrimSuffix(strings.TrimPrefix(text, "("), ",)"))
}

// roleText returns the text of a role, which tells it from others.
func roleText(r topic.Role) string {
	return masked(strings.TrimSuffix(r.String(), r.Topic.String()) + r.Topic.Canonical())
}

// masked returns text without the addresses of pointers: they are not the same
// when a machine is made anew. What is in quotes is left alone.
func masked(text string) string {
	if !strings.Contains(text, "0x") {
		return text
	}
	var b strings.Builder
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\' && i+1 < len(text):
			b.WriteByte(c)
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && strings.HasPrefix(text[i:], "0x"):
			b.WriteString("0x")
			rest := strings.TrimLeft(text[i+2:], "0123456789abcdef")
			i = len(text) - len(rest) - 1
			continue
		}
		b.WriteByte(text[i])
	}
	return b.String()
}
