package laws

import (
	"fmt"
	"testing"

	"github.com/go-marketplace/marketplace/vm"
)

// The law of the backlog: it is the number of actions in all queues, whatever
// has happened to the processes that have the queues. By it a ground decides
// when to admit inputs.

// checkBacklog returns what is wrong with the backlog of m, or "".
func checkBacklog(m *vm.Machine) string {
	waiting := 0
	for p := range m.Processes() {
		waiting += p.Queue
	}
	if n := m.Backlog(); n != waiting {
		return fmt.Sprintf("the backlog is %d, and %d actions wait", n, waiting)
	}
	return ""
}

func TestLawBacklog(t *testing.T) {
	waited := 0
	eachRandom(t, func(seed uint64, data []byte) {
		for _, snapshots := range []bool{false, true} {
			l := &lawLog{program: fromBytes(data).program()}
			r := l.onMachine(snapshots, nil)
			r.limits = &vm.Limits{Steps: 1, Queue: 20} // so that the test sees the machine in the middle of its work
			r.each = func() {
				if fault := checkBacklog(r.m); fault != "" {
					t.Fatalf("seed %d: %s", seed, fault)
				}
				waited = max(waited, r.m.Backlog())
			}
			l.run(r, nothing)
		}
	})
	if waited == 0 {
		t.Error("nothing has ever waited")
	}
}
