package vmtest

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/world"
)

// A machine accepts nothing but inputs. So whatever a test wants done inside,
// it has done by a puppet: a process that holds a device whose values are
// actions, and that performs them.

// A Place is where probes can be put, and actions performed: a [*Machine], or
// what its method At returns.
type Place interface {
	// Perform has the actions performed there, by a process that belongs to
	// this package and has no state.
	Perform(as ...actions.Action)

	puppeteer() *puppet
}

// Door lets probes into the machine in which it is performed, under a name of
// its own:
//
//	m := vmtest.Run(t, actions.Spawn(vm.Nested(vmtest.Door("room"), boot...)))
//	p := vmtest.Subscriber(m.At("room"), topic.All[Says]())
//
// A machine with a door does not end by itself. The outermost machine needs no
// Door; the process that keeps it there is called vmtest.
func Door(name string) actions.Action {
	return actions.Spawn(actions.Stateless(cord{Door: name}.hold())).Named(doorkeeper)
}

const doorkeeper = "vmtest"

// At returns the inside of the nested machine in which [Door] was performed
// with that name.
func (m *Machine) At(door string) Place { return &puppet{m, cord{Door: door}} }

// Perform has the actions performed in the outermost machine, by a process that
// belongs to this package and has no state.
func (m *Machine) Perform(as ...actions.Action) {
	m.t.Helper()
	m.own.Perform(as...)
}

func (m *Machine) puppeteer() *puppet { return &m.own }

// A puppet is a process at the other end of a cord.
type puppet struct {
	m    *Machine
	cord cord
}

func (p *puppet) puppeteer() *puppet { return p }

// Perform has the puppet perform the actions.
func (p *puppet) Perform(as ...actions.Action) {
	p.m.t.Helper()
	held := p.m.holding(p.cord)
	switch {
	case len(held) == 1:
		held[0].Value(order{actions.Group(as...)})
	case len(held) > 1:
		p.m.fatalf("vmtest: %d machines have a door named %q: give them different names", len(held), p.cord.Door)
	case p.cord.Probe > 0:
		p.m.fatalf("vmtest: %v is closed", p.cord)
	case p.cord.Door == "":
		p.m.fatalf("vmtest: nothing can be done in the machine any more: it has stopped, its first process has crashed, or process %q was ended", doorkeeper)
	default:
		p.m.fatalf("vmtest: no machine has a door named %q: perform vmtest.Door(%[1]q) in the one that is meant", p.cord.Door)
	}
}

// An order is what a puppet is to do.
type order struct{ actions.Action }

// A cord is a device that gives orders to the process that holds it. It is the
// name of the endpoint of a probe, too.
type cord struct {
	Door  string
	Probe int // its number, from 1; 0 for a door
}

func (c cord) String() string {
	if c.Probe > 0 {
		return fmt.Sprintf("probe %d", c.Probe)
	}
	return fmt.Sprintf("door %q", c.Door)
}

// Nameless implements [text.Nameless]: the endpoint of a probe has a name that
// concerns nobody.
func (cord) Nameless() {}

// DeviceName implements world.Device.
func (c cord) DeviceName() string { return "vmtest(" + c.String() + ")" }

// Open implements world.Device.
func (cord) Open(context.Context, world.Env) (world.Handle, error) {
	return nil, errors.New("vmtest: a Door opens in the machine of a test only: leave it out elsewhere")
}

// hold has a process hold c, and obey.
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
