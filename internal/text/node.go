package text

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Node is the description of a value, in a form that a page can draw. It does not
// refer to the value.
type Node struct {
	Type  string // the name of the type; "" if the place of the node determines it
	Kind  string // one of the constants that begin with Kind
	Text  string // of a value without parts
	Parts []Part // of a struct, a map or a list; of a pointer, the value it points to
	More  int    // how many parts are left out or, of a value without parts, how many bytes
}

// A Part is a part of a value.
type Part struct {
	Name  string // of the field, or the text of the key; empty in a list
	Value Node
}

// The kinds of node.
const (
	KindStruct  = "struct"
	KindMap     = "map"
	KindList    = "list" // a slice or an array
	KindPointer = "pointer"
	KindText    = "text"
	KindBytes   = "bytes"
	KindNumber  = "number"
	KindBool    = "bool"
	KindNil     = "nil"
	KindFunc    = "func"
	KindOther   = "other" // a channel, or a pointer that texts do not follow: see Known
	KindTime    = "time"
	KindTopic   = "topic" // or a role
	KindDevice  = "device"
	KindError   = "error"  // an error, by its own text
	KindOwn     = "own"    // another value that describes itself
	KindWord    = "word"   // not a value, but words of a description
	KindHidden  = "hidden" // by [Printer.Hide]
	KindMore    = "more"   // left out because of [Limits]
)

// String returns the text of n.
func (n Node) String() string { return string(n.append(nil)) }

func (n *Node) append(b []byte) []byte {
	b = n.appendHead(b)
	for i := range n.Parts {
		b = n.Parts[i].Value.append(n.appendName(b, i, n.Parts[i].Name))
	}
	return n.appendTail(b, len(n.Parts))
}

// appendHead appends the text before the parts of n.
func (n *Node) appendHead(b []byte) []byte {
	b = append(b, n.Type...)
	switch n.Kind {
	case KindStruct, KindMap:
		return append(b, '{')
	case KindList:
		return append(b, '[')
	case KindPointer:
		return append(b, '&')
	}
	if n.Type != "" {
		b = append(b, '(')
	}
	return append(b, n.Text...)
}

// appendName appends the text before the value of part i.
func (n *Node) appendName(b []byte, i int, name string) []byte {
	if i > 0 {
		b = append(b, ", "...)
	}
	if n.named() {
		b = append(append(b, name...), ": "...)
	}
	return b
}

func (n *Node) named() bool { return n.Kind == KindStruct || n.Kind == KindMap }

// appendTail appends the text after the parts of n.
func (n *Node) appendTail(b []byte, parts int) []byte {
	if n.More > 0 {
		if parts > 0 {
			b = append(b, ", "...)
		}
		b = append(append(b, ellipsis+" "...), strconv.Itoa(n.More)+" more"...)
	}
	switch {
	case n.named():
		b = append(b, '}')
	case n.Kind == KindList:
		b = append(b, ']')
	case n.Type != "":
		b = append(b, ')')
	}
	return b
}

// ellipsis stands for the parts that are left out.
const ellipsis = "…"

// leaf writes a node that has no parts.
func (w *Writer) leaf(n Node) {
	w.found = w.found || n.Kind == KindHidden || n.Kind == KindMore
	if w.lines {
		n.Text = strings.ReplaceAll(n.Text, "\n", `\n`)
	}
	w.left -= len(n.Type) + len(n.Text)
	if n.Type != "" {
		w.left -= len("()")
	}
	if w.tree {
		w.add(n)
	} else {
		w.text = n.appendTail(n.appendHead(w.text), 0)
	}
}

// plain writes a text without quotes, as far as there is room.
func (w *Writer) plain(kind, s string) {
	s, more := cut(s, w.left)
	w.leaf(Node{Kind: kind, Text: s, More: more})
}

// cut returns the beginning of s, at most n bytes in whole characters, and how many
// bytes are left out.
func cut(s string, n int) (string, int) {
	n = max(0, min(n, len(s)))
	for n > 0 && n < len(s) && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n], len(s) - n
}

// begin writes the beginning of a node that has parts.
func (w *Writer) begin(typ, kind string) {
	n := Node{Type: typ, Kind: kind}
	w.left -= len(typ) + 1
	if w.tree {
		w.open = append(w.open, n)
	} else {
		w.text = n.appendHead(w.text)
	}
}

// part begins part i of a node of a kind.
func (w *Writer) part(kind string, i int, name string) {
	n := Node{Kind: kind}
	if i > 0 {
		w.left -= len(", ")
	}
	if n.named() {
		w.left -= len(name) + len(": ")
	}
	if w.tree {
		at := &w.open[len(w.open)-1]
		at.Parts = append(at.Parts, Part{Name: name})
	} else {
		w.text = n.appendName(w.text, i, name)
	}
}

// end ends a node of a kind. It has a number of parts, and more are left out.
func (w *Writer) end(kind string, parts, more int) {
	n := Node{Kind: kind, More: more}
	w.found = w.found || more > 0
	if kind != KindPointer {
		w.left--
	}
	if w.tree {
		last := len(w.open) - 1
		n.Type, n.Parts = w.open[last].Type, w.open[last].Parts
		w.open = w.open[:last]
		w.add(n)
	} else {
		w.text = n.appendTail(w.text, parts)
	}
}

// add adds a node to the one that has been begun last.
func (w *Writer) add(n Node) {
	if len(w.open) > 0 {
		parts := w.open[len(w.open)-1].Parts
		parts[len(parts)-1].Value = n
		return
	}
	p := Piece{w.of, n}
	if n.Kind == KindWord {
		p.Of = ""
	}
	w.line = append(w.line, p)
}
