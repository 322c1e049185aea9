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

// A kindCheck sees to it that processes can be written down and made anew.
type kindCheck struct {
	kinds   image.Kinds
	stopped bool
	said    map[string]bool // what has been reported, which is enough
}

// begin prepares for the checks that the configuration of m asks for.
func (k *kindCheck) begin(m *Machine) {
	m.t.Helper()
	k.said = map[string]bool{}
	var err error
	if k.kinds, err = image.NewKinds(m.config.Kinds...); err != nil {
		m.fatalf("vmtest: Config.Kinds: %v", err)
	}
}

// check looks at m, which has come to rest after an input.
func (k *kindCheck) check(m *Machine, in vm.InputKind) {
	m.t.Helper()
	k.stopped = k.stopped || in == vm.StopAsked
	if len(m.config.Kinds) == 0 || k.stopped {
		return
	}
	s := m.vm.Snapshot()
	err := image.Check(s, k.kinds)
	if err == nil {
		err = m.rebuild(s)
	}
	for _, e := range parts(err) {
		if text := e.Error(); !k.said[text] {
			k.said[text] = true
			m.errorf("vmtest: Config.Kinds: %s", text)
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

// rebuild makes a machine anew, if all processes are of known kinds, and reports
// what is different.
func (m *Machine) rebuild(s vm.State) error {
	own, ok := m.ownKind()
	if !ok {
		return nil
	}
	kinds, err := image.NewKinds(append([]actions.Kind{own}, m.config.Kinds...)...)
	if err != nil {
		return err
	}
	// States of kinds that have no codec are kept as they are.
	var states []any
	encode := func(_ actions.Kind, state any) ([]byte, error) {
		states = append(states, state)
		return binary.AppendUvarint(nil, uint64(len(states)-1)), nil
	}
	decode := func(_ actions.Kind, data []byte) (any, error) {
		i, _ := binary.Uvarint(data)
		return states[i], nil
	}
	im, err := image.Of(s, kinds, encode)
	if _, some := errors.AsType[*image.UnregisteredError](err); some {
		return nil
	}
	if err != nil {
		return err
	}
	again, err := im.State(kinds, decode)
	if err != nil {
		return err
	}
	states = nil
	second, err := image.Of(again, kinds, encode)
	if err != nil {
		return err
	}
	if diff := cmp.Diff(im, second); diff != "" {
		return errors.New("a machine that is made anew is another one (-original +anew):\n" + diff)
	}
	return nil
}

// ownKind returns the kind of the processes of this package. It reports false
// if there are others without state, or if one of them has been made to do what
// this package does not know of.
func (m *Machine) ownKind() (actions.Kind, bool) {
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
			return actions.Kind{}, false
		}
	}
	return actions.Kind{
		Name:  doorkeeper,
		State: reflect.TypeFor[struct{}](),
		Open:  func(actions.PID, any) actions.Action { return all }, // which is more than each has
	}, true
}
