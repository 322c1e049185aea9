package text

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/topic/selftext"
	"github.com/go-marketplace/marketplace/world"
)

// hiddenText stands for what is hidden.
const hiddenText = "[hidden]"

// hidden returns the node for a value that is hidden. It has the length of the value,
// unless its type hides that, too.
func hidden(v reflect.Value) Node {
	n := Node{Kind: KindHidden, Text: hiddenText}
	v = within(v)
	if !v.IsValid() || selftext.Has(v.Type()) {
		return n
	}
	switch v.Kind() {
	case reflect.String:
		n.Text = fmt.Sprintf("[%d bytes hidden]", v.Len())
	case reflect.Slice, reflect.Map:
		what := "parts"
		if v.Type().Elem().Kind() == reflect.Uint8 {
			what = "bytes"
		}
		n.Text = fmt.Sprintf("[%d %s hidden]", v.Len(), what)
	}
	return n
}

// hidesType reports whether the printer hides all values of the type of v.
func (w *Writer) hidesType(v reflect.Value) bool {
	v = within(v)
	return v.IsValid() && v.Type().Name() != "" && w.p.Hide(w.of, selftext.NameOf(v.Type()), "")
}

// within returns v, or what is in it if it is an interface.
func within(v reflect.Value) reflect.Value {
	if v.Kind() == reflect.Interface {
		return v.Elem()
	}
	return v
}

// leaks reports whether the text by which v describes itself may show a part that the
// printer hides: v has such a part, or has too many parts to check.
func (w *Writer) leaks(v reflect.Value) bool {
	const most = 1 << 16 // parts to check
	probe := Printer{Hide: w.p.Hide}.writer(false)
	probe.raw, probe.of, probe.left = true, w.of, most
	probe.value(v, false, 0)
	return probe.found
}

// redacted writes v, which is x, without the parts that the printer hides, if its own
// text may show them. It reports whether it has written v.
func (w *Writer) redacted(v reflect.Value, x any) bool {
	v = within(v)
	switch x := x.(type) {
	case topic.Role:
		return w.redactedTopic(x, true)
	case topic.Topic:
		return w.redactedTopic(topic.Role{Topic: x}, false)
	case interface{ Topic() topic.Topic }:
		if v.Type().PkgPath() == reflect.TypeFor[topic.Topic]().PkgPath() { // a pattern
			return w.redactedTopic(topic.Role{Topic: x.Topic()}, false)
		}
	}
	_, device := x.(world.Device)
	if w.raw || !device && !selftext.Has(v.Type()) || !w.leaks(v) {
		return false
	}
	w.leaf(hidden(v))
	return true
}

// redactedTopic writes r, or its topic alone, if the printer hides part of it. It
// reports whether it has written it.
func (w *Writer) redactedTopic(r topic.Role, oriented bool) bool {
	s, hides := w.topicText(r.Topic)
	w.found = w.found || hides
	if w.raw {
		w.left--
		return true
	}
	if !hides {
		return false
	}
	if oriented {
		s = strings.TrimSuffix(r.String(), r.Topic.String()) + s
	}
	w.plain(KindTopic, s)
	return true
}

// topicText returns the text of t without the parts that the printer hides, and
// reports whether there are any.
func (w *Writer) topicText(t topic.Topic) (text string, hides bool) {
	typ := t.MessageType()
	if typ == nil {
		return "", false
	}
	all := selftext.NameOf(typ) + "{" + hiddenText + "}"
	if p, ok := topic.Typed[topic.Tuple](t); ok {
		return all, w.leaks(reflect.ValueOf(p.Example()))
	}
	if w.p.Hide(w.of, selftext.NameOf(typ), "") {
		return all, true
	}
	show := func(v reflect.Value) string {
		hides = hides || w.leaks(v)
		return w.inner(v, false, 0)
	}
	var parts []string
	for _, c := range t.Constraints() {
		text := hiddenText
		part, ok := w.shown(typ, c.Path)
		switch {
		case !ok:
			hides = true
		case c.Glob != "":
			text = "~" + show(reflect.ValueOf(c.Glob).Convert(part))
		default:
			text = show(reflect.ValueOf(c.Value))
		}
		if c.Path != "" {
			text = c.Path + ": " + text
		}
		parts = append(parts, text)
	}
	return selftext.NameOf(typ) + "{" + strings.Join(parts, ", ") + "}", hides
}

// shown returns the type of the part of a t at a path such as To.Ports[1]. It
// reports false if the printer hides the part.
func (w *Writer) shown(t reflect.Type, path string) (part reflect.Type, ok bool) {
	for path != "" {
		if path[0] == '[' {
			_, path, _ = strings.Cut(path, "]")
			t = t.Elem()
		} else {
			path = strings.TrimPrefix(path, ".")
			step := path
			if n := strings.IndexAny(path, ".["); n >= 0 {
				step = path[:n]
			}
			path = path[len(step):]
			f, ok := t.FieldByName(step)
			if !ok || w.p.Hide(w.of, selftext.NameOf(t), step) {
				return nil, false
			}
			t = f.Type
		}
		if t.Name() != "" && w.p.Hide(w.of, selftext.NameOf(t), "") {
			return nil, false
		}
	}
	return t, true
}
