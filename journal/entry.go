package journal

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/internal/text"
	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// What a journal has are entries: an input, and then what is known of what came
// of it. An entry is a record of the log: a byte that says of which kind it is,
// and then its parts, numbers as varints and texts with their lengths before
// them; values are in CBOR.
//
// The first entry of each segment is a head. The address of a device is written
// in full the first time that it is mentioned in a segment, so each segment can
// be read without those before it.
type entryKind byte

const (
	headEntry     entryKind = iota + 1 // who writes from here on
	inputEntry                         // an input
	checkEntry                         // the digest of the machine after the input
	traceEntry                         // what came of the input, step by step
	presenceEntry                      // an endpoint has come or gone
	snapshotEntry                      // there is a snapshot of the machine after the input
)

var entryKinds = [...]string{"", "head", "input", "check", "trace", "roll", "snapshot"}

func (k entryKind) String() string {
	if int(k) < len(entryKinds) && k > 0 {
		return entryKinds[k]
	}
	return fmt.Sprintf("entry of kind %d", byte(k))
}

// format is the version of what is described here. A program reads journals of
// its own format and of all before it.
//
// In format 1, the sums of steps and of the values of commands depend on the names
// that types have in Go, and roll calls have no sums.
const format = 2

// A Head says who has written what follows it in a journal.
type Head struct {
	Format     uint64     // of the journal
	Schema     uint64     // Config.Schema of the program
	Program    string     // a fingerprint of the program: see [Fingerprint]
	Time       time.Time  // at which it began, in UTC
	Durability Durability // that it had
	Every      uint64     // inputs between two digests
	Trace      bool       // there is a trace of each input
	States     bool       // and it has states, of processes whose types the program had
	Adopts     bool       // what comes of the inputs before it is not compared: see Config.Adopt
	Seq        uint64     // of the last input before it; 0 if there is none
}

const (
	headTraces = 1 << iota
	headAdopts
	headStates
)

func appendHead(dst []byte, h Head) []byte {
	dst = append(dst, byte(headEntry))
	dst = binary.AppendUvarint(dst, h.Format)
	dst = binary.AppendUvarint(dst, h.Seq)
	dst = binary.AppendUvarint(dst, h.Schema)
	dst = appendText(dst, h.Program)
	dst = binary.AppendVarint(dst, h.Time.UnixNano())
	dst = append(dst, byte(h.Durability), flag(h.Trace, headTraces)|flag(h.Adopts, headAdopts)|flag(h.States, headStates))
	return binary.AppendUvarint(dst, h.Every)
}

func readHead(s *scanner) (h Head) {
	h.Format = s.uint()
	if h.Format > format {
		s.fail(fmt.Sprintf("the journal has format %d, and this program knows formats up to %d: use a newer program", h.Format, format))
		return h
	}
	if h.Seq = s.uint(); h.Seq > math.MaxInt64 {
		s.fail(fmt.Sprintf("%d inputs before it", h.Seq))
		return h
	}
	h.Schema = s.uint()
	h.Program = s.text()
	h.Time = time.Unix(0, s.int()).UTC()
	h.Durability = Durability(s.byte())
	has := s.byte()
	h.Trace, h.Adopts, h.States = has&headTraces != 0, has&headAdopts != 0, has&headStates != 0
	h.Every = s.uint()
	return h
}

// An Input is an input of a machine, as a journal has it.
type Input struct {
	Seq  uint64    // its number: the first input of a journal is 1
	Time time.Time // at which it entered, in UTC
	Kind vm.InputKind

	// The address of the device, if it is from one: where in the machine its
	// holder is, its name, and the number of its opening.
	Path       vm.Path
	Device     string
	Generation uint64

	// Err is the reason of an end or a failure, or nil.
	Err *world.Error

	// Incarnation and Limits are those of a start.
	Incarnation uint64
	Limits      *vm.Limits

	value []byte // in CBOR; empty if there is none
	late  bool   // the device was not open any more
}

const (
	hasAddress = 1 << iota // in full
	hasErr
	hasValue
	isLate
	isStrict // the limits of a start
)

// Value restores the value of the input: what came from the device, or the
// command that has failed or has been carried out. It is nil if there is none.
// The error says that the value is of a type that this program does not have.
func (in *Input) Value() (any, error) {
	if len(in.value) == 0 {
		return nil, nil
	}
	v, rest, err := codec.Decode(in.value)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d bytes follow the value", len(rest))
	}
	if err != nil {
		return nil, fmt.Errorf("journal: value of input %d: %w", in.Seq, err)
	}
	return v, nil
}

// Text returns a short text for the value, in a program that need not have its
// type. It is empty if there is none. What the type shows of the value in a text
// of its own, as by a method String, is shown in a program that has the type; in
// another one the text has the value as it was written.
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

// Generic returns the value as package encoding/json would have it, and the name
// of its type, in a program that need not have the type. They are nil and empty
// if there is no value.
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

// A deviceOf is a device of which only the name is known, and a textOf a value of
// which only the text is.
type (
	deviceOf string
	textOf   string
)

func (d deviceOf) DeviceName() string { return string(d) }

func (d deviceOf) Open(context.Context, world.Env) (world.Handle, error) {
	return nil, errors.ErrUnsupported
}

