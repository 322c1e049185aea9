package world

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// A Result is the device with which a process ends the program. Its command is
// [Exit]: the ground then stops the machine, as at a stop from outside, and Run
// returns the error of the Exit. endpoint.Exit opens a Result, tells it an Exit, and
// closes it.
//
// The opening value is a [ResultOpen]. There are no other values, and a Result does
// not end before it is closed.
type Result struct{}

// ResultOpen is the opening value of a [Result].
type ResultOpen struct{}

// Exit is the command of a [Result]. It ends the program.
type Exit struct {
	Err *Error // the result of the program; nil for success
}

// ExitWith returns an [Exit] with the error Reduce(err): see [Reduce].
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

// Open implements [Device]. It fails if the ground does not support Exit.
func (Result) Open(_ context.Context, env Env) (Handle, error) {
	x, ok := env.(exiter)
	if !ok {
		return nil, errors.New("world: cannot open a Result: this ground has no way for a process to end the program")
	}
	return &openResult{exiter: x, closed: make(chan struct{})}, nil
}

// An exiter is an [Env] of a ground that supports [Exit].
type exiter interface{ Exit(err error) }

type openResult struct {
	exiter
	opened bool
	once   sync.Once
	closed chan struct{}
}

// Recv implements [Handle].
func (r *openResult) Recv() (any, error) {
	if !r.opened {
		r.opened = true
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
	if c.Err == nil { // r.Exit(c.Err) would pass a non-nil interface
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
