package journal

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/go-marketplace/marketplace/internal/text"
	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// An Input is an input of a machine, as recorded in a journal.
type Input struct {
	Seq  uint64    // its number: the first input of a journal is 1
	Time time.Time // when it entered the machine, in UTC
	Kind vm.InputKind

	// The address of the device, if the input is from one: the path of the process
	// that holds it, its name, and the number of its opening.
	Path       vm.Path
	Device     string
	Generation uint64

	// Err is the reason of an end or a failure, or nil.
	Err *world.Error

	// Incarnation and Limits are those of a start.
	Incarnation uint64
	Limits      *vm.Limits

	// Skipped says that machines do not get the input: see [Skip].
	Skipped bool

	value []byte       // in CBOR; empty if there is none
	late  bool         // the device was already closed
	codec *codec.Codec // of value; nil if there are no keys
}

const (
	hasAddress = 1 << iota // in full
	hasErr
	hasValue
	isLate
	isStrict // the limits of a start
	isBrief  // the time is that behind the input before it; without this, the input begins a shorthand
	isShort  // names in the value are numbers
)

// Value decodes the value of the input: the value from the device, or the command that
// has failed or has been carried out. It is nil if there is none. The error says that
// the value does not decode, for example because this program does not have its type, or
// because it is sealed, and the History has no keys: see [History.UseKeys].
func (in *Input) Value() (any, error) { return in.decode(in.codec) }

func (in *Input) decode(c *codec.Codec) (any, error) {
	if len(in.value) == 0 {
		return nil, nil
	}
	v, rest, err := c.Decode(in.value)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes follow the value", len(rest))
	}
	if err != nil {
		return nil, fmt.Errorf("journal: value of input %d: %w", in.Seq, err)
	}
	return v, nil
}

// Text returns a short text for the value. It is empty if there is none. If the program
// has the type of the value, and the type has a text of its own, such as by a method
// String, Text returns that; otherwise the text has the value as it was written.
func (in *Input) Text() string {
	if len(in.value) == 0 {
		return ""
	}
	if v, err := in.Value(); err == nil {
		if shown, own := text.Own(v); own {
			return abridged(shown)
		}
	}
	return codec.Text(in.value)
}

// Generic returns the name of the type of the value, and the value as package
// encoding/json would decode it. The program need not have the type. They are empty
// and nil if there is no value.
func (in *Input) Generic() (name string, value any, err error) {
	if len(in.value) == 0 {
		return "", nil, nil
	}
	return codec.Generic(in.value)
}

// String describes the input for people, in a line, as [vm.Input.String] does.
func (in *Input) String() string {
	as := vm.Input{Kind: in.Kind}
	if in.Generation > 0 {
		as.Address = &vm.Address{Path: in.Path, Device: deviceOf(in.Device)}
	}
	if t := in.Text(); t != "" {
		as.Value = textOf(t)
	}
	if in.Err != nil {
		as.Err = in.Err
	}
	s := as.String()
	if in.Kind == vm.Start {
		s += fmt.Sprintf(", incarnation %d", in.Incarnation)
	}
	return s
}

// A deviceOf stands for a device of which only the name is known, and a textOf for a
// value of which only the text is known.
type (
	deviceOf string
	textOf   string
)

func (d deviceOf) DeviceName() string { return string(d) }

func (d deviceOf) Open(context.Context, world.Env) (world.Handle, error) {
	return nil, errors.ErrUnsupported
}

func (t textOf) String() string { return string(t) }

// appendInput appends an entry for in. Full says that the segment does not have its
// address yet, and late that its device is already closed. An error says that its value
// cannot be encoded by the codec.
func appendInput(dst []byte, seq uint64, now time.Time, in *vm.Input, full, late bool, h *shorthand, c *codec.Codec) ([]byte, error) {
	brief := h.next(seq)
	dst = append(dst, byte(inputEntry))
	dst = binary.AppendUvarint(dst, seq)
	dst = binary.AppendVarint(dst, h.since(now.UnixNano()))
	err, _ := in.Err.(*world.Error)
	flags := len(dst) + 1
	dst = append(dst, byte(in.Kind), flag(full, hasAddress)|flag(err != nil, hasErr)|flag(in.Value != nil, hasValue)|flag(late, isLate)|flag(in.Limits != nil && in.Limits.Strict, isStrict)|flag(brief, isBrief))
	if in.Kind == vm.Start {
		dst = appendStart(dst, in)
	}
	if a := in.Address; a != nil {
		dst = binary.AppendUvarint(dst, a.Generation)
		if full {
			dst = appendPath(dst, a.Path)
			dst = appendText(dst, a.Device.DeviceName())
		}
	} else {
		dst = binary.AppendUvarint(dst, 0)
	}
	if err != nil {
		for _, s := range [...]string{err.Kind, err.Op, err.Addr, err.Text} {
			dst = appendText(dst, s)
		}
	}
	if in.Value == nil {
		return dst, nil
	}
	value, e := c.Append(h.scratch[:0], in.Value)
	if e != nil {
		return nil, e
	}
	h.keep(value)
	short, ok := h.shorten(dst, value)
	if !ok {
		return append(dst, value...), nil
	}
	short[flags] |= isShort
	return short, nil
}

func appendStart(dst []byte, in *vm.Input) []byte {
	dst = binary.AppendUvarint(dst, in.Incarnation)
	var l vm.Limits
	if in.Limits != nil {
		l = *in.Limits
	}
	for _, n := range [...]int{l.Queue, l.Steps, l.Drain} {
		dst = binary.AppendUvarint(dst, uint64(max(n, 0)))
	}
	return dst
}

// readInput reads an input of a segment.
func readInput(s *scanner, g *segment) (in Input) {
	in.Seq = s.uint()
	at := s.int()
	in.Kind = vm.InputKind(s.byte())
	has := s.byte()
	at, known := g.shorthand.time(at, has&isBrief != 0)
	switch {
	case known:
		in.Time = time.Unix(0, at).UTC()
	case !g.lenient:
		s.fail("its time is that behind an input that is not there")
		return in
	}
	if in.Kind == vm.Start {
		in.Incarnation = s.uint()
		in.Limits = &vm.Limits{Queue: s.limit(), Steps: s.limit(), Drain: s.limit(), Strict: has&isStrict != 0}
	}
	in.late = has&isLate != 0
	in.Generation = s.uint()
	if in.Generation > 0 {
		if has&hasAddress != 0 {
			g.mention(mention{in.Generation, &address{s.path(), s.text()}})
		}
		a := g.addresses[in.Generation]
		if a == nil && g.lenient {
			a = &address{}
		}
		if a == nil {
			s.fail(fmt.Sprintf("the segment has no address for device %d", in.Generation))
			return in
		}
		in.Path, in.Device = a.path, a.device
	}
	if has&hasErr != 0 {
		in.Err = &world.Error{Kind: s.text(), Op: s.text(), Addr: s.text(), Text: s.text()}
	}
	if has&hasValue != 0 {
		value := s.data
		if has&isShort != 0 {
			var err error
			if value, err = g.shorthand.expand(value); err != nil {
				s.fail(err.Error())
				return in
			}
		}
		in.value = g.keep(value)
		s.data = nil
	}
	s.end()
	return in
}

// encoded returns a value as a journal has it, but with the contents of sealed values as they
// are, or nil if it cannot be encoded.
func encoded(value any) []byte {
	if value == nil {
		return nil
	}
	b, err := codec.Plain.Append(nil, value)
	if err != nil {
		return nil
	}
	return b
}
