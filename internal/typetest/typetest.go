// Package kindtest finds out, in the tests of drivers and programs, whether
// processes can be written down and made anew as their types say.
package typetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sync"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// A TB is what this package needs of a test.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
}

// Check sees to it that all processes of a machine at rest are of the given
// types, but for nested machines and those that are others; and that every
// process of one of the types has what its state says, now and after the state
// has been written down and read.
func Check(t TB, m *vm.Machine, types []actions.Type, others func(vm.ProcessInfo) bool) {
	t.Helper()
	if m.Busy() {
		return
	}
	for p := range m.Processes() {
		i := slices.IndexFunc(types, func(typ actions.Type) bool { return typ.State == reflect.TypeOf(p.State) })
		switch {
		case i >= 0:
			for _, fault := range faults(types[i], p) {
				t.Errorf("typetest: process %v %q of type %q: %s", p.Path, p.Name, types[i].Name, fault)
			}
		case !p.Nested && !others(p):
			t.Errorf("typetest: process %v %q is of no type: its state is a %T", p.Path, p.Name, p.State)
		}
	}
}

// Run runs a machine on a ground until ctx is done. Then another machine gets the
// same inputs, and is checked, as by [Check], whenever it is at rest.
func Run(ctx context.Context, t TB, types []actions.Type, others func(vm.ProcessInfo) bool, boot ...actions.Action) {
	t.Helper()
	var mu sync.Mutex
	var inputs []vm.Input
	g := ground.Ground{Watch: func(r *vm.Record) {
		mu.Lock()
		defer mu.Unlock()
		if r.Kind == vm.Entered {
			inputs = append(inputs, r.Input)
		}
	}}
	if err := g.Run(ctx, boot...); err != nil {
		t.Errorf("typetest: %v", err)
	}
	m := vm.New(boot...)
	for _, in := range inputs {
		m.Apply(in)
		Check(t, m, types, others)
	}
}

// faults returns what is wrong with a process.
func faults(typ actions.Type, p vm.ProcessInfo) (all []string) {
	gives, err := open(typ, p.State)
	if err != nil {
		return []string{err.Error()}
	}
	all = gives.lacks(p)
	data, err := encode(typ, p.State)
	if err != nil {
		return append(all, "its state cannot be written: "+err.Error())
	}
	state, err := decode(typ, data)
	if err != nil {
		return append(all, fmt.Sprintf("its state, written as %s, cannot be read: %v", data, err))
	}
	if typ.Encode == nil && !reflect.DeepEqual(state, p.State) {
		all = append(all, fmt.Sprintf("its state, %+v, is no plain data: it is written as %s", p.State, data))
	}
	if again, err := encode(typ, state); err != nil || !bytes.Equal(again, data) {
		all = append(all, fmt.Sprintf("its state is written as %s, and when it has been read as %s, %v", data, again, err))
	}
	if again, err := open(typ, state); err != nil || !reflect.DeepEqual(again.texts(), gives.texts()) {
		all = append(all, fmt.Sprintf("its state gives %q, and when it has been written as %s and read it gives %q, %v", gives.texts(), data, again.texts(), err))
	}
	return all
}

// An end is an endpoint as Type.Open gives it.
type end struct {
	id    actions.EndpointID
	role  topic.Role
	level uint32
}

func (e end) String() string {
	if e.id == nil {
		return fmt.Sprintf("%v at level %d", e.role, e.level)
	}
	return fmt.Sprintf("%v as %#v at level %d", e.role, e.id, e.level)
}

// A given is what Type.Open gives.
type given struct {
	ends    []end
	devices []string
}

func (g *given) texts() (all []string) {
	for _, e := range g.ends {
		all = append(all, e.String())
	}
	return append(all, g.devices...)
}

func open(typ actions.Type, state any) (*given, error) {
	g := &given{}
	return g, g.add(typ, 0, typ.Open(state))
}

func (g *given) add(typ actions.Type, level uint32, a actions.Action) error {
	for a := range actions.Leaves(a) {
		var h *actions.Handler
		switch a := a.(type) {
		case actions.AddEndpoint:
			g.ends = append(g.ends, end{a.ID, a.Role, level})
			h = a.Handler
		case actions.OpenDevice:
			g.devices = append(g.devices, a.Device.DeviceName())
			h = a.Handler
		case actions.MetaLevel:
			if err := g.add(typ, level+1, a.Action); err != nil {
				return err
			}
		default:
			return fmt.Errorf("its Open gives %T, which opens no endpoint and no device", a)
		}
		if h != nil && h.State != nil && h.State != typ.State {
			return fmt.Errorf("its Open gives a handler for states of type %v", h.State)
		}
	}
	return nil
}

// lacks returns what a process has that is not given.
func (g *given) lacks(p vm.ProcessInfo) (all []string) {
	anonymous := map[uint32]int{} // how many were found, by level
	for _, e := range p.Endpoints {
		has := end{e.ID, e.Role, e.Level}
		skip := 0
		if e.ID == nil {
			skip = anonymous[e.Level]
			anonymous[e.Level]++
		}
		found := func(o end) bool {
			if o.id != e.ID || o.level != e.Level {
				return false
			}
			skip--
			return skip < 0
		}
		switch i := slices.IndexFunc(g.ends, found); {
		case i < 0:
			all = append(all, fmt.Sprintf("Open does not give the endpoint %v", has))
		case g.ends[i].String() != has.String() || !g.ends[i].role.Topic.Equivalent(has.role.Topic):
			all = append(all, fmt.Sprintf("Open gives the endpoint %v, which is %v", g.ends[i], has))
		}
	}
	for _, d := range p.Devices {
		if !slices.Contains(g.devices, d.Device.DeviceName()) {
			all = append(all, "Open does not give the device "+d.Device.DeviceName())
		}
	}
	return all
}

// encode writes a state, as plain data if the kind has no other way.
func encode(typ actions.Type, state any) ([]byte, error) {
	if typ.Encode != nil {
		return typ.Encode(state)
	}
	return json.Marshal(state)
}

func decode(typ actions.Type, data []byte) (any, error) {
	if typ.Decode != nil {
		return typ.Decode(data)
	}
	s := reflect.New(typ.State)
	err := json.Unmarshal(data, s.Interface())
	return s.Elem().Interface(), err
}
