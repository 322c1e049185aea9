package console

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/go-marketplace/marketplace/world"
)

// opened is the first value of both devices.
type opened struct{}

// output is the device that prints.
type output struct {
	name string
	w    io.Writer
}

func (o output) DeviceName() string { return fmt.Sprintf("console output %q", o.name) }

func (o output) Open(context.Context, world.Env) (world.Handle, error) {
	return &printer{first: true, w: o.w, closed: make(chan struct{})}, nil
}

type printer struct {
	w      io.Writer
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
	t, ok := command.(Text)
	if !ok {
		return fmt.Errorf("console: cannot print a %T: it must be a console.Text", command)
	}
	_, err := io.WriteString(p.w, t.Text)
	return err
}

func (p *printer) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// input is the device that reads.
type input struct {
	name string
	r    io.Reader
}

func (i input) DeviceName() string { return fmt.Sprintf("console input %q", i.name) }

// Open starts to read. There is no way to stop a program that waits for a
// terminal, so the goroutine that does so stays behind when the device is
// closed, until there is a line; it holds nothing of the machine.
func (i input) Open(context.Context, world.Env) (world.Handle, error) {
	s := &scanner{first: true, lines: make(chan Line), ended: make(chan error, 1), closed: make(chan struct{})}
	go s.scan(i.r)
	return s, nil
}

type scanner struct {
	first  bool
	lines  chan Line
	ended  chan error
	once   sync.Once
	closed chan struct{}
}

func (s *scanner) scan(r io.Reader) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		select {
		case s.lines <- Line{lines.Text()}:
		case <-s.closed:
			return
		}
	}
	err := lines.Err()
	if err == nil {
		err = io.EOF
	}
	s.ended <- err
}

func (s *scanner) Recv() (any, error) {
	if s.first {
		s.first = false
		return opened{}, nil
	}
	select {
	case l := <-s.lines:
		return l, nil
	case err := <-s.ended:
		return nil, err
	case <-s.closed:
		return nil, io.EOF
	}
}

func (s *scanner) Try([]any) (int, error) { return 0, nil }

func (s *scanner) Do(command any) error {
	return fmt.Errorf("console: the input takes no commands, such as a %T", command)
}

func (s *scanner) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}
