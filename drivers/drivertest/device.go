package drivertest

import (
	"reflect"
	"slices"

	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// namesItsDevices checks the names of the devices that two runs open, and the
// types of their values and commands.
func namesItsDevices(t *trial, _ []place) {
	t.Helper()
	var runs [2][]string
	for n := range runs {
		t.play(outermost, func(s *stage) {
			s.Helper()
			everything(s)
			all := s.watch.openedSoFar()
			s.checkNames(all)
			s.checkCrossed()
			runs[n] = names(all)
		})
	}
	for i := range max(len(runs[0]), len(runs[1])) {
		var a, b string
		if i < len(runs[0]) {
			a = runs[0][i]
		}
		if i < len(runs[1]) {
			b = runs[1][i]
		}
		if a != b {
			t.Fatalf("drivertest: devices must have the same names in each run, but they differ from one run to the next:\n\t%q\n\t%q", a, b)
		}
	}
}

// checkNames checks that names tell devices apart and do not change.
func (s *stage) checkNames(all []*vm.Address) {
	s.Helper()
	byName := map[string]world.Device{}
	for _, a := range all {
		name := a.Device.DeviceName()
		if again := a.Device.DeviceName(); again != name {
			s.fatalf("the name of a device must not change, but one has been %q and is %q", name, again)
		}
		if other, ok := byName[name]; ok && other != a.Device {
			s.fatalf("two devices have the name %q, although they are not equal:\n\t%#v\n\t%#v", name, other, a.Device)
		}
		byName[name] = a.Device
	}
}

// checkCrossed checks that the types of all values and commands are registered.
func (s *stage) checkCrossed() {
	s.Helper()
	s.watch.mu.Lock()
	types := map[string]reflect.Type{}
	for _, v := range s.watch.crossed {
		if v == nil {
			types["nil"] = nil
			continue
		}
		if _, ok := world.NameOf(reflect.TypeOf(v)); !ok {
			types[reflect.TypeOf(v).String()] = reflect.TypeOf(v)
		}
	}
	s.watch.mu.Unlock()
	var missing []string
	for name := range types {
		missing = append(missing, name)
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		s.fatalf("values and commands of devices cross the border of the machine, so their types need names: call world.Register in an init for %s", list(missing))
	}
}
