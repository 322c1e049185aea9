package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"

	"github.com/go-marketplace/marketplace/world"
)

// entropy is a device that gives a number that nobody can guess, and then ends.
// A transition function cannot make one: it would make the same one each time.
type entropy struct{}

// unguessed is the number.
type unguessed struct{ ID uint16 }

func init() { world.Register[unguessed]("dns.unguessed") }

// DeviceName implements [world.Device].
func (entropy) DeviceName() string { return "dns.entropy" }

// Open implements [world.Device].
func (entropy) Open(context.Context, world.Env) (world.Handle, error) {
	var b [2]byte
	rand.Read(b[:]) // which never fails
	return &drawn{number: binary.BigEndian.Uint16(b[:])}, nil
}

// drawn is the handle of an entropy.
type drawn struct {
	number uint16
	told   bool
}

// Recv implements [world.Handle].
func (d *drawn) Recv() (any, error) {
	if d.told {
		return nil, io.EOF
	}
	d.told = true
	return unguessed{d.number}, nil
}

// Try implements [world.Handle].
func (d *drawn) Try(commands []any) (int, error) {
	if len(commands) == 0 {
		return 0, nil
	}
	return 0, d.Do(commands[0])
}

// Do implements [world.Handle].
func (*drawn) Do(command any) error {
	return fmt.Errorf("dns: the device for numbers takes no commands, but was told %T; open it for each number", command)
}

// Close implements [world.Handle].
func (*drawn) Close() error { return nil }
