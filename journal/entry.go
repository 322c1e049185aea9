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

// A journal consists of entries: an input, and then its results. An entry is a record
// of the log: a byte for its kind, and then its parts. Numbers are varints, texts have
// their lengths before them, and values are in CBOR.
//
// The first entry of each segment is a head. A segment has the address of a device in
// full where it first mentions it, so each segment can be read without those before it.
type entryKind byte

const (
	headEntry     entryKind = iota + 1 // who writes from here on
	inputEntry                         // an input
	checkEntry                         // the digest of the machine after the input
	traceEntry                         // the results of the input, step by step
	presenceEntry                      // an endpoint has come or gone
	snapshotEntry                      // there is a snapshot of the machine after the input
)

var entryKinds = [...]string{"", "head", "input", "check", "trace", "presence change", "snapshot"}

func (k entryKind) String() string {
	if int(k) < len(entryKinds) && k > 0 {
		return entryKinds[k]
	}
	return fmt.Sprintf("entry of kind %d", byte(k))
}

// format is the version of the format of entries. A program reads journals of its own
// format and of all before it.
//
// In format 1, the sums of steps and of the values of commands depend on the names
// that types have in Go, and presence changes have no sums.
const format = 2

// A Head says which program has written the part of a journal that follows it.
type Head struct {
	Format     uint64     // of the journal
	Schema     uint64     // Config.Schema of the program
	Program    string     // a fingerprint of the program: see [Fingerprint]
	Time       time.Time  // when the program began to write this part, in UTC
	Durability Durability // Config.Durability of the program
	Every      uint64     // inputs between two digests
	Trace      bool       // each input has a trace
	States     bool       // the trace has the states of processes of Config.Types
	Adopts     bool       // replays do not compare the results of the inputs before it: see Config.Adopt
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

	value []byte // in CBOR; empty if there is none
	late  bool   // the device was already closed
}

const (
	hasAddress = 1 << iota // in full
	hasErr
	hasValue
	isLate
	isStrict // the limits of a start
)

// Value decodes the value of the input: the value from the device, or the command that
// has failed or has been carried out. It is nil if there is none. The error says that
// the value does not decode, for example because this program does not have its type.
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
// cannot be encoded.
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

// A segment is the state of reading a segment of the log.
type segment struct {
	addresses map[uint64]*address // of devices, by number, that the segment has mentioned
	mentions  []mention           // the same, in order
	spare     []byte              // for values; many share one piece of memory
}

// A mention is an address that a segment has in full.
type mention struct {
	generation uint64
	*address
}

func (g *segment) mention(m mention) {
	g.addresses[m.generation] = m.address
	g.mentions = append(g.mentions, m)
}

// recall adds addresses that the segment mentions before the place where reading begins.
func (g *segment) recall(mentions []mention) {
	for _, m := range mentions {
		g.addresses[m.generation] = m.address
	}
	g.mentions = mentions
}

// forget removes all addresses, at the end of a segment.
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

// encoded returns a value as a journal has it, or nil if it cannot be encoded.
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

// An address is the address of a device, as recorded.
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

// A scanner reads the parts of an entry. After the first error it returns only zeros.
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

// length reads how many parts follow, each of which has at least least bytes.
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

// end fails if anything is left.
func (s *scanner) end() {
	if len(s.data) > 0 && s.err == nil {
		s.fail(fmt.Sprintf("%d bytes are left over", len(s.data)))
	}
}
