package vm

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/go-marketplace/marketplace/actions"
)

// A Digest stands for what a machine has done. Two machines with the same Digest
// have done the same, as far as it goes: who was told events of which kind, who
// had actions of which kind performed at which level, who has come and gone, and
// all that in which order. What was in the events and actions is not part of it.
//
// It is there to find accidents, and is no help against somebody who wants to
// deceive.
type Digest uint64

// String writes d in hexadecimal digits.
func (d Digest) String() string { return fmt.Sprintf("%016x", uint64(d)) }

// Mix returns d with a number added.
func (d Digest) Mix(v uint64) Digest {
	const a, b = 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93
	hi, lo := bits.Mul64(uint64(d)^v^a, b)
	return Digest(hi ^ lo ^ v)
}

// MixBytes returns d with bytes added, and how many there are.
func (d Digest) MixBytes(b []byte) Digest {
	d = d.Mix(uint64(len(b)))
	for ; len(b) >= 8; b = b[8:] {
		d = d.Mix(binary.LittleEndian.Uint64(b))
	}
	if len(b) > 0 {
		var last [8]byte
		copy(last[:], b)
		d = d.Mix(binary.LittleEndian.Uint64(last[:]))
	}
	return d
}

// Digest returns the digest of what m has done, if its [Config] asked for one.
func (m *Machine) Digest() Digest { return m.digest }

// note adds what a record tells of to the digest.
func (m *Machine) note(r *Record) {
	v := uint64(r.Kind) << 56
	switch r.Kind {
	case Entered:
		v |= uint64(r.Input.Kind)
	case Commanded:
		v |= uint64(r.Command.Kind)
	}
	m.noteAt(r.at, v)
}

// noteAt adds to the digest what has happened to p, or to the machine if it is
// nil.
func (m *Machine) noteAt(p *proc, what uint64) {
	if p != nil {
		what ^= bits.RotateLeft64(p.k.place, 32) ^ uint64(p.cell.pid)<<16
	}
	m.digest = m.digest.Mix(what)
}

// placeOf returns a number for where a machine is.
func placeOf(host *proc) uint64 {
	if host == nil {
		return 0
	}
	return uint64(Digest(host.k.place).Mix(uint64(host.cell.pid)))
}

// kindOf numbers the kinds of action. The numbers never change.
func kindOf(a actions.Action) byte {
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
