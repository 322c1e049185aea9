package vmtest

import (
	"encoding/binary"
	"errors"
	"reflect"

	"github.com/google/go-cmp/cmp"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vm/image"
)

// A typeCheck checks that processes can be saved and restored.
type typeCheck struct {
	types   image.Types
	stopped bool
	said    map[string]bool // the errors, each of which is reported once
}

// begin prepares for the checks that the configuration of m asks for.
func (c *typeCheck) begin(m *Machine) {
	m.t.Helper()
	c.said = map[string]bool{}
	var err error
	if c.types, err = image.NewTypes(m.config.Types...); err != nil {
		m.fatalf("vmtest: Config.Types: %v", err)
	}
}

// check checks m, which has come to rest after an input.
func (c *typeCheck) check(m *Machine, in vm.InputKind) {
	m.t.Helper()
	c.stopped = c.stopped || in == vm.StopAsked
	if len(m.config.Types) == 0 || c.stopped {
		return
	}
	s := m.vm.Snapshot()
	err := image.Check(s, c.types)
	if err == nil {
		err = m.rebuild(s)
	}
	for _, e := range parts(err) {
		if text := e.Error(); !c.said[text] {
			c.said[text] = true
			m.errorf("vmtest: Config.Types: %s", text)
		}
	}
}

// parts returns the errors that err is made of.
func parts(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

// rebuild saves and restores a machine, if all processes are of known types. It
// returns an error if the result is different.
func (m *Machine) rebuild(s vm.State) error {
	own, ok := m.ownType()
	if !ok {
		return nil
	}
	types, err := image.NewTypes(append([]actions.Type{own}, m.config.Types...)...)
	if err != nil {
		return err
	}
	// The codec of types that have none keeps the states as they are.
	var states []any
	encode := func(_ actions.Type, state any) ([]byte, error) {
		states = append(states, state)
		return binary.AppendUvarint(nil, uint64(len(states)-1)), nil
	}
	decode := func(_ actions.Type, data []byte) (any, error) {
		i, _ := binary.Uvarint(data)
		return states[i], nil
	}
	im, err := image.Of(s, types, encode)
	if _, some := errors.AsType[*image.UnregisteredError](err); some {
		return nil
	}
	if err != nil {
		return err
	}
	again, err := im.State(types, decode)
	if err != nil {
		return err
	}
	states = nil
	second, err := image.Of(again, types, encode)
	if err != nil {
		return err
	}
	if diff := cmp.Diff(im, second); diff != "" {
		return errors.New("a machine that is restored differs (-original +restored):\n" + diff)
	}
	return nil
}

// ownType returns the type of the processes of this package. It reports false if
// another process has no state, or if one of this package has an endpoint or a device
// that this package did not open.
func (m *Machine) ownType() (actions.Type, bool) {
	var all actions.Tree
	for p := range m.vm.Processes() {
		if p.State != any(struct{}{}) {
			continue
		}
		own := len(p.Devices) == 1
		for _, d := range p.Devices {
			c, ok := d.Device.(cord)
			own = own && ok
			if ok {
				all = append(all, c.hold())
			}
		}
		for _, e := range p.Endpoints {
			_, ok := e.ID.(cord)
			own = own && ok
			all = append(all, actions.AddEndpoint{ID: e.ID, Role: e.Role})
		}
		if !own {
			return actions.Type{}, false
		}
	}
	return actions.Type{
		Name:  hereProcess,
		State: reflect.TypeFor[struct{}](),
		Open:  func(any) actions.Action { return all }, // more than each of them has
	}, true
}
