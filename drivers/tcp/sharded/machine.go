package sharded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"
)

// A machine is one run of a worker, on a ground of its own.
type machine struct {
	worker *worker
	start  uint64
	ctx    context.Context
	cancel context.CancelFunc

	listening chan struct{} // closed when it begins to listen
	deaf      chan struct{} // closed when it listens no more
	failed    chan struct{} // closed when its boot function has panicked
	over      chan struct{} // closed when its ground has ended

	mu      sync.Mutex
	port    *port // nil until it listens
	retired bool  // it may not listen any more
	reason  error // the last one that the machine reported
}

// run starts a machine of a worker.
func (w *worker) run() *machine {
	w.starts++
	m := &machine{
		worker:    w,
		start:     w.starts,
		listening: make(chan struct{}),
		deaf:      make(chan struct{}),
		failed:    make(chan struct{}),
		over:      make(chan struct{}),
	}
	m.ctx, m.cancel = context.WithCancel(w.listener.ctx)
	ground := w.listener.config.Ground(m.describe())
	ground.Incarnation = m.start
	w.listener.machines.add(m)
	go func() {
		err := ground.RunFunc(m.ctx, m.boot)
		m.hear(err)
		m.retire()
		if m.port != nil {
			m.port.over()
		}
		m.cancel()
		w.listener.machines.remove(m)
		close(m.over)
	}()
	return m
}

// describe returns the argument of the boot function.
func (m *machine) describe() Worker {
	w := m.worker
	return Worker{N: len(w.listener.workers), ID: w.id, Host: w.bare.Host(), Port: w.bare.Port(), Start: m.start, m: m}
}

// listen gives the machine the connections of its worker.
func (m *machine) listen(network string) (net.Listener, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	addr := m.worker.listener.Addr()
	fail := func(why error) (net.Listener, error) {
		return nil, &net.OpError{Op: "listen", Net: network, Addr: addr, Err: why}
	}
	switch {
	case m.retired, isClosed(m.deaf):
		return fail(fmt.Errorf("worker %d has another machine now", m.worker.id))
	case m.port != nil:
		return fail(os.NewSyscallError("bind", syscall.EADDRINUSE))
	}
	m.port = m.worker.listener.queues.open(m.worker.id, addr, m.deaf)
	close(m.listening)
	return m.port, nil
}

// retire makes the machine stop listening. Its connections stay.
func (m *machine) retire() {
	m.mu.Lock()
	m.retired = true
	p := m.port
	m.mu.Unlock()
	if p != nil {
		_ = p.Close() // never fails
	}
}

// hear notes the reason with which something in the machine has ended.
func (m *machine) hear(reason error) {
	if reason == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reason = reason
}

// told handles a report of the machine. It reports false if it is none.
func (m *machine) told(command any) bool {
	switch c := command.(type) {
	case failed:
		m.hear(c.Reason)
		close(m.failed)
	case lost:
		m.lost(c.Reason)
	case parted:
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.port != nil {
			m.port.parted()
		}
	default:
		return false
	}
	return true
}

// lost notes the reason with which an observer of what arrives, or the driver, has
// gone.
func (m *machine) lost(reason error) {
	m.hear(reason)
	m.worker.listener.config.Logger.Warn("sharded: an observer of what arrives at a worker, or its driver, has gone",
		slog.Int("worker", m.worker.id), slog.Uint64("start", m.start), slog.Any("reason", reason))
}

// why returns an error of the worker: what has happened and, if known, the reason.
func (m *machine) why(what error) *WorkerError {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := &WorkerError{Worker: m.worker.id, Err: what}
	if m.reason != nil {
		e.Err = fmt.Errorf("%w: %w", what, m.reason)
	}
	return e
}

var errAbandoned = errors.New("sharded: nobody waits for the worker any more")

// await waits until the machine listens. It returns an error if that fails, if limit is
// closed, or if abandoned is.
func (m *machine) await(limit, abandoned <-chan struct{}) error {
	select {
	case <-m.listening:
	case <-m.failed:
	case <-m.over:
	case <-limit:
	case <-abandoned:
	}
	switch {
	case isClosed(m.listening):
		return nil
	case isClosed(m.failed), isClosed(m.over):
		return m.why(ErrNotBooted)
	case isClosed(limit):
		return m.why(ErrBootLimit)
	}
	return errAbandoned
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
