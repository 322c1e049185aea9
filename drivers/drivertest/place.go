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

// places returns all places in which driver d is to work.
func places(d Driver) (all []place) {
	for depth := range deepest + 1 {
		all = append(all, place{depth: depth})
	}
	for depth := 1; depth <= deepest && d.Relay != nil; depth++ {
		all = append(all, place{depth, true})
	}
	return all
}

// String says for people what place it is.
func (p place) String() string {
	switch {
	case p.depth == 0:
		return "at the ground"
	case p.relayed:
		return fmt.Sprintf("nested %d deep, behind relays", p.depth)
	}
	return fmt.Sprintf("nested %d deep", p.depth)
}

// boot puts driver d, if it is to be there from the beginning, and users into
// place.
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
