package drivertest

import (
	"strings"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vmtest"
)

// isPure records the inputs of a run and applies them to another machine, in which
// nothing is open and every transition function is called twice. Both machines
// must do the same.
func isPure(t *trial, in []place) {
	t.Helper()
	for _, p := range in {
		t.stage(p, func(s *stage) {
			s.Helper()
			s.start(standIn())
			everything(s)
			s.finish()
			if !s.Failed() {
				s.replay()
			}
		})
	}
}

// replay applies the inputs of a run that is over to another machine.
func (s *stage) replay() {
	s.Helper()
	m := vmtest.Config{}.RunFunc(s.TB, func(actions.PID) actions.Process { return actions.Stateless(s.boot()) })
	m.AllowCrashes() // of users
	for _, in := range s.watch.inputs {
		if in.Kind == vm.Start || in.Address != nil && in.Address.Device == (stand{}) {
			continue // vmtest has made these inputs itself
		}
		m.Apply(in)
		if s.driver.Types == nil {
			continue
		}
		if vmtest.CheckTypes(s, m.VM(), s.driver.Types, notTheDrivers); s.Failed() {
			s.Fatalf("drivertest: %v: not all processes can be saved, after this:\n%s", s.place, m.Trace())
		}
	}
	first, again := theirs(s.watch.lines), theirs(strings.Split(m.Trace(), "\n"))
	if first != again {
		s.Errorf("drivertest: %v: not pure: when a machine gets the inputs of another one, it must do the same, but it does something else.\n"+
			"Likely causes: the time, randomness, the order of a map, a variable that several processes or machines share.\n%s", s.place, difference(first, again))
	}
}

// notTheDrivers reports whether a process belongs to this package or to vmtest.
func notTheDrivers(p vm.ProcessInfo) bool {
	switch p.Name {
	case "", "director", standName: // users, too, may have processes without a name
		return true
	}
	return strings.HasPrefix(p.Name, userPrefix)
}

// theirs returns the lines of a trace that are not about the device of package
// vmtest or its stand-in.
func theirs(lines []string) string {
	var b strings.Builder
	for _, l := range lines {
		if !strings.Contains(l, standName) && l != "" {
			b.WriteString(l + "\n")
		}
	}
	return b.String()
}
