package console

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/go-marketplace/marketplace/drivers/internal/outlet"
	"github.com/go-marketplace/marketplace/world"
)

// opened is the first value of both devices.
type opened struct{}

// output is the device that prints.
type output struct {
	name   string
	outlet *outlet.Outlet
}

// write is a command for the output: write the bytes. The driver limits the bytes that
// wait, so they do not count against the limit of the ground.
type write struct {
	Bytes []byte
	Of    amount // the texts in the bytes, and those that the bytes report as left out
}

// Reports implements [world.Reporter].
func (write) Reports() bool { return true }

func (o output) DeviceName() string { return fmt.Sprintf("console output %q", o.name) }

func (o output) Open(context.Context, world.Env) (world.Handle, error) {
	return &printer{first: true, outlet: o.outlet, closed: make(chan struct{})}, nil
}

type printer struct {
	outlet *outlet.Outlet
	first  bool
	once   sync.Once
	closed chan struct{}
}

func (p *printer) Recv() (any, error) {
	if p.first {
		p.first = false
		return opened{}, nil
	}
	<-p.closed
	return nil, io.EOF
}

// Try leaves everything to Do: a terminal may make its writer wait.
func (p *printer) Try([]any) (int, error) { return 0, nil }

func (p *printer) Do(command any) error {
	w, ok := command.(write)
	if !ok {
		return fmt.Errorf("console: the output takes no command of type %T", command)
	}
	return p.outlet.Write(w.Bytes, p.closed)
}

func (p *printer) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// input is the device that reads.
type input struct {
	name string
	keys *keyboard
}

func (i input) DeviceName() string { return fmt.Sprintf("console input %q", i.name) }

func (i input) Open(context.Context, world.Env) (world.Handle, error) {
	return &scanner{first: true, keys: i.keys, closed: make(chan struct{})}, nil
}

// A keyboard reads lines. It outlives the device, so that a line that was typed early is
// there when the device is opened again.
//
// Nothing can stop a read from a terminal. So the goroutine that reads stays until there
// is a line, even if the device is closed meanwhile. It holds nothing of the machine, and
// keeps the line for the next opening.
type keyboard struct {
	lines *bufio.Scanner

	mu      sync.Mutex
	reading bool          // a goroutine waits for a line
	typed   *typed        // the result of a read that take has not returned yet, or nil
	changed chan struct{} // closed when typed is set
}

// typed is the result of a read: a line, or the reason why there is none.
type typed struct {
	line Line
	err  error
}

func newKeyboard(r io.Reader) *keyboard {
	return &keyboard{lines: bufio.NewScanner(r), changed: make(chan struct{})}
}

// take waits for the result of a read. It reports false if closed is closed before that.
func (k *keyboard) take(closed <-chan struct{}) (t typed, ok bool) {
	for {
		k.mu.Lock()
		changed := k.changed
		switch {
		case isClosed(closed):
			k.mu.Unlock()
			return t, false
		case k.typed != nil:
			t, k.typed = *k.typed, nil
			k.mu.Unlock()
			return t, true
		case !k.reading:
			k.reading = true
			go k.read()
		}
		k.mu.Unlock()
		select {
		case <-changed:
		case <-closed:
		}
	}
}

// read reads a line.
func (k *keyboard) read() {
	t := typed{err: io.EOF}
	if k.lines.Scan() {
		t = typed{line: Line{k.lines.Text()}}
	} else if err := k.lines.Err(); err != nil {
		t.err = err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.reading, k.typed = false, &t
	close(k.changed)
	k.changed = make(chan struct{})
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// scanner is the handle of an input.
type scanner struct {
	first  bool
	keys   *keyboard
	once   sync.Once
	closed chan struct{}
}

func (s *scanner) Recv() (any, error) {
	if s.first {
		s.first = false
		return opened{}, nil
	}
	t, ok := s.keys.take(s.closed)
	if !ok {
		return nil, io.EOF
	}
	return t.line, t.err
}

func (s *scanner) Try([]any) (int, error) { return 0, nil }

func (s *scanner) Do(command any) error {
	return fmt.Errorf("console: the input takes no commands, and was told a %T", command)
}

func (s *scanner) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}
