package journal

import (
	"slices"

	"github.com/go-marketplace/marketplace/vm"
)

// openings are openings of devices, by number, with something about each. Now and then it
// forgets those that are closed. So it is never much larger than the number of open devices.
type openings[T any] struct {
	of    map[uint64]T
	limit int // when it has so many, it forgets those that are closed
}

// leastOpenings is how many openings are kept before any is forgotten.
const leastOpenings = 1 << 10

// set adds an opening.
func (o *openings[T]) set(m *vm.Machine, generation uint64, v T) {
	if o.of == nil {
		o.of, o.limit = map[uint64]T{}, leastOpenings
	}
	if o.of[generation] = v; len(o.of) < o.limit {
		return
	}
	for g := range o.of {
		if g != generation && m.Held(g) == nil {
			delete(o.of, g)
		}
	}
	o.limit = max(2*len(o.of), leastOpenings)
}

// clear forgets all openings.
func (o *openings[T]) clear() { o.of = nil }

// A deviceIndex finds the open devices of a machine by their names.
type deviceIndex struct {
	named map[string][]*vm.Address // some may be closed
	count int
	limit int // when it has so many, it forgets those that are closed
}

// newDeviceIndex returns an index of all open devices of a machine.
func newDeviceIndex(m *vm.Machine) *deviceIndex {
	x := &deviceIndex{named: map[string][]*vm.Address{}, limit: leastOpenings}
	for info := range m.Processes() {
		for _, a := range info.Devices {
			x.add(m, a)
		}
	}
	return x
}

// add adds a device that was opened.
func (x *deviceIndex) add(m *vm.Machine, a *vm.Address) {
	if x.count >= x.limit {
		x.count = 0
		for name := range x.named {
			x.count += len(x.open(m, name))
		}
		x.limit = max(2*x.count, leastOpenings)
	}
	name := a.Device.DeviceName()
	x.named[name] = append(x.named[name], a)
	x.count++
}

// open returns the open devices with a name, and forgets those that are closed.
func (x *deviceIndex) open(m *vm.Machine, name string) []*vm.Address {
	all := slices.DeleteFunc(x.named[name], func(a *vm.Address) bool { return m.Held(a.Generation) != a })
	if len(all) == 0 {
		delete(x.named, name)
		return nil
	}
	x.named[name] = all
	return all
}

// find returns the open device with a name that is the best for an input to a process at a
// path: the last one of that process, or else the first one of all. It returns nil if there
// is none.
func (x *deviceIndex) find(m *vm.Machine, name string, path vm.Path) *vm.Address {
	all := x.open(m, name)
	if len(all) == 0 {
		return nil
	}
	best, same, several := all[0], false, false
	for _, a := range all {
		switch order := slices.Compare(a.Path, best.Path); {
		case slices.Equal(a.Path, path):
			several = same
			best, same = a, true
		case same:
		case order < 0:
			best, several = a, false
		case order == 0 && a != best:
			several = true
		}
	}
	if !several {
		return best
	}
	info, _ := m.Process(best.Path)
	for _, a := range info.Devices {
		if a.Device.DeviceName() == name {
			if best = a; !same {
				break
			}
		}
	}
	return best
}
