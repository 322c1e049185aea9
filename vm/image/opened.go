package image

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
)

// An opened has the endpoints, devices and monitors that the Open of a type returns
// for a process.
type opened struct {
	named    map[idAt][]actions.AddEndpoint // several if their names have the same text
	unnamed  map[uint32][]actions.AddEndpoint
	devices  map[string][]actions.OpenDevice // by name
	monitors map[actions.PID]actions.MonitorProcess
}

// maxLevel is the highest level of an endpoint.
const maxLevel = 1 << 10

// An idAt is the text of the name of an endpoint, and its level.
type idAt struct {
	level uint32
	id    string
}

// open calls the Open of t.
func open(t actions.Type, state any) (g opened, err error) {
	defer recovered(&err)
	g = opened{map[idAt][]actions.AddEndpoint{}, map[uint32][]actions.AddEndpoint{}, map[string][]actions.OpenDevice{}, map[actions.PID]actions.MonitorProcess{}}
	if err := g.take(t, 0, t.Open(state)); err != nil {
		return g, fmt.Errorf("the Open of type %q gives %w", t.Name, err)
	}
	return g, nil
}

// take adds the endpoints, devices and monitors that the leaves of a open at a level.
func (g *opened) take(t actions.Type, level uint32, a actions.Action) error {
	for leaf := range actions.Leaves(a) {
		var err error
		switch leaf := leaf.(type) {
		case actions.AddEndpoint:
			err = g.endpoint(t, level, leaf)
		case actions.OpenDevice:
			err = g.device(t, level, leaf)
		case actions.MonitorProcess:
			err = g.monitor(t, level, leaf)
		case actions.MetaLevel:
			if level > maxLevel {
				return errors.New("endpoints at too high a level")
			}
			err = g.take(t, level+1, leaf.Action)
		default:
			err = fmt.Errorf("an action that is neither AddEndpoint, OpenDevice nor MonitorProcess: %v", leaf)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// find returns the endpoint in g that d describes. It removes one without a name.
func (g *opened) find(d *Endpoint) (a actions.AddEndpoint, err error) {
	if d.Anonymous > 0 {
		as := g.unnamed[d.Level]
		switch {
		case d.ID != "" || d.Anonymous > d.Seq || d.Level == 0 && d.Anonymous != d.Seq:
			return a, fmt.Errorf("cannot give it: it has a wrong number for an endpoint without a name: %d", d.Anonymous)
		case len(as) == 0:
			return a, fmt.Errorf("gives none: fewer endpoints without a name than the process has")
		}
		g.unnamed[d.Level] = as[1:]
		return as[0], nil
	}
	at := idAt{d.Level, d.ID}
	switch as := g.named[at]; len(as) {
	case 0:
		return a, fmt.Errorf("gives none")
	case 1:
		return as[0], nil
	default:
		return a, fmt.Errorf("gives %d that cannot be told apart", len(as))
	}
}

func (g *opened) endpoint(t actions.Type, level uint32, a actions.AddEndpoint) error {
	switch {
	case a.ID != nil && !reflect.ValueOf(a.ID).Comparable():
		return fmt.Errorf("an endpoint with a name that cannot be compared, a %T", a.ID)
	case !validRole(a.Role):
		return fmt.Errorf("an endpoint with role %v", a.Role)
	}
	var err error
	if a.Handler, err = handlerFor(t, a.Handler); err != nil {
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

func (g *opened) device(t actions.Type, level uint32, a actions.OpenDevice) error {
	switch {
	case level > 0:
		return errors.New("a device at a meta-level")
	case a.Device == nil || !reflect.ValueOf(a.Device).Comparable():
		return fmt.Errorf("%T, which is no device", a.Device)
	}
	var err error
	name := a.Device.DeviceName()
	if a.Handler, err = handlerFor(t, a.Handler); err != nil {
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

func (g *opened) monitor(t actions.Type, level uint32, a actions.MonitorProcess) error {
	if level > 0 {
		return errors.New("a monitor at a meta-level")
	}
	var err error
	if a.Handler, err = handlerFor(t, a.Handler); err != nil {
		return fmt.Errorf("monitor of process %v %w", a.PID, err)
	}
	g.monitors[a.PID] = a
	return nil
}

// handlerFor returns h in the form that a process of type t has it: nil if it handles
// nothing. It returns an error if h is for another type of state.
func handlerFor(t actions.Type, h *actions.Handler) (*actions.Handler, error) {
	if h == nil || h.Run == nil {
		return nil, nil
	}
	if h.State != nil && h.State != t.State {
		return nil, fmt.Errorf("with a handler for state %v, not %v", h.State, t.State)
	}
	return h, nil
}

// validRole reports whether r can be the role of an endpoint.
func validRole(r topic.Role) bool { return r.Topic.Valid() && r.Orientation <= 1 && r.Interest <= 2 }
