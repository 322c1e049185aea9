// Package outlet writes to writers that may make the caller wait for ever, as a
// pipe does that nobody reads.
package outlet

import (
	"io"

	"github.com/go-marketplace/marketplace/world"
)

// An Outlet writes to an [io.Writer], one call of Write at a time. It belongs to
// the writer, not to an open device: it outlives the device that uses it, so
// that what the next opening of that device writes comes after what this one
// wrote. Its methods may be called from any goroutine.
type Outlet struct {
	w    io.Writer
	busy chan struct{} // has an element while a goroutine is in Write
}

// New returns the outlet of w.
func New(w io.Writer) *Outlet { return &Outlet{w, make(chan struct{}, 1)} }

// Write writes b, and returns what the writer says. If closed is closed before
// that, it returns [world.ErrClosed] at once, which is what Do of a
// [world.Handle] has to do.
//
// No call ends a Write that the system holds. So the goroutine that is in it
// stays there for as long as the system holds it: one for each outlet, since
// another call of Write waits for it. It keeps b, which the caller must not
// change.
func (o *Outlet) Write(b []byte, closed <-chan struct{}) error {
	select {
	case <-closed:
		return world.ErrClosed
	default:
	}
	select {
	case o.busy <- struct{}{}:
	case <-closed:
		return world.ErrClosed
	}
	written := make(chan error, 1)
	go func() {
		n, err := o.w.Write(b)
		if err == nil && n < len(b) {
			err = io.ErrShortWrite
		}
		<-o.busy
		written <- err
	}()
	select {
	case err := <-written:
		return err
	case <-closed:
		return world.ErrClosed
	}
}
