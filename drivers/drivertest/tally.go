package drivertest

import (
	"slices"
	"sync"
)

// A Tally keeps the names of what is open in a simulated outside. Its methods may
// be called from any goroutine. The zero Tally is empty.
type Tally struct {
	mu   sync.Mutex
	open []*string
}

// Opened notes that something has been opened. The caller calls the function that
// Opened returns when it is closed; further calls do nothing.
func (t *Tally) Opened(name string) (closed func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	entry := &name
	t.open = append(t.open, entry)
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.open = slices.DeleteFunc(t.open, func(e *string) bool { return e == entry })
	}
}

// Open returns the names of what is open, in the order of opening.
func (t *Tally) Open() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	names := make([]string, len(t.open))
	for i, e := range t.open {
		names[i] = *e
	}
	return names
}
