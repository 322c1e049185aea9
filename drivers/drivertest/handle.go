package drivertest

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/world"
)

// devicesCanBeClosed opens the devices of a run that is over, one by one, and uses
// them as a ground may.
func devicesCanBeClosed(t *trial, _ []place) {
	t.Helper()
	t.stage(outermost, func(s *stage) {
		s.Helper()
		s.start()
		for i := range s.driver.Things {
			s.demand(i)
		}
		all := s.watch.openedSoFar()
		s.cancel()
		s.awaitEnd("has been stopped")
		seen, n := map[world.Device]bool{}, 0
		for _, a := range all {
			if !seen[a.Device] {
				seen[a.Device] = true
				n += s.handle(a.Device)
			}
		}
		if n == 0 {
			s.fatalf("none of the devices of a run could be opened again: %s", list(names(all)))
		}
		s.checkLeftovers()
	})
}

// stuckDevicesCanBeClosed closes a device while it waits in Do.
func stuckDevicesCanBeClosed(t *trial, _ []place) {
	t.Helper()
	t.stage(outermost, func(s *stage) {
		s.Helper()
		s.cancel = func() {} // there is no machine, but abandon has to close the outside
		close(s.over)
		e := new(env)
		defer e.close()
		d, commands := s.driver.Stuck()
		name := d.DeviceName()
		h := s.open(d, context.Background(), e)
		if h == nil {
			s.fatalf("device %s of Driver.Stuck cannot be opened", name)
		}
		received, done := make(chan struct{}), make(chan struct{})
		go receiveAll(h, received)
		s.rest()
		carriedOut := 0 // Do has been called for one more
		go func() {
			defer close(done)
			for _, c := range commands {
				if h.Do(c) != nil {
					return
				}
				carriedOut++
			}
		}()
		s.rest()
		select {
		case <-done:
			s.close(name, h)
			s.fatalf("device %s has carried out %d of %d commands of Driver.Stuck, or one has failed, and Do did not wait: return commands that the outside does not take", name, carriedOut, len(commands))
		default:
		}
		s.close(name, h)
		s.atOnce(done, "device %s has been closed, but a Do that was waiting has not returned: Close must wake it, because the end of a machine waits for it", name)
		s.atOnce(received, "device %s has been closed, but a Recv that was waiting has not returned: Close must wake it", name)
		if err := h.Close(); err != nil {
			s.fatalf("device %s was closed for the second time, which must do nothing, but returns %v", name, err)
		}
		s.driver.Close()
		s.done = true
	})
}

// receiveAll receives from a device until it ends.
func receiveAll(h world.Handle, ended chan<- struct{}) {
	defer close(ended)
	for {
		if _, err := h.Recv(); err != nil {
			return
		}
	}
}

// handle opens and closes a device in all ways. It returns how often the device
// could be opened.
func (s *stage) handle(d world.Device) (n int) {
	s.Helper()
	name := d.DeviceName()
	e := new(env)
	defer e.close()

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if h := s.open(d, ctx, e); h != nil {
		s.close(name, h)
	}
	for range 2 { // a device that was closed can be opened again
		h := s.open(d, context.Background(), e)
		if h == nil {
			if n > 0 {
				s.fatalf("device %s was closed, and cannot be opened again at once: Close must return when what was opened is free", name)
			}
			return n
		}
		n++
		ended := make(chan struct{})
		go receiveAll(h, ended)
		s.rest()
		s.close(name, h)
		s.atOnce(ended, "device %s has been closed, but a Recv that was waiting has not returned: Close must wake it", name)
		if err := h.Close(); err != nil {
			s.fatalf("device %s was closed for the second time, which must do nothing, but returns %v", name, err)
		}
	}
	h := s.open(d, context.Background(), e)
	if h == nil {
		s.fatalf("device %s was closed, and cannot be opened again at once", name)
	}
	s.close(name, h) // before the first Recv
	received := make(chan struct{})
	go receiveAll(h, received)
	s.atOnce(received, "device %s has been closed, but Recv waits: it must return an error", name)
	return n
}

// open opens a device. It returns nil if that fails.
func (s *stage) open(d world.Device, ctx context.Context, e *env) (h world.Handle) {
	s.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		var err error
		if h, err = d.Open(ctx, e); err != nil {
			h = nil
		}
	}()
	s.within(done, "Open of device %s has not returned (its context: %v)", d.DeviceName(), fmt.Sprint(ctx.Err()))
	return h
}

func (s *stage) close(name string, h world.Handle) {
	s.Helper()
	done := make(chan struct{})
	var left []string
	go func() {
		defer close(done)
		_ = h.Close() // an error is allowed
		left = s.driver.Open()
	}()
	s.within(done, "Close of device %s has not returned", name)
	if len(left) > 0 {
		s.fatalf("Close of device %s has returned, but outside is still open: %s", name, list(left))
	}
}

// atOnce fails the test unless done is closed before any time passes.
func (s *stage) atOnce(done <-chan struct{}, format string, args ...any) {
	s.Helper()
	synctest.Wait()
	select {
	case <-done:
	default:
		s.fatalf(format, args...)
	}
}

// within waits until done is closed, and fails the test after limit.
func (s *stage) within(done <-chan struct{}, format string, args ...any) {
	s.Helper()
	select {
	case <-done:
	case <-time.After(limit):
		s.fatalf(format, args...)
	}
	synctest.Wait()
}

// env is the [world.Env] of the devices that are opened here.
type env struct {
	mu   sync.Mutex
	kept []io.Closer
}

func (e *env) Keep(thing io.Closer) world.Ref {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.kept = append(e.kept, thing)
	return world.Ref{Device: "drivertest", Number: uint64(len(e.kept))}
}

func (*env) Take(world.Ref) (io.Closer, error) { return nil, world.ErrNotKept }
func (*env) Logger() *slog.Logger              { return slog.New(slog.DiscardHandler) }

func (e *env) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, k := range e.kept {
		_ = k.Close() // it may be closed already
	}
	e.kept = nil
}