func (t textOf) String() string { return string(t) }

// appendInput appends an entry for in. Full says that its address has not been
// written before, and late that its device is not open any more. An error says
// that its value cannot be written down.
func appendInput(dst []byte, seq uint64, now time.Time, in *vm.Input, full, late bool) ([]byte, error) {
	dst = append(dst, byte(inputEntry))
	dst = binary.AppendUvarint(dst, seq)
	dst = binary.AppendVarint(dst, now.UnixNano())
	err, _ := in.Err.(*world.Error)
	dst = append(dst, byte(in.Kind), flag(full, hasAddress)|flag(err != nil, hasErr)|flag(in.Value != nil, hasValue)|flag(late, isLate)|flag(in.Limits != nil && in.Limits.Strict, isStrict))
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
	return codec.Append(dst, in.Value)
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

// A segment is what is known while a segment is read.
type segment struct {
	addresses map[uint64]*address // of devices, by number, that have been mentioned
	mentions  []mention           // the same, in order
	spare     []byte              // for values; many share one piece of memory
}

// A mention is the address of a device, where a segment has it in full.
type mention struct {
	generation uint64
	*address
}

func (g *segment) mention(m mention) {
	g.addresses[m.generation] = m.address
	g.mentions = append(g.mentions, m)
}

// recall has g know addresses that come before what is to be read.
func (g *segment) recall(mentions []mention) {
	for _, m := range mentions {
		g.addresses[m.generation] = m.address
	}
	g.mentions = mentions
}

// forget is for the end of a segment.
func (g *segment) forget() {
	clear(g.addresses)
	g.mentions = nil
}

func newSegment() *segment { return &segment{addresses: map[uint64]*address{}} }

// keep returns a copy of b.
func (g *segment) keep(b []byte) []byte {
	const piece = 16 << 10
	if len(b) > piece/4 {
		return append([]byte(nil), b...)
	}
	if len(b) > cap(g.spare)-len(g.spare) {
		g.spare = make([]byte, 0, piece)
	}
	from := len(g.spare)
	g.spare = append(g.spare, b...)
	return g.spare[from:len(g.spare):len(g.spare)]
}

// readInput reads an input of a segment.
func readInput(s *scanner, g *segment) (in Input) {
	in.Seq = s.uint()
	in.Time = time.Unix(0, s.int()).UTC()
	in.Kind = vm.InputKind(s.byte())
	has := s.byte()
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
		in.value = g.keep(s.data)
		s.data = nil
	}
	s.end()
	return in
}

// encoded returns a value as a journal would have it, or nothing if it cannot be
// written down.
func encoded(value any) []byte {
	if value == nil {
		return nil
	}
	b, err := codec.Append(nil, value)
	if err != nil {
		return nil
	}
	return b
}

// An address is that of a device as a segment has it.
type address struct {
	path   vm.Path
	device string
}

func flag(b bool, bit byte) byte {
	if b {
		return bit
	}
	return 0
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

func appendPath(dst []byte, p vm.Path) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(p)))
	for _, pid := range p {
		dst = binary.AppendUvarint(dst, uint64(pid))
	}
	return dst
}

// A scanner reads the parts of an entry. After the first mistake it reads
// nothing but zeros.
type scanner struct {
	data []byte
	err  error
}

var errShort = errors.New("it ends too early")

func (s *scanner) fail(reason string) {
	if s.err == nil {
		s.err = errors.New(reason)
	}
	s.data = nil
}

func (s *scanner) byte() byte {
	if len(s.data) == 0 {
		s.short()
		return 0
	}
	b := s.data[0]
	s.data = s.data[1:]
	return b
}

func (s *scanner) short() {
	if s.err == nil {
		s.err = errShort
	}
	s.data = nil
}

func (s *scanner) uint() uint64 {
	v, n := binary.Uvarint(s.data)
	if n <= 0 {
		s.short()
		return 0
	}
	s.data = s.data[n:]
	return v
}

func (s *scanner) int() int64 {
	v, n := binary.Varint(s.data)
	if n <= 0 {
		s.short()
		return 0
	}
	s.data = s.data[n:]
	return v
}

// limit reads one of vm.Limits.
func (s *scanner) limit() int {
	n := s.uint()
	if n > math.MaxInt32 {
		s.fail(fmt.Sprintf("a limit of %d", n))
		return 0
	}
	return int(n)
}

// length reads how many parts follow, each of at least least bytes.
func (s *scanner) length(least int) int {
	n := s.uint()
	if n > uint64(len(s.data)/least) {
		s.short()
		return 0
	}
	return int(n)
}

func (s *scanner) text() string { return string(s.bytes()) }

// bytes reads the bytes of a text.
func (s *scanner) bytes() []byte {
	n := s.length(1)
	b := s.data[:n]
	s.data = s.data[n:]
	return b
}

func (s *scanner) path() vm.Path {
	n := s.length(1)
	if n == 0 {
		return nil
	}
	p := make(vm.Path, n)
	for i := range p {
		p[i] = actions.PID(s.uint())
	}
	return p
}

// end says that there should be nothing left.
func (s *scanner) end() {
	if len(s.data) > 0 && s.err == nil {
		s.fail(fmt.Sprintf("%d bytes are left over", len(s.data)))
	}
}
