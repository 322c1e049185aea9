// Package stack finds the frames of a program in the stacks of goroutines, among
// those of the runtime and of this library.
package stack

import (
	"bytes"
	"runtime"
	"slices"
	"strings"
)

// Library is the path of this module.
const Library = "github.com/go-marketplace/marketplace"

// sources is the directory of the source of this module, as stacks have it.
var sources = func() string {
	_, file, _, _ := runtime.Caller(0)
	return strings.TrimSuffix(file, "internal/stack/stack.go")
}()

// Panicked returns the frames of a stack that are of the program. The stack has the
// form of runtime/debug.Stack, and is of a deferred function that recovers a panic in
// a transition function. The frames are those from the function that panicked, or
// that called the library or the runtime, where the panic was, to the transition
// function. If there are none, Panicked returns the whole stack.
func Panicked(stack []byte) []byte {
	frames := split(stack)
	if i := slices.IndexFunc(frames, func(f []byte) bool { return bytes.HasPrefix(f, []byte("panic(")) }); i >= 0 {
		frames = frames[i+1:]
	}
	if own := ofProgram(frames); len(own) > 0 {
		return bytes.Join(own, nil)
	}
	return stack
}

// Running returns the frames of a stack that are of the program, for a goroutine that
// is in a transition function. It returns nothing if there are none.
func Running(stack []byte) []byte { return bytes.Join(ofProgram(split(stack)), nil) }

// split splits the stack of a goroutine into frames of two lines each. It leaves
// out the line that names the goroutine.
func split(stack []byte) (frames [][]byte) {
	lines := bytes.SplitAfter(stack, []byte("\n"))
	if len(lines) > 0 && bytes.HasPrefix(lines[0], []byte("goroutine ")) {
		lines = lines[1:]
	}
	for ; len(lines) > 1; lines = lines[2:] {
		frames = append(frames, slices.Concat(lines[0], lines[1]))
	}
	return frames
}

// ofProgram returns the frames of a transition function, without those of the
// runtime and of this library above it, and of the machine below it.
func ofProgram(frames [][]byte) [][]byte {
	end := slices.IndexFunc(frames, func(f []byte) bool {
		return bytes.HasPrefix(f, []byte(Library+"/vm.(*kernel).")) || bytes.HasPrefix(f, []byte(Library+"/vm.(*Machine)."))
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

// isLibrary reports whether a frame is in the runtime, or in one of the packages of
// this library that make processes. It finds these by file, because the compiler names
// a function inside a generic one after the package that calls the generic one.
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
