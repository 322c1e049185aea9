package sharded

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/internal/retry"
)

// A worker keeps a machine running that serves the connections in its queue. The
// fields that change belong to the goroutine that supervises it.
type worker struct {
	listener *Listener
	id       int
	bare     tcp.Addr // where connections arrive, without TLS
	at       tcp.Addr // with TLS, if there is a Config.TLS
	asked    chan chan error

	starts  uint64
	retired []*machine // machines that keep their connections
}

func newWorker(l *Listener, id int, at tcp.Addr) *worker {
	w := &worker{listener: l, id: id, bare: at, at: at, asked: make(chan chan error)}
	if l.config.TLS != nil {
		w.at = at.TLS(tlsName)
	}
	return w
}

// steady is how long a machine has to live so that the next one starts without a
// pause.
const steady = retry.LastPause

// maxRetired is how many machines of a worker may keep their connections after others
// have replaced them. The worker stops the oldest if there are more.
const maxRetired = 8

// supervise replaces the machine of the worker when it dies, and when Restart is
// called.
func (w *worker) supervise(m *machine) {
	l := w.listener
	pause := time.Duration(0)
	for booted := l.config.Clock.Now(); m != nil; booted = l.config.Clock.Now() {
		var asked chan error
		select {
		case <-l.stopping:
			return
		case <-m.deaf:
		case asked = <-w.asked:
		}
		switch {
		case isClosed(l.stopping): // a Restart that waits sees that, too
			return
		case asked != nil:
			m.retire()
			m.cancel()
		case l.config.OnDeath == Stop:
			l.end(func() error { return m.why(ErrDied) })
			return
		default:
			l.config.Logger.Warn("sharded: a worker has died; starting another machine in its place",
				slog.Int("worker", w.id), slog.Uint64("start", m.start))
		}
		if asked != nil || m.start == 1 || l.config.Clock.Now().Sub(booted) >= steady {
			pause = 0
		} else {
			pause = retry.Longer(pause)
		}
		w.keep(m)
		m, pause = w.again(pause, asked)
	}
}

// keep lets a machine that has died keep its connections, as those before it.
func (w *worker) keep(m *machine) {
	w.retired = slices.DeleteFunc(append(w.retired, m), func(m *machine) bool { return isClosed(m.over) })
	if len(w.retired) > maxRetired {
		w.retired[0].cancel()
		w.retired = slices.Delete(w.retired, 0, 1)
	}
}

// again starts machines until one has booted, and returns it, with the pause before
// it. It returns nil if the Listener stops. Asked, if not nil, gets the result of the
// first one.
func (w *worker) again(pause time.Duration, asked chan error) (*machine, time.Duration) {
	l := w.listener
	for pause == 0 || l.pause(pause) {
		m := w.run()
		limit, stop := l.after(l.config.BootLimit)
		err := m.await(limit, l.stopping)
		stop()
		if err == errAbandoned {
			err = errStopped
		}
		if asked != nil {
			asked <- err
			asked = nil
		}
		if err == nil {
			return m, pause
		}
		m.retire()
		m.cancel()
		w.keep(m)
		if isClosed(l.stopping) {
			break
		}
		pause = retry.Longer(pause)
		l.config.Logger.Warn("sharded: a worker has not booted; trying again",
			slog.Any("error", err), slog.Duration("in", pause))
	}
	return nil, 0
}

var errStopped = fmt.Errorf("sharded: the listener has stopped: %w", net.ErrClosed)

// Restart stops the machine of a worker, as by the context of a [ground.Ground], and
// starts another in its place, which gets the connections that wait. The connections
// of the old machine are lost; the other workers are not affected. Restart is for
// machines that misbehave, and for operators who want to reload settings, one worker
// at a time.
//
// Restart returns when the new machine has booted. If that fails, the error says why,
// and the Listener goes on trying. If ctx is done first, Restart returns its error; a
// restart that has begun goes on. An error that wraps [net.ErrClosed] says that the
// Listener has stopped. Restart panics if there is no such worker.
func (l *Listener) Restart(ctx context.Context, worker int) error {
	if worker < 0 || worker >= len(l.workers) {
		panic(fmt.Sprintf("sharded: Restart of worker %d: there are workers 0 to %d", worker, len(l.workers)-1))
	}
	answer := make(chan error, 1)
	select {
	case l.workers[worker].asked <- answer:
	case <-l.stopping:
		return errStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case err := <-answer:
		return err
	case <-l.stopping:
		return errStopped
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
