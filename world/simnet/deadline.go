package simnet

import (
	"sync"
	"time"
)

// A deadline tells whether a time has passed. Its owner guards it with a mutex, and
// holds that mutex when it calls a method.
type deadline struct {
	passed bool
	timer  *time.Timer
	turn   uint64 // incremented by each change; a timer of an earlier turn has no effect
}

// clear removes the deadline.
func (d *deadline) clear() {
	d.turn++
	d.passed = false
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}

// set sets the deadline to t, or removes it if t is zero. When the deadline passes,
// set wakes all waiters, whose lock is the mutex of the owner.
func (d *deadline) set(t time.Time, waiters *sync.Cond) {
	d.clear()
	if t.IsZero() {
		return
	}
	left := time.Until(t)
	if left <= 0 {
		d.passed = true
		waiters.Broadcast()
		return
	}
	turn := d.turn
	d.timer = time.AfterFunc(left, func() {
		waiters.L.Lock()
		defer waiters.L.Unlock()
		if d.turn == turn {
			d.passed = true
			waiters.Broadcast()
		}
	})
}
