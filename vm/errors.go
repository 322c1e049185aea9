package vm

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// The reasons for which the machine ends a process that does what cannot be
// done. Its peers get them, wrapped with what did not fit.
var (
	// ErrStateType: a handler is for another type of state than the process has.
	ErrStateType = errors.New("vm: handler for another type of state")

	// ErrRole: an endpoint was added under the name of another one that has a
	// different role.
	ErrRole = errors.New("vm: endpoint of that name has another role")

	// ErrNoOuterLevel: an action was to be performed above the ground.
	ErrNoOuterLevel = errors.New("vm: no level above the ground")

	// ErrAction: an action cannot be performed.
	ErrAction = errors.New("vm: action cannot be performed")

	// ErrOverflow: a queue is full.
	ErrOverflow = errors.New("vm: queue is full")

	// ErrGoexit: a transition function has called runtime.Goexit.
	ErrGoexit = errors.New("vm: transition function called runtime.Goexit")
)

// A PanicError is the reason of a process in which a transition function has
// panicked.
type PanicError struct {
	Value any    // of the panic
	Stack []byte // where it was, in the form of runtime/debug.Stack
}

// Error implements error. It leaves the stack out.
func (e *PanicError) Error() string { return fmt.Sprintf("vm: panic: %v", e.Value) }

// Unwrap returns the value of the panic, if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Trace returns the part of e.Stack that concerns the program: it begins at the
// function that has panicked, or that has called the function of this library
// or of the runtime that did, and ends where the machine called the transition
// function. If nothing is left of the stack in this way, Trace returns all of it.
func (e *PanicError) Trace() []byte {
	frames := framesOf(e.Stack)
	if i := slices.IndexFunc(frames, func(f []byte) bool { return bytes.HasPrefix(f, []byte("panic(")) }); i >= 0 {
		frames = frames[i+1:]
	}
	if own := programFrames(frames); len(own) > 0 {
		return bytes.Join(own, nil)
	}
	return e.Stack
}

// framesOf splits the stack of a goroutine into frames of two lines each. The
// line that names the goroutine is left out.
func framesOf(stack []byte) (frames [][]byte) {
	lines := bytes.SplitAfter(stack, []byte("\n"))
	if len(lines) > 0 && bytes.HasPrefix(lines[0], []byte("goroutine ")) {
		lines = lines[1:]
	}
	for ; len(lines) > 1; lines = lines[2:] {
		frames = append(frames, slices.Concat(lines[0], lines[1]))
	}
	return frames
}

// programFrames returns the frames of a transition function, without those of
// the runtime and of this library above it, and of the machine below it.
func programFrames(frames [][]byte) [][]byte {
	end := slices.IndexFunc(frames, func(f []byte) bool {
		return bytes.HasPrefix(f, []byte(library+"/vm.(*kernel).")) || bytes.HasPrefix(f, []byte(library+"/vm.(*Machine)."))
	})
	if end >= 0 {
		frames = frames[:end]
	}
	for len(frames) > 0 && isLibrary(string(frames[0])) {
		frames = frames[1:]
	}
	for len(frames) > 0 && isLibrary(string(frames[len(frames)-1])) {
		frames = frames[:len(frames)-1]
	}
	return frames
}

// library is the path of this module.
var library = strings.TrimSuffix(nestedType.PkgPath(), "/vm")

// sources is where the source of this module is, as it appears in stacks.
var sources = func() string {
	_, file, _, _ := runtime.Caller(0)
	return strings.TrimSuffix(file, "vm/errors.go")
}()

// isLibrary reports whether a frame is in the runtime, or in a package of this
// library that programs call in order to make processes. Of those it looks at the
// file: the compiler names a function inside a generic one after the package that
// calls the generic one.
func isLibrary(frame string) bool {
	for _, prefix := range []string{"runtime.", "internal/runtime/", "runtime/debug.", "reflect."} {
		if strings.HasPrefix(frame, prefix) {
			return true
		}
	}
	_, place, _ := strings.Cut(frame, "\n\t")
	place, _, _ = strings.Cut(place, ".go:")
	place, ours := strings.CutPrefix(place, sources)
	dir, name, _ := strings.Cut(place, "/")
	return ours && slices.Contains([]string{"actions", "endpoint", "topic", "vm", "world"}, dir) &&
		!strings.Contains(name, "/") && !strings.HasSuffix(name, "_test")
}
