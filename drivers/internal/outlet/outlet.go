// Package outlet writes to an io.Writer that may block for ever, such as a pipe that
// nobody reads. The handle of a device uses it to write and still close at once: Close
// does not wait for a Write that is blocked.
package outlet

import (
	"io"

	"github.com/go-marketplace/marketplace/world"
)

// An Outlet writes to an [io.Writer], one call of Write at a time. It belongs to the
// writer and outlives the device that uses it, so that a later opening of the device
// writes after an earlier one. Its methods may be called from any goroutine.
type Outlet struct {
	w    io.Writer
	busy chan struct{} // has an element while a goroutine is in Write
}

// New returns the outlet of w.
func New(w io.Writer) *Outlet { return &Outlet{w, make(chan struct{}, 1)} }

// Write writes b, and returns the error of the writer. If closed is closed before that,
// it returns [world.ErrClosed] at once, as Do of a [world.Handle] must.
//
// Nothing ends a call of the writer that is blocked. So its goroutine stays until the
// call returns: one for each outlet, since another call of Write waits for it. It keeps
// b, which the caller must not change.
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
