package drivertest

import (
	"fmt"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
)

// deepest is how deep machines are nested.
const deepest = 3

// A place is where users are, and where the driver is that serves them.
type place struct {
	depth   int  // of the machine in which the users are
	relayed bool // the driver is at the ground, with a relay at each level
}

var outermost = place{}

// places returns all places in which driver d has to work.
func places(d Driver) (all []place) {
	for depth := range deepest + 1 {
		all = append(all, place{depth: depth})
	}
	for depth := 1; depth <= deepest && d.Relay != nil; depth++ {
		all = append(all, place{depth, true})
	}
	return all
}

// String names the place, as errors do.
func (p place) String() string {
	switch {
	case p.depth == 0:
		return "at the ground"
	case p.relayed:
		return fmt.Sprintf("nested %d deep, behind relays", p.depth)
	}
	return fmt.Sprintf("nested %d deep", p.depth)
}

// boot returns the action that starts driver d, unless its Boot is nil, and the
// users in their places.
func (p place) boot(d Driver, users actions.Action) actions.Action {
	a := users
	if !p.relayed {
		a = actions.Group(d.Boot, a)
	}
	for level := range p.depth {
		if p.relayed {
			a = actions.Group(d.Relay(level), a)
		}
		a = actions.Spawn(vm.Nested(a)).Named(fmt.Sprintf("level %d", level))
	}
	if p.relayed {
		a = actions.Group(d.Boot, a)
	}
	return a
}
