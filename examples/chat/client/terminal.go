package main

import (
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/go-marketplace/marketplace/drivers/console"
)

// openConsole returns the console on which people type and read, and what gives
// the terminal back at the end. If one of them is no terminal, or one that cannot
// move its cursor, it is plain standard input and output.
func openConsole() (c console.Config, restore func(), err error) {
	in, out := int(os.Stdin.Fd()), int(os.Stdout.Fd())
	if !term.IsTerminal(in) || !term.IsTerminal(out) || os.Getenv("TERM") == "dumb" {
		return c, func() {}, nil
	}
	before, err := term.MakeRaw(in)
	if err != nil {
		return c, nil, fmt.Errorf("the terminal: %w", err)
	}
	t := newTerminal(struct {
		io.Reader
		io.Writer
	}{os.Stdin, os.Stdout}, func() (int, int, error) { return term.GetSize(out) })
	t.leave = func() { _ = term.Restore(in, before) }
	return console.Config{In: t, Out: t}, func() { t.leave(); fmt.Println() }, nil
}

// A terminal is a console on which a line is edited at the bottom, while text
// comes in above it. What is read from it are lines.
type terminal struct {
	*term.Terminal
	size  func() (width, height int, err error)
	leave func() // gives the terminal back: nothing more is read
	rest  []byte // of the line that is being read
}

func newTerminal(t io.ReadWriter, size func() (width, height int, err error)) *terminal {
	return &terminal{Terminal: term.NewTerminal(t, "> "), size: size, leave: func() {}}
}

// Read implements [io.Reader].
func (t *terminal) Read(b []byte) (int, error) {
	if len(t.rest) == 0 {
		t.fit()
		line, err := t.ReadLine()
		if err != nil {
			t.leave() // so that Ctrl-C ends the client if the server does not
			return 0, err
		}
		t.rest = []byte(line + "\n")
	}
	n := copy(b, t.rest)
	t.rest = t.rest[n:]
	return n, nil
}

// Write implements [io.Writer].
func (t *terminal) Write(b []byte) (int, error) {
	t.fit()
	return t.Terminal.Write(b)
}

// fit goes by the size that the terminal has now, if it knows that.
func (t *terminal) fit() {
	if w, h, err := t.size(); err == nil && w > 0 {
		_ = t.SetSize(w, h)
	}
}
