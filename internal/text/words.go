package text

import (
	"fmt"
	"log/slog"
	"reflect"

	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/topic/selftext"
	"github.com/go-marketplace/marketplace/world"
)

// Word writes words of a description, as they are.
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

// Value writes a value in the role of, such as [Message].
func (w *Writer) Value(of string, v any) {
	w.of = of
	w.value(reflect.ValueOf(v), true, 0)
}

// Nameless is implemented by names of endpoints that texts leave out.
type Nameless interface{ Nameless() }

// Named writes a prefix and the name of an endpoint, unless it has none or the name is
// [Nameless].
func (w *Writer) Named(prefix string, id any) {
	if _, ok := id.(Nameless); id != nil && !ok {
		w.Word(prefix)
		w.Value(Name, id)
	}
}

// Inside calls f to write a description inside another. At the limits of depth and
// length it writes an ellipsis instead.
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

// Full reports whether part i is beyond the limits.
func (w *Writer) Full(i int) bool { return w.left <= 0 || i >= w.p.Parts }

// Role writes a role.
func (w *Writer) Role(r topic.Role) {
	w.of = Topic
	if w.p.Hide == nil || !w.redactedTopic(r, true) {
		w.plain(KindTopic, r.String())
	}
}

// Device writes the name of a device, or "no device".
func (w *Writer) Device(d world.Device) {
	if d == nil {
		w.Word("no device")
	} else {
		w.Value(Device, d)
	}
}

// Because writes a colon and a reason, unless it is nil.
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

// ReasonText returns the text of a reason, or "" for nil. Programs make reasons, whose
// Error may panic; then the text says so. Journals contain these texts.
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
