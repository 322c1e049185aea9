package ground

import (
	"sync"

	"github.com/go-marketplace/marketplace/vm"
)

// A Meter shows what a [Ground] that runs has done so far. The zero Meter is
// ready to use, for one Ground. It is safe for concurrent use.
type Meter struct {
	mu    sync.Mutex
	stats vm.Stats
}

// Stats returns the counters of the machine, as they were when it was last left.
func (m *Meter) Stats() vm.Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stats
}

// read has the meter show what machine has done.
func (m *Meter) read(machine *vm.Machine) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stats = machine.Stats()
}
