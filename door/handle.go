package door

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/go-marketplace/marketplace/world"
)

// A device is the door as the machine has it.
type device struct {
	name string
	door *Door
}

// DeviceName implements [world.Device].
func (d device) DeviceName() string { return "door(" + strconv.Quote(d.name) + ")" }

// Open implements [world.Device].
func (d device) Open(context.Context, world.Env) (world.Handle, error) {
	door := d.door
	door.mu.Lock()
	defer door.mu.Unlock()
	switch {
	case door.handle != nil:
		return nil, fmt.Errorf("door %v is open already: a door leads into one machine, so make another for this one", door)
	case door.ending:
		return nil, fmt.Errorf("door %v: %w: %w", door, ErrClosed, errEnding)
	}
	door.closed = nil
	door.handle = &handle{door: door}
	return door.handle, nil
}

// A handle is one opening of a door. The mutex of the door guards it.
type handle struct {
	door   *Door
	told   bool // Recv has returned the opening value
	ready  bool // what the process tells is for this opening
	closed bool
	puller world.Puller // nil if the ground calls Recv for each value
	reason error        // for which the process has ended
}

// Recv implements [world.Handle]. It returns what waits: one request as it is, and
// several in a batch.
func (h *handle) Recv() (any, error) {
	d := h.door
	d.mu.Lock()
	defer d.mu.Unlock()
	for h.told && !h.closed && len(d.queue) == 0 && !d.ending {
		d.changed.Wait()
	}
	switch {
	case h.closed:
		return nil, world.ErrClosed
	case !h.told:
		h.told = true
		return d.memory, nil
	case len(d.queue) == 0:
		return nil, io.EOF
	}
	return d.takeLocked(), nil
}

// SetPuller implements [world.Pullable].
func (h *handle) SetPuller(p world.Puller) {
	h.door.mu.Lock()
	defer h.door.mu.Unlock()
	h.puller = p
}

// TryRecv implements [world.Pullable].
func (h *handle) TryRecv() (any, error) {
	d := h.door
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case h.closed:
		return nil, world.ErrClosed
	case len(d.queue) > 0:
		return d.takeLocked(), nil
	case d.ending:
		return nil, io.EOF
	}
	return nil, nil
}

// takeLocked takes requests from the queue, and returns the value that has them. The
// caller holds d.mu.
func (d *Door) takeLocked() any {
	n, size := 0, 0
	for n < len(d.queue) && n < maxBatch && (n == 0 || size+d.queue[n].size <= MaxSize) {
		size += d.queue[n].size
		n++
	}
	for _, r := range d.queue[:n] {
		if _, ok := r.item.(call); !ok {
			d.flight = append(d.flight, r)
		}
	}
	var value any
	if n == 1 {
		value = d.queue[0].item
	} else {
		d.crowd = crowdLasts
		items := make([]any, n)
		for i, r := range d.queue[:n] {
			items[i] = r.item
		}
		value = batch{items}
	}
	rest := copy(d.queue, d.queue[n:])
	clear(d.queue[rest:])
	d.queue = d.queue[:rest]
	if rest > 0 || d.ending {
		d.wakeLocked()
	}
	return value
}

// Try implements [world.Handle]. It carries out all commands. Those before ready are for
// an earlier opening of the door.
func (h *handle) Try(commands []any) (int, error) {
	d := h.door
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range commands {
		if _, ok := c.(ready); ok {
			h.ready = true
		}
		if h.closed || !h.ready {
			continue
		}
		switch c := c.(type) {
		case taken:
			n := min(c.Count, len(d.flight))
			for _, r := range d.flight[:n] {
				r.answer(nil)
			}
			rest := copy(d.flight, d.flight[n:])
			clear(d.flight[rest:])
			d.flight = d.flight[:rest]
		case answer:
			if r := d.calls[c.N]; r != nil {
				delete(d.calls, c.N)
				r.result = c.Result
				r.answer(c.Err)
			}
		case told:
			if s := d.subs[c.ID]; s != nil && !s.push(c) {
				d.dropLocked(s)
			}
		case over:
			h.reason = c.Reason
		}
	}
	return len(commands), nil
}

// Do implements [world.Handle].
func (h *handle) Do(command any) error {
	_, err := h.Try([]any{command})
	return err
}

// Close implements [world.Handle].
func (h *handle) Close() error {
	d := h.door
	d.mu.Lock()
	defer d.mu.Unlock()
	if h.closed {
		return nil
	}
	h.closed = true
	d.handle = nil
	reason := h.reason
	switch {
	case reason != nil:
	case d.ending:
		reason = errEnding
	default:
		reason = errors.New("the process of the door has ended, or the run of the ground")
	}
	d.shutLocked(reason)
	d.changed.Broadcast()
	return nil
}
