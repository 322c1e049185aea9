package vmtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// CheckTypes fails the test if a process is of none of the types, unless it is a
// nested machine or others reports true for it. It also fails the test if a
// process of one of the types does not have the endpoints and devices that
// Type.Open opens for its state, or for its state saved and restored.
// CheckTypes does nothing while the machine is busy.
func CheckTypes(t TB, m *vm.Machine, types []actions.Type, others func(vm.ProcessInfo) bool) {
	t.Helper()
	if m.Busy() {
		return
	}
	for p := range m.Processes() {
		i := slices.IndexFunc(types, func(typ actions.Type) bool { return typ.State == reflect.TypeOf(p.State) })
		switch {
		case i >= 0:
			for _, fault := range faults(types[i], p) {
				t.Errorf("vmtest: process %v %q of type %q: %s", p.Path, p.Name, types[i].Name, fault)
			}
		case !p.Nested && !others(p):
			t.Errorf("vmtest: process %v %q is of no type: its state is a %T", p.Path, p.Name, p.State)
		}
	}
}

// faults returns what is wrong with a process.
func faults(typ actions.Type, p vm.ProcessInfo) (all []string) {
	now, err := open(typ, p.State)
	if err != nil {
		return []string{err.Error()}
	}
	all = now.lacks(p)
	data, err := encode(typ, p.State)
	if err != nil {
		return append(all, "its state cannot be written: "+err.Error())
	}
	state, err := decode(typ, data)
	if err != nil {
		return append(all, fmt.Sprintf("its state, written as %s, cannot be read: %v", data, err))
	}
	if typ.Encode == nil && !reflect.DeepEqual(state, p.State) {
		all = append(all, fmt.Sprintf("its state, %+v, is not plain data: it is written as %s", p.State, data))
	}
	if again, err := encode(typ, state); err != nil || !bytes.Equal(again, data) {
		all = append(all, fmt.Sprintf("its state is written as %s, and after it is read again as %s, error: %v", data, again, err))
	}
	if again, err := open(typ, state); err != nil || !reflect.DeepEqual(again.texts(), now.texts()) {
		all = append(all, fmt.Sprintf("Open opens %q for its state, and %q for the state written as %s and read again, error: %v", now.texts(), again.texts(), data, err))
	}
	return all
}

// An openedEndpoint is one that Type.Open opens, or that a process has.
type openedEndpoint struct {
	id    actions.EndpointID
	role  topic.Role
	level uint32
}

func (e openedEndpoint) String() string {
	if e.id == nil {
		return fmt.Sprintf("%v at level %d", e.role, e.level)
	}
	return fmt.Sprintf("%v as %#v at level %d", e.role, e.id, e.level)
}

// opened is what Type.Open opens for a state.
type opened struct {
	monitors  []actions.PID
	endpoints []openedEndpoint
	devices   []string // by name
}

// texts describes the endpoints, the devices and the monitors.
func (o *opened) texts() (all []string) {
	for _, e := range o.endpoints {
		all = append(all, e.String())
	}
	for _, pid := range o.monitors {
		all = append(all, "monitor "+pid.String())
	}
	return append(all, o.devices...)
}

// open returns what Type.Open opens for a state.
func open(typ actions.Type, state any) (*opened, error) {
	o := &opened{}
	return o, o.add(typ, 0, typ.Open(state))
}

// add adds what an action opens, at a meta-level.
func (o *opened) add(typ actions.Type, level uint32, a actions.Action) error {
	for a := range actions.Leaves(a) {
		var h *actions.Handler
		switch a := a.(type) {
		case actions.AddEndpoint:
			o.endpoints = append(o.endpoints, openedEndpoint{a.ID, a.Role, level})
			h = a.Handler
		case actions.OpenDevice:
			o.devices = append(o.devices, a.Device.DeviceName())
			h = a.Handler
		case actions.MonitorProcess:
			o.monitors = append(o.monitors, a.PID)
			h = a.Handler
		case actions.MetaLevel:
			if err := o.add(typ, level+1, a.Action); err != nil {
				return err
			}
		default:
			return fmt.Errorf("its Open returns %T, which is neither an endpoint, a device nor a monitor", a)
		}
		if h != nil && h.State != nil && h.State != typ.State {
			return fmt.Errorf("its Open returns a handler for states of type %v", h.State)
		}
	}
	return nil
}

// lacks returns what a process has that is not in o.
func (o *opened) lacks(p vm.ProcessInfo) (all []string) {
	anonymous := map[uint32]int{} // how many were found, by level
	for _, e := range p.Endpoints {
		has := openedEndpoint{e.ID, e.Role, e.Level}
		skip := 0
		if e.ID == nil {
			skip = anonymous[e.Level]
			anonymous[e.Level]++
		}
		found := func(other openedEndpoint) bool {
			if other.id != e.ID || other.level != e.Level {
				return false
			}
			skip--
			return skip < 0
		}
		switch i := slices.IndexFunc(o.endpoints, found); {
		case i < 0:
			all = append(all, fmt.Sprintf("Open does not open the endpoint %v", has))
		case o.endpoints[i].String() != has.String() || !o.endpoints[i].role.Topic.Equivalent(has.role.Topic):
			all = append(all, fmt.Sprintf("Open opens the endpoint %v, but the process has %v", o.endpoints[i], has))
		}
	}
	for _, d := range p.Devices {
		if !slices.Contains(o.devices, d.Device.DeviceName()) {
			all = append(all, "Open does not open the device "+d.Device.DeviceName())
		}
	}
	for _, pid := range p.Monitors {
		if !slices.Contains(o.monitors, pid) {
			all = append(all, fmt.Sprintf("Open does not monitor process %v", pid))
		}
	}
	return all
}

// encode writes a state: as JSON, unless the type has its own encoding.
func encode(typ actions.Type, state any) ([]byte, error) {
	if typ.Encode != nil {
		return typ.Encode(state)
	}
	return json.Marshal(state)
}

// decode reads what encode has written.
func decode(typ actions.Type, data []byte) (any, error) {
	if typ.Decode != nil {
		return typ.Decode(data)
	}
	s := reflect.New(typ.State)
	err := json.Unmarshal(data, s.Interface())
	return s.Elem().Interface(), err
}
