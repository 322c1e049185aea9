package sharded

import (
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/go-marketplace/marketplace/internal/retry"
)

// deal accepts connections and gives them to the workers, until the Listener
// stops.
func (l *Listener) deal() {
	last := -1
	loads := make([]Load, len(l.workers))
	for l.queues.waitForRoom() {
		c, err := l.accept()
		if err != nil {
			l.end(func() error { return fmt.Errorf("sharded: cannot accept connections any more: %w", err) })
			return
		}
		if c == nil {
			return
		}
		last = l.queues.push(l.choose(last, loads), c)
	}
}

// choose returns the worker that gets the next connection.
func (l *Listener) choose(last int, loads []Load) int {
	next := after(last, len(l.workers))
	if l.config.Policy == nil {
		return next
	}
	l.queues.loads(loads)
	if chosen := l.config.Policy(last, loads); chosen >= 0 && chosen < len(l.workers) {
		return chosen
	}
	return next
}

// accept accepts the next connection. If the system is short of a resource, it waits
// and tries again. It returns nil if the Listener stops.
func (l *Listener) accept() (net.Conn, error) {
	for pause := retry.FirstPause; ; pause = retry.Longer(pause) {
		c, err := l.socket.Accept()
		switch {
		case err == nil:
			return c, nil
		case isClosed(l.stopping):
			return nil, nil
		case !retry.Accepts(err):
			return nil, err
		}
		slog.New(l.config.refusals).Warn("sharded: accepting a connection failed; trying again",
			slog.Any("address", l.Addr()), slog.Any("error", err), slog.Duration("in", pause))
		if !l.pause(pause) {
			return nil, nil
		}
	}
}

// pause waits, and reports false if the Listener stops.
func (l *Listener) pause(d time.Duration) bool {
	over, stop := l.after(d)
	defer stop()
	select {
	case <-over:
		return true
	case <-l.stopping:
		return false
	}
}
