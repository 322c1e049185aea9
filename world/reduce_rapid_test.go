package world_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/go-marketplace/marketplace/world"
	"pgregory.net/rapid"
)

// wellKnown are the errors that the trees below are made of and compared with.
var wellKnown = []error{
	io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed,
	os.ErrNotExist, os.ErrPermission, os.ErrDeadlineExceeded,
	context.Canceled, context.DeadlineExceeded,
	syscall.ECONNREFUSED, syscall.ECONNRESET, syscall.EADDRINUSE, syscall.EPIPE,
	syscall.EACCES, syscall.ENOENT, syscall.ETIMEDOUT,
	world.ErrStopped, world.ErrSlowConsumer, world.ErrNotKept, world.ErrClosed,
	world.ErrHostNotFound, world.ErrTimeout,
}

// drawError draws a tree of errors.
func drawError(t *rapid.T, depth int) error {
	text := rapid.StringMatching(`[a-z]{0,3}(\xff)?`).Draw(t, "text")
	if depth == 0 || rapid.IntRange(0, 3).Draw(t, "leaf") == 0 {
		switch rapid.IntRange(0, 3).Draw(t, "leaf kind") {
		case 0:
			return errors.New(text)
		case 1:
			return &world.Error{Kind: text, Op: text, Text: text}
		case 2:
			return &net.DNSError{Err: text, Name: text, IsNotFound: rapid.Bool().Draw(t, "not found")}
		}
		return rapid.SampledFrom(wellKnown).Draw(t, "sentinel")
	}
	inner := drawError(t, depth-1)
	switch rapid.IntRange(0, 5).Draw(t, "node") {
	case 0:
		return &net.OpError{Op: text, Net: "tcp", Addr: &net.UnixAddr{Name: text}, Err: inner}
	case 1:
		return &os.PathError{Op: text, Path: text, Err: inner}
	case 2:
		return &os.SyscallError{Syscall: text, Err: inner}
	case 3:
		return errors.Join(inner, drawError(t, depth-1))
	case 4:
		return world.Reduce(inner)
	}
	return fmt.Errorf("%s: %w", text, inner)
}

// Reducing is idempotent, survives a codec, never makes an error match what it
// did not match, and keeps one of the matches.
func TestReduceRandom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		err := drawError(t, 4)
		reduced := world.Reduce(err)
		if again := world.Reduce(reduced); again != reduced {
			t.Fatalf("reduced again: %#v, once: %#v", again, reduced)
		}
		if world.Reduce(err).(*world.Error).Error() != reduced.Error() {
			t.Fatalf("reducing twice differs")
		}
		record, jsonErr := json.Marshal(reduced)
		if jsonErr != nil {
			t.Fatal(jsonErr)
		}
		restored := new(world.Error)
		if jsonErr := json.Unmarshal(record, restored); jsonErr != nil {
			t.Fatal(jsonErr)
		}
		if *restored != *reduced.(*world.Error) {
			t.Fatalf("restored %#v, want %#v", restored, reduced)
		}
		before, after := 0, 0
		for _, target := range wellKnown {
			was, is := errors.Is(err, target), errors.Is(restored, target)
			if was {
				before++
			}
			if is {
				after++
			}
			// A failed lookup gets a kind that package net has no error for.
			if is && !was && target != world.ErrHostNotFound && target != world.ErrTimeout {
				t.Fatalf("%#v matches %q only when reduced", err, target)
			}
		}
		var foreign *world.Error
		var lookup *net.DNSError
		if before > 0 && after == 0 && !errors.As(err, &foreign) && !errors.As(err, &lookup) {
			t.Fatalf("%#v matches nothing when reduced", err)
		}
	})
}
