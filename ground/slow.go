package ground

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-marketplace/marketplace/internal/applog"
	"github.com/go-marketplace/marketplace/internal/stack"
	"github.com/go-marketplace/marketplace/vm"
)

// slowness notices transition functions that run for long.
//
// A timer looks at the machine several times in each SlowLimit, as long as the
// machine works. Where nothing has changed for the whole limit, the function
// that is being called is slow. An idle machine has no timer. The calls
// themselves are not marked, which would cost each of them: see [vm.Machine.Glimpse].
type slowness struct {
	stint uint64        // belongs to who holds the lock of the runner
	state atomic.Uint64 // the number of the stint, times two; one more while it goes on
	armed atomic.Bool   // the timer is set

	mu      sync.Mutex
	timer   *time.Timer
	stopped bool
	seen    uint64      // the state
	call    vm.Glimpse  // and what was being called
	last    time.Time   // somebody has looked, or the timer has been set
	since   time.Time   // the call has begun, at the earliest
	looks   int         // at which nothing has changed
	told    bool        // the call has been reported
	attrs   []slog.Attr // with which it has been
}

// looksPerLimit is how many looks there are in a SlowLimit.
const looksPerLimit = 4

// begin notes that the machine of r is about to work. The caller holds the lock
// of r.
func (s *slowness) begin(r *runner) {
	s.stint++
	s.state.Store(s.stint<<1 | 1)
	if r.log.wants && !s.armed.Load() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.last = time.Now()
		s.arm(r)
	}
}

// end notes that the machine has worked. The caller holds the lock of the
// runner.
func (s *slowness) end() { s.state.Store(s.stint << 1) }

// arm sets the timer. The caller holds the lock.
func (s *slowness) arm(r *runner) {
	s.armed.Store(true)
	interval := max(r.settings.SlowLimit/looksPerLimit, 1)
	switch {
	case s.stopped:
	case s.timer == nil:
		s.timer = time.AfterFunc(interval, func() { s.look(r) })
	default:
		s.timer.Reset(interval)
	}
}

// returned tells that the call that has been reported is over. What the call is
// about has been noted, since the machine uses the event again. The duration is at
// most two intervals between looks too long.
func (s *slowness) returned(r *runner) {
	if s.told {
		r.logger.LogAttrs(context.Background(), slog.LevelWarn, "the transition function has returned",
			append(s.attrs, slog.Duration("after", time.Since(s.since)))...)
	}
}

// stop ends the looking.
func (s *slowness) stop(r *runner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	s.returned(r)
	if s.timer != nil {
		s.timer.Stop()
	}
}

// look looks whether the machine makes progress.
func (s *slowness) look(r *runner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return
	}
	r.restless.looks.Add(1)
	state, c := s.state.Load(), r.machine.Glimpse()
	if state != s.seen || c != s.call {
		s.returned(r)
		s.seen, s.call, s.since, s.looks, s.told = state, c, s.last, 0, false
		s.last = time.Now()
		s.arm(r)
		return
	}
	s.last = time.Now()
	if state&1 == 0 {
		// Idle since the last look. A stint that begins now finds the timer not
		// set, or else is seen here.
		s.armed.Store(false)
		if s.state.Load() != state {
			s.arm(r)
		}
		return
	}
	s.looks++
	if c.Calling() && s.looks >= looksPerLimit && !s.told {
		s.told = true
		s.report(r)
	}
	s.arm(r)
}

// report tells of the call that takes long.
func (s *slowness) report(r *runner) {
	trace := stackOf(r)
	if r.machine.Glimpse() != s.call {
		s.told = false // it has just returned
		return
	}
	path, name := s.call.Process()
	s.attrs = slices.Clip(append(processAttrs(path, name), slog.String("event", s.call.Event())))
	attrs := append(s.attrs, slog.Duration("for", time.Since(s.since)))
	if trace != nil {
		attrs = append(attrs, slog.String(applog.Stack, string(trace)))
	}
	r.logger.LogAttrs(context.Background(), slog.LevelWarn, "a transition function takes long", attrs...)
}

// maxStacks is how much of the stacks of all goroutines is looked at.
const maxStacks = 64 << 20

// stackOf returns the stack of the transition function that the machine of r is
// calling, or nil if it cannot be found.
func stackOf(r *runner) []byte {
	buf := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) || len(buf) >= maxStacks {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	stint := stack.Library + "/ground.(*runner).workStint("
	ours := fmt.Appendf(nil, "%s%p", stint, r)
	var found []byte
	for one := range bytes.SplitSeq(buf, []byte("\n\n")) {
		switch {
		case bytes.Contains(one, ours):
			return stack.Running(append(slices.Clip(one), '\n'))
		case bytes.Contains(one, []byte(stint)):
			if found != nil {
				return nil // several grounds are at work
			}
			found = one
		}
	}
	return stack.Running(append(slices.Clip(found), '\n'))
}
