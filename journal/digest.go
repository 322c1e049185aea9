package journal

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/journal/internal/fingerprint"
	"github.com/go-marketplace/marketplace/vm"
)

// A Digest stands for all that has happened in a machine up to an input. Two
// runs that have the same Digest have done the same, as far as it goes: it
// covers every event that was told to whom, every action that was performed by
// whom, by kind and in order; and the commands, with their values. It is there
// to find accidents. Against somebody who wants to deceive there is the chain of
// hashes in the log.
type Digest uint64

// String writes d in hexadecimal digits.
func (d Digest) String() string { return fmt.Sprintf("%016x", uint64(d)) }

const (
	mixA = 0x9e3779b97f4a7c15
	mixB = 0xd6e8feb86659fd93
)

// mix adds a number.
func (d *Digest) mix(v uint64) {
	hi, lo := bits.Mul64(uint64(*d)^v^mixA, mixB)
	*d = Digest(hi ^ lo ^ v)
}

// bytes adds bytes, and how many there are.
func (d *Digest) bytes(b []byte) {
	d.mix(uint64(len(b)))
	for ; len(b) >= 8; b = b[8:] {
		d.mix(binary.LittleEndian.Uint64(b))
	}
	if len(b) > 0 {
		var last [8]byte
		copy(last[:], b)
		d.mix(binary.LittleEndian.Uint64(last[:]))
	}
}

// A digester digests what happens in a machine.
type digester struct {
	sum  Digest
	path vm.Path // scratch
	buf  []byte  // scratch
}

// record adds what has happened.
func (d *digester) record(r *vm.Record) {
	switch r.Kind {
	case vm.Entered:
		// What enters is in the journal, and need not be told twice.
		d.sum.mix(uint64(r.Kind)<<8 | uint64(r.Input.Kind))
		return
	case vm.Commanded:
		d.command(&r.Command)
		return
	case vm.Late:
		d.sum.mix(uint64(r.Kind) << 8)
		return
	}
	detail := uint64(r.Level)
	switch r.Kind {
	case vm.Told:
		detail = uint64(r.Event.Kind)
	case vm.Performed:
		detail = detail<<8 | uint64(actionKind(r.Action))
	}
	d.sum.mix(uint64(r.Kind)<<56 | detail)
	d.path = r.AppendPath(d.path[:0])
	for _, pid := range d.path {
		d.sum.mix(uint64(pid))
	}
}

// command adds a command, with its value.
func (d *digester) command(c *vm.Command) {
	d.sum.mix(uint64(vm.Commanded)<<8 | uint64(c.Kind)<<1 | uint64(flag(c.Paused, 1)))
	d.sum.mix(c.Address.Generation)
	switch c.Kind {
	case vm.Open:
		d.buf = append(d.buf[:0], c.Address.Device.DeviceName()...)
	case vm.Tell:
		d.buf = fingerprint.Append(d.buf[:0], c.Value)
	default:
		return
	}
	d.sum.bytes(d.buf)
}

// actionKind numbers the kinds of action.
func actionKind(a actions.Action) byte {
	switch a.(type) {
	case *actions.SendMessage:
		return 1
	case actions.AddEndpoint:
		return 2
	case actions.ReplaceEndpoint:
		return 3
	case actions.DeleteEndpoint:
		return 4
	case actions.SpawnProcess:
		return 5
	case actions.QuitProcess:
		return 6
	case actions.YieldTurn:
		return 7
	case actions.FreshName:
		return 8
	case actions.OpenDevice:
		return 9
	case actions.TellDevice:
		return 10
	case actions.CloseDevice:
		return 11
	case actions.FlowControl:
		return 12
	case actions.MetaLevel:
		return 13
	}
	return 0
}
