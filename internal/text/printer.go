// Package text describes values, actions and events for people: as text, or as nodes
// that a page can draw. Descriptions are the same on every run and every platform, and
// hide what the types of the values hide.
//
// A [Printer] limits descriptions and redacts them. Actions, events and the like write
// their descriptions to a [Writer] in words, values, roles, devices and reasons, and
// the printer makes text or nodes of these.
package text

import (
	"math"
	"reflect"
	"sync"
)

// Limits bound a description. The description says how much is left out.
type Limits struct {
	// Depth is the largest depth of values in values. 0 stands for 12, because
	// values may contain themselves.
	Depth int

	// Parts is how many parts of one value are described; 0 stands for all. Of a
	// map, these are the first in the order of the texts of its keys.
	Parts int

	// Bytes is the length of a description; 0 stands for any length. At the limit,
	// the description closes its parentheses and counts the rest, so the text is
	// longer by a few bytes for each level.
	Bytes int
}

// deepest is the usual limit of depth.
const deepest = 12

// A Printer describes values within limits. The zero Printer shows everything.
type Printer struct {
	Limits

	// Hide, if not nil, reports whether a part of a value is a secret. Its arguments
	// are the role of the value ([Message] and so on), the name of a type as texts
	// have it, and the name of one of its fields, or "" for all values of the type.
	// Of a secret only the length is shown. A value that describes itself is hidden
	// as a whole if a part of it is a secret, or if it has too many parts to check.
	Hide func(of, typ, field string) bool
}

// The roles of values, for [Printer.Hide] and in a [Piece].
const (
	Message = "message"
	State   = "state"   // of a process
	Input   = "input"   // a value of a device
	Command = "command" // to a device
	Topic   = "topic"   // a role or a topic
	Name    = "name"    // of an endpoint or a process
	Reason  = "reason"
	Device  = "device"
)

// String returns v in a syntax like that of Go, in one line. It follows pointers, and
// contains no addresses. A part that describes itself (see package selftext) is shown
// by that text, also in a field that is not exported.
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

// Of returns what describe writes to the zero Printer, in one line.
func Of(describe func(*Writer)) string { return Printer{}.Text(describe) }

// Value returns the description of v by the zero Printer.
func Value(v any) string { return Reflect(reflect.ValueOf(v)) }

// Reflect is [Value] for a part of another value. If it comes from a field that is
// not exported, its own text is not used, because its methods cannot be called.
func Reflect(v reflect.Value) string {
	w := Printer{}.writer(false)
	w.value(v, true, 0)
	return w.done()
}

// Own returns [Value] of v, and reports whether a part of v has described itself in
// it.
func Own(v any) (text string, own bool) {
	w := Printer{}.writer(false)
	w.Value("", v)
	own = w.own
	return w.done(), own
}

// A Line is a description in one line, in pieces.
type Line []Piece

// A Piece is part of a [Line].
type Piece struct {
	Of string // the role of the value, such as Message; empty for words
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
	left   int    // how many bytes the description may still have
	inside int    // the depth of descriptions in descriptions
	of     string // the role of the current value
	tree   bool   // write nodes, and not text
	lines  bool   // write no ends of lines
	found  bool   // a part is hidden, or left out
	raw    bool   // do not let values describe themselves: see leaks
	own    bool   // a value has described itself
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

// writers has writers to use again, which have memory for a text.
var writers = sync.Pool{New: func() any { return new(Writer) }}

// done returns the text. The caller must not use w after that.
func (w *Writer) done() string {
	const most = 1 << 12 // bytes of memory to keep
	s := string(w.text)
	if cap(w.text) <= most {
		*w = Writer{text: w.text}
		writers.Put(w)
	}
	return s
}

// inner returns the text of a value, and does not write it.
func (w *Writer) inner(v reflect.Value, named bool, depth int) string {
	tree, left, at := w.tree, w.left, len(w.text)
	w.tree = false
	w.value(v, named, depth)
	s := string(w.text[at:])
	w.tree, w.left, w.text = tree, left, w.text[:at]
	return s
}
