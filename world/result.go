package world

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// A Result is the device by which a process ends the program: what it is told is
// how. The ground then stops the machine, as if it had been asked to from
// outside, and returns the error that it was told. endpoint.Exit opens it, tells
// it, and closes it.
//
// Its opening value is a [ResultOpen], and it never ends of its own accord. It
// takes [Exit].
type Result struct{}

// ResultOpen is the opening value of a [Result].
type ResultOpen struct{}

// Exit is a command to a [Result]: end the program, with an error, or without
// one.
type Exit struct {
	Err *Error // nil for none
}

// ExitWith returns an [Exit] with what [Reduce] makes of err.
func ExitWith(err error) Exit {
	e, _ := Reduce(err).(*Error)
	return Exit{e}
}

func init() {
	Register[ResultOpen]("world.ResultOpen")
	Register[Exit]("world.Exit")
}

// DeviceName implements [Device].
func (Result) DeviceName() string { return "world.Result()" }

// Open implements [Device]. It fails if the ground cannot be ended from inside.
func (Result) Open(_ context.Context, env Env) (Handle, error) {
	x, ok := env.(exiter)
	if !ok {
		return nil, errors.New("world: this ground cannot be ended from inside, so it has no Result")
	}
	return &openResult{exiter: x, closed: make(chan struct{})}, nil
}

// An exiter is an [Env] of a ground that can be ended from inside.
type exiter interface{ Exit(err error) }

type openResult struct {
	exiter
	told   bool
	once   sync.Once
	closed chan struct{}
}

// Recv implements [Handle].
func (r *openResult) Recv() (any, error) {
	if !r.told {
		r.told = true
		return ResultOpen{}, nil
	}
	<-r.closed
	return nil, ErrClosed
}

// Try implements [Handle].
func (r *openResult) Try(commands []any) (int, error) {
	for i, c := range commands {
		if err := r.Do(c); err != nil {
			return i, err
		}
	}
	return len(commands), nil
}

// Do implements [Handle].
func (r *openResult) Do(command any) error {
	c, ok := command.(Exit)
	if !ok {
		return fmt.Errorf("world: a Result takes an Exit, but was told %T", command)
	}
	if c.Err == nil { // and not an error that is a nil pointer
		r.Exit(nil)
	} else {
		r.Exit(c.Err)
	}
	return nil
}

// Close implements [Handle].
func (r *openResult) Close() error {
	r.once.Do(func() { close(r.closed) })
	return nil
}
