package vm

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/go-marketplace/marketplace/actions"
)

// A Digest is a hash of what a machine has done: the kinds of inputs and commands,
// which processes came and went, got events of which kinds, and performed actions of
// which kinds at which levels, all in their order. The contents of events and actions
// are not part of it. Machines that do the same have the same Digest.
//
// It finds accidental differences. It is no protection against forgery.
type Digest uint64

// String writes d in hexadecimal digits.
func (d Digest) String() string { return fmt.Sprintf("%016x", uint64(d)) }

// Mix returns a digest of d followed by a number.
func (d Digest) Mix(v uint64) Digest {
	const a, b = 0x9e3779b97f4a7c15, 0xd6e8feb86659fd93
	hi, lo := bits.Mul64(uint64(d)^v^a, b)
	return Digest(hi ^ lo ^ v)
}

// MixBytes returns a digest of d followed by the length of b and by b.
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

// eventNumber returns the number of a kind of event in digests. The numbers never
// change.
func eventNumber(k actions.EventKind) uint64 {
	if k >= resumedInDigest {
		return uint64(k) + 1
	}
	return uint64(k)
}

// resumedInDigest is the number of Resumed among the kinds of events: see eventNumber.
const resumedInDigest = 9

// actionNumber returns the number of the kind of an action in digests. The numbers never
// change.
func actionNumber(a actions.Action) byte {
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
	case actions.MonitorProcess:
		return 14
	case actions.UnmonitorProcess:
		return 15
	case *actions.UpdateLocal:
		return 16
	}
	return 0
}
