package text

import (
	"fmt"
	"log/slog"
	"reflect"

	"github.com/go-marketplace/marketplace/internal/selftext"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

// Word writes words of a description, which are shown as they are.
func (w *Writer) Word(s string) { w.leaf(Node{Kind: KindWord, Text: s}) }

// Plain writes a text of a program, such as the name of a process, without quotes.
func (w *Writer) Plain(of, s string) {
	w.of = of
	if w.p.Hide != nil && w.p.Hide(of, "string", "") {
		w.leaf(hidden(reflect.ValueOf(s)))
	} else {
		w.plain(KindText, s)
	}
}

// Value writes a value.
func (w *Writer) Value(of string, v any) {
	w.of = of
	w.value(reflect.ValueOf(v), true, 0)
}

// Nameless is a name of an endpoint that concerns nobody.
type Nameless interface{ Nameless() }

// Named writes the name of an endpoint behind a prefix, unless there is none, or
// one that concerns nobody.
func (w *Writer) Named(prefix string, id any) {
	if _, ok := id.(Nameless); id != nil && !ok {
		w.Word(prefix)
		w.Value(Name, id)
	}
}

// Inside writes what f writes, which is inside of something else, unless that is
// too deep.
func (w *Writer) Inside(f func()) {
	if w.inside == w.p.Depth || w.left <= 0 {
		w.of = ""
		w.leaf(Node{Kind: KindMore, Text: ellipsis})
		return
	}
	w.inside++
	f()
	w.inside--
}

// Full reports whether no part with index i is to be written any more.
func (w *Writer) Full(i int) bool { return w.left <= 0 || i >= w.p.Parts }

// Role writes a role.
func (w *Writer) Role(r topic.Role) {
	w.of = Topic
	if w.p.Hide == nil || !w.redactedTopic(r, true) {
		w.plain(KindTopic, r.String())
	}
}

// Device writes the name of a device, or says that there is none.
func (w *Writer) Device(d world.Device) {
	if d == nil {
		w.Word("no device")
	} else {
		w.Value(Device, d)
	}
}

// Because writes a reason behind what it is the reason of, if there is one.
func (w *Writer) Because(reason error) {
	if reason == nil {
		return
	}
	w.Word(": ")
	w.of = Reason
	v := reflect.ValueOf(reason)
	if w.p.Hide != nil && (w.hidesType(v) || w.leaks(v)) {
		w.leaf(hidden(v))
	} else if _, ok := reason.(slog.LogValuer); ok {
		s, _ := selftext.Of(v)
		w.plain(KindError, s)
	} else {
		w.plain(KindError, ReasonText(reason))
	}
}

// ReasonText returns the text of a reason, or nothing if there is none. Reasons are
// made by programs, and their texts may panic. Journals keep these texts.
func ReasonText(reason error) (text string) {
	if reason == nil {
		return ""
	}
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("a %T, which does not say what it is", reason)
		}
	}()
	return reason.Error()
}
