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

// Close ends the Listener, and waits for that, unless it has ended before. It
// may be called any number of times, and by several at once.
//
// Nothing is accepted any more. What has been accepted is handed over to the
// machines. Then they are told to stop, as by the context of a [ground.Ground], so
// that what they have written goes out; and what then still waits is closed. All
// that may take as long as Config.DrainLimit.
//
// Close returns what [Listener.Err] says or, if ctx is done first, an error that
// names the workers whose machines still run. The end goes on without it then.
func (l *Listener) Close(ctx context.Context) error {
	l.end(nil)
	select {
	case <-l.done:
		return l.err
	case <-ctx.Done():
	}
	errs := []error{fmt.Errorf("sharded: Close has not waited for the end: %w", context.Cause(ctx))}
	return errors.Join(append(errs, l.machines.stillRunning()...)...)
}

// end begins the end. Cause says why, when all is over; it is nil if somebody
// has asked for it.
func (l *Listener) end(cause func() error) {
	l.once.Do(func() {
		l.cause = cause
		close(l.stopping)
		go l.wind()
	})
}

// wind takes everything down, in order.
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

// wait waits until nothing more is accepted and no machine is started, but not
// for longer than limit.
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

// after returns a channel that is closed after a while, and a function to call
// when nobody waits for that any more.
func (l *Listener) after(d time.Duration) (over <-chan struct{}, stop func()) {
	c := make(chan struct{})
	s := l.config.Clock.AfterFunc(d, func() { close(c) })
	return c, func() { s.Stop() }
}

// machines are those that run.
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

// wait waits for all machines to end, but not for longer than limit.
func (s *machines) wait(limit <-chan struct{}) {
	for _, m := range s.list() {
		select {
		case <-m.over:
		case <-limit:
			return
		}
	}
}

// stillRunning returns an error for each worker of which a machine runs.
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
