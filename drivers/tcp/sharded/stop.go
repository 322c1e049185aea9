package sharded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"
)

// Close ends the Listener, and waits until it has ended. It may be called any number
// of times, and from several goroutines at once.
//
// The Listener accepts nothing any more, and hands accepted connections over to the
// machines. Then it stops the machines, as by the context of a [ground.Ground], so that
// they still write what was sent. Last, it closes connections that still wait. All that
// takes Config.DrainLimit at most.
//
// Close returns what [Listener.Err] returns or, if ctx is done first, an error that
// names the workers whose machines still run. The Listener then goes on ending.
func (l *Listener) Close(ctx context.Context) error {
	l.end(nil)
	select {
	case <-l.done:
		return l.err
	case <-ctx.Done():
	}
	errs := []error{fmt.Errorf("sharded: Close returns before the Listener has ended: %w", context.Cause(ctx))}
	return errors.Join(append(errs, l.machines.stillRunning()...)...)
}

// end begins to stop the Listener. Cause returns the reason, when everything has
// ended; it is nil if Close was called.
func (l *Listener) end(cause func() error) {
	l.once.Do(func() {
		l.cause = cause
		close(l.stopping)
		go l.wind()
	})
}

// wind stops everything, in order.
func (l *Listener) wind() {
	defer close(l.done)
	limit := make(chan struct{})
	timer := l.config.Clock.AfterFunc(l.config.DrainLimit, func() {
		close(limit)
		l.queues.expire()
	})
	defer timer.Stop()

	l.queues.close()
	if err := l.socket.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		l.config.Logger.Warn("sharded: closing the socket failed", slog.Any("error", err))
	}
	l.wait(limit)
	l.queues.drain()
	l.cancel()
	l.machines.wait(limit)
	if rest := l.queues.rest(); len(rest) > 0 {
		for _, c := range rest {
			_ = c.Close()
		}
		l.config.Logger.Warn("sharded: closing connections that nobody serves", slog.Int("connections", len(rest)))
	}
	l.config.refusals.Flush()
	l.config.flush()
	var errs []error
	if l.cause != nil {
		errs = append(errs, l.cause())
	}
	l.err = errors.Join(append(errs, l.machines.stillRunning()...)...)
}

// wait waits until the Listener accepts nothing and starts no machine any more, but
// not beyond limit.
func (l *Listener) wait(limit <-chan struct{}) {
	over := make(chan struct{})
	go func() {
		l.goroutines.Wait()
		close(over)
	}()
	select {
	case <-over:
	case <-limit:
	}
}

// after returns a channel that is closed after d, and a function that stops the
// timer.
func (l *Listener) after(d time.Duration) (over <-chan struct{}, stop func()) {
	c := make(chan struct{})
	s := l.config.Clock.AfterFunc(d, func() { close(c) })
	return c, func() { s.Stop() }
}

// machines are the machines that run.
type machines struct {
	mu  sync.Mutex
	all map[*machine]struct{}
}

func (s *machines) add(m *machine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[*machine]struct{}{}
	}
	s.all[m] = struct{}{}
}

func (s *machines) remove(m *machine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, m)
}

// list returns the machines that run, by worker and start.
func (s *machines) list() (all []*machine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for m := range s.all {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b *machine) int {
		return cmp.Or(cmp.Compare(a.worker.id, b.worker.id), cmp.Compare(a.start, b.start))
	})
	return all
}

// wait waits for all machines to end, but not beyond limit.
func (s *machines) wait(limit <-chan struct{}) {
	for _, m := range s.list() {
		select {
		case <-m.over:
		case <-limit:
			return
		}
	}
}

// stillRunning returns an error for each worker with a machine that runs.
func (s *machines) stillRunning() (errs []error) {
	last := -1
	for _, m := range s.list() {
		if m.worker.id != last {
			errs = append(errs, &WorkerError{Worker: m.worker.id, Err: ErrStillRunning})
		}
		last = m.worker.id
	}
	return errs
}
