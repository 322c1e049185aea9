// Package text describes values, and what happens with them, for people: as text,
// or as nodes that a page can draw. Descriptions are the same on every run and
// every platform, and hide what the types of the values hide.
//
// A [Printer] bounds descriptions and redacts them. What has a description of its
// own, such as an action, writes it to a [Writer] in words, values, roles, devices
// and reasons; so the printer decides whether that becomes text or nodes.
package text

import (
	"math"
	"reflect"
	"sync"
)

// Limits bound a description. What is left out is counted in it.
type Limits struct {
	// Depth is how deep values may be in values. It is 12 if it is 0, since
	// values may contain themselves.
	Depth int

	// Parts is how many parts of one value are described; 0 stands for all. Of a
	// map, these are the first in the order of the texts of its keys.
	Parts int

	// Bytes is how long a description may become; 0 stands for any length. Where
	// it is reached, open parentheses are closed, and what is left is counted, so
	// that the text is longer by a few bytes for each level.
	Bytes int
}

// deepest is the usual limit of depth.
const deepest = 12

// A Printer describes values within limits. The zero Printer shows everything.
type Printer struct {
	Limits

	// Hide reports whether a part of a value is a secret. It is asked before the
	// part becomes text: with what the value is of ([Message] and so on), the name
	// of a type as texts have it, and the name of one of its fields, or "" for all
	// values of the type. Of what is hidden no more than the length is shown. A value that gives
	// a text of itself is hidden as a whole if some part of it is to be hidden, or
	// if it is too large to find out.
	Hide func(of, typ, field string) bool
}

// What values are of, for [Printer.Hide] and in a [Piece].
const (
	Message = "message" // what processes tell each other
	State   = "state"   // of a process
	Input   = "input"   // a value of a device
	Command = "command" // what a device is told
	Topic   = "topic"   // a role, or what it is about
	Name    = "name"    // of an endpoint or a process
	Reason  = "reason"
	Device  = "device"
)

// String returns v as Go has it, more or less, in one line: it follows pointers,
// and has no addresses in it. A part whose type has a text for people (see package
// selftext) is shown by that text, also in a field that is not exported.
func (p Printer) String(of string, v any) string {
	w := p.writer(false)
	w.Value(of, v)
	return w.done()
}

// Node returns v in parts. [Node.String] of it is the same as [Printer.String].
func (p Printer) Node(of string, v any) Node {
	w := p.writer(true)
	w.Value(of, v)
	return w.line[0].Node
}

// Text returns what describe writes, in one line.
func (p Printer) Text(describe func(*Writer)) string {
	w := p.writer(false)
	w.lines = true
	describe(w)
	return w.done()
}

// Line returns what describe writes, in pieces. [Line.String] of it is the same as
// [Printer.Text].
func (p Printer) Line(describe func(*Writer)) Line {
	w := p.writer(true)
	w.lines = true
	describe(w)
	return w.line
}

// Of returns what describe writes, as the zero Printer has it.
func Of(describe func(*Writer)) string { return Printer{}.Text(describe) }

// Value returns v as the zero Printer has it.
func Value(v any) string { return Reflect(reflect.ValueOf(v)) }

// Reflect is [Value] for a part of another value. If it comes from a field that is
// not exported, its own text is not used, because its methods cannot be called.
func Reflect(v reflect.Value) string {
	w := Printer{}.writer(false)
	w.value(v, true, 0)
	return w.done()
}

// Own returns [Value] of v. It reports whether that has anything to do with texts
// of types, or would be the same without them.
func Own(v any) (text string, own bool) {
	w := Printer{}.writer(false)
	w.Value("", v)
	own = w.own
	return w.done(), own
}

// A Line is a description of what has happened, in pieces.
type Line []Piece

// A Piece is part of a [Line].
type Piece struct {
	Of string // what it is of; empty for words between the others
	Node
}

// String returns the text of l.
func (l Line) String() string {
	var b []byte
	for i := range l {
		b = l[i].append(b)
	}
	return string(b)
}

// A Writer receives a description, for a Printer.
type Writer struct {
	p      Printer
	left   int    // how many bytes there may be
	inside int    // how deep what is described is in other descriptions
	of     string // what the value is of
	tree   bool   // nodes are wanted, and not text
	lines  bool   // there are to be no ends of lines
	found  bool   // a part is hidden, or left out
	raw    bool   // texts of types are of no use: see leaks
	own    bool   // a type has given a text
	text   []byte
	line   Line
	open   []Node // values whose parts are being added
}

func (p Printer) writer(tree bool) *Writer {
	if p.Bytes == 0 {
		p.Bytes = math.MaxInt
	}
	if p.Parts == 0 {
		p.Parts = math.MaxInt
	}
	if p.Depth == 0 {
		p.Depth = deepest
	}
	w := writers.Get().(*Writer)
	*w = Writer{p: p, left: p.Bytes, tree: tree, text: w.text[:0]}
	return w
}

// writers have been used before, and have room for a text.
var writers = sync.Pool{New: func() any { return new(Writer) }}

// done returns the text that has been written. W must not be used any more.
func (w *Writer) done() string {
	const most = 1 << 12 // that is worth keeping
	s := string(w.text)
	if cap(w.text) <= most {
		*w = Writer{text: w.text}
		writers.Put(w)
	}
	return s
}

// inner returns the text of a value, which does not become part of what is written.
func (w *Writer) inner(v reflect.Value, named bool, depth int) string {
	tree, left, at := w.tree, w.left, len(w.text)
	w.tree = false
	w.value(v, named, depth)
	s := string(w.text[at:])
	w.tree, w.left, w.text = tree, left, w.text[:at]
	return s
}
