package vmtest

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/world"
)

// Only inputs enter a machine. So the actions of a test are the values of a device,
// and a puppet, a process that holds the device, performs them.

// A Place is a machine in which a test can put probes and perform actions: a
// [*Machine], or the result of its method At.
type Place interface {
	// Perform performs the actions there, as a process of this package that has no
	// state.
	Perform(as ...actions.Action)

	puppeteer() *puppet
}

// Here names the machine in which it is performed, and so makes it a [Place]. No other
// Here of the test has the same name:
//
//	m := vmtest.Run(t, actions.Spawn(vm.Nested(vmtest.Here("room"), boot...)))
//	p := vmtest.Subscriber(m.At("room"), topic.All[Says]())
//
// The machine does not remove a nested machine with a name. The outermost machine needs
// no Here: Run makes it a Place, with a process called vmtest.
func Here(name string) actions.Action {
	return actions.Spawn(actions.Stateless(cord{Place: name}.hold())).Named(hereProcess)
}

const hereProcess = "vmtest"

// At returns the nested machine in which a [Here] with the name was performed.
func (m *Machine) At(name string) Place { return &puppet{m, cord{Place: name}} }

// Perform performs the actions in the outermost machine, as a process of this package
// that has no state.
func (m *Machine) Perform(as ...actions.Action) {
	m.t.Helper()
	m.own.Perform(as...)
}

func (m *Machine) puppeteer() *puppet { return &m.own }

// A puppet is a process that holds a cord, and performs its orders.
type puppet struct {
	m    *Machine
	cord cord
}

func (p *puppet) puppeteer() *puppet { return p }

// Perform makes the puppet perform the actions. The test fails if there is none.
func (p *puppet) Perform(as ...actions.Action) {
	p.m.t.Helper()
	held := p.m.holding(p.cord)
	switch {
	case len(held) == 1:
		held[0].Value(order{actions.Group(as...)})
	case len(held) > 1:
		p.m.fatalf("vmtest: %d machines are named %q: give them different names", len(held), p.cord.Place)
	case p.cord.Probe > 0:
		p.m.fatalf("vmtest: %v is closed", p.cord)
	case p.cord.Place == "":
		p.m.fatalf("vmtest: the machine can perform no actions any more: it has stopped, its first process has crashed, or process %q has ended", hereProcess)
	default:
		p.m.fatalf("vmtest: no machine is named %q: perform vmtest.Here(%[1]q) in the nested machine", p.cord.Place)
	}
}

// An order is an action for a puppet.
type order struct{ actions.Action }

// A cord is a device whose values are the orders for the process that holds it. It is
// also the name of the endpoint of a probe.
type cord struct {
	Place string
	Probe int // its number, from 1; 0 for a place
}

func (c cord) String() string {
	if c.Probe > 0 {
		return fmt.Sprintf("probe %d", c.Probe)
	}
	return fmt.Sprintf("place %q", c.Place)
}

// Nameless implements [text.Nameless]: texts leave the name of the endpoint of a probe
// out.
func (cord) Nameless() {}

// DeviceName implements world.Device.
func (c cord) DeviceName() string { return "vmtest(" + c.String() + ")" }

// Open implements world.Device.
func (cord) Open(context.Context, world.Env) (world.Handle, error) {
	return nil, errors.New("vmtest: Here works only in the machine of a test: leave it out elsewhere")
}

// hold returns the action that makes a process a puppet with cord c.
func (c cord) hold() actions.Action {
	return actions.OpenDevice{Device: c, Handler: &actions.Handler{
		Run: func(state any, ev *actions.Event) (any, actions.Action) {
			if o, ok := ev.Value.(order); ok && ev.Kind == actions.Value {
				return state, o.Action
			}
			return state, nil
		},
	}}
}
