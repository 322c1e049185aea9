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

// slowness finds transition functions that run for a long time.
//
// While the machine works, a timer looks at it several times in each SlowLimit. If
// nothing has changed for the whole limit, the current call is slow. An idle machine
// has no timer. Calls are not marked, because that would cost each of them time: see
// [vm.Machine.Glimpse].
type slowness struct {
	stint uint64        // number of the stint; the lock of the runner guards it
	state atomic.Uint64 // the number of the stint, times two; one more during the stint
	armed atomic.Bool   // the timer is set

	mu      sync.Mutex
	timer   *time.Timer
	stopped bool
	seen    uint64      // the state at the last look
	call    vm.Glimpse  // the call at the last look
	last    time.Time   // when the last look was, or the timer was set
	since   time.Time   // the earliest time at which the call can have begun
	looks   int         // how many looks in a row have seen no change
	told    bool        // the call has been reported
	attrs   []slog.Attr // the attributes of the report
}

// looksPerLimit is the number of looks in a SlowLimit.
const looksPerLimit = 4

// begin notes the beginning of a stint. The caller holds the lock of r.
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

// end notes the end of a stint. The caller holds the lock of the runner.
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

// returned reports that a slow call has returned, if the call was reported. It uses
// the attributes of that report, because the machine reuses the event. The duration is
// too long by at most two intervals between looks.
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

// look checks whether the machine makes progress.
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

// report warns of the current call.
func (s *slowness) report(r *runner) {
	trace := stackOf(r)
	if r.machine.Glimpse() != s.call {
		s.told = false // the call has just returned
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

// maxStacks is how many bytes of the stacks of all goroutines are searched.
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
				return nil // several grounds are at work, and r is not in the stacks
			}
			found = one
		}
	}
	return stack.Running(append(slices.Clip(found), '\n'))
}
