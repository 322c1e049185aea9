package ground

import (
	"sync"

	"github.com/go-marketplace/marketplace/vm"
)

// A Meter has the counters of a [Ground] while it runs and afterwards. The zero Meter
// is ready to use, for one Ground. It is safe for concurrent use.
type Meter struct {
	mu    sync.Mutex
	stats vm.Stats
}

// Stats returns the counters of the machine, as they were at the end of its last
// stretch of work.
func (m *Meter) Stats() vm.Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stats
}

// read copies the counters of machine to m, which may be nil.
func (m *Meter) read(machine *vm.Machine) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stats = machine.Stats()
}
