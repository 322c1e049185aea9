package text

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/topic/selftext"
	"github.com/go-marketplace/marketplace/world"
)

// value writes v, with the name of its type if named is true and the type is not a
// basic one.
func (w *Writer) value(v reflect.Value, named bool, depth int) {
	if w.left <= 0 {
		w.leaf(Node{Kind: KindMore, Text: ellipsis})
		return
	}
	if w.p.Hide != nil && w.hidesType(v) {
		w.leaf(hidden(v))
		return
	}
	if w.described(v) {
		return
	}
	most := w.left
	if w.raw {
		most = 0
	}
	if kind, s, more, ok := basic(v, most); ok {
		n := Node{Kind: kind, Text: s, More: more}
		if named && v.Type().PkgPath() != "" && v.Type().Name() != "" {
			n.Type = selftext.NameOf(v.Type())
		}
		w.leaf(n)
		return
	}
	if depth == w.p.Depth {
		w.leaf(Node{Kind: KindMore, Text: ellipsis})
		return
	}
	typ := ""
	if named && v.Type().Name() != "" {
		typ = selftext.NameOf(v.Type())
	}
	switch v.Kind() {
	case reflect.Pointer:
		if Known(v.Type()) {
			w.leaf(Node{Kind: KindOther, Text: selftext.NameOf(v.Type())})
			return
		}
		w.begin("", KindPointer)
		w.part(KindPointer, 0, "")
		w.value(v.Elem(), named, depth+1)
		w.end(KindPointer, 1, 0)
	case reflect.Interface:
		w.value(v.Elem(), true, depth+1)
	case reflect.Struct:
		w.fields(v, typ, depth)
	case reflect.Map:
		w.entries(v, typ, depth)
	default: // slices and arrays
		w.begin(typ, KindList)
		i := 0
		for ; i < v.Len() && !w.Full(i); i++ {
			w.part(KindList, i, "")
			w.value(v.Index(i), false, depth+1)
		}
		w.end(KindList, i, v.Len()-i)
	}
}

// fields writes the struct v.
func (w *Writer) fields(v reflect.Value, typ string, depth int) {
	t := v.Type()
	if !v.CanAddr() && v.CanInterface() {
		c := reflect.New(t).Elem()
		c.Set(v)
		v = c
	}
	w.begin(typ, KindStruct)
	i := 0
	for ; i < v.NumField() && !w.Full(i); i++ {
		name := t.Field(i).Name
		w.part(KindStruct, i, name)
		if f := field(v, i); w.p.Hide != nil && w.p.Hide(w.of, selftext.NameOf(t), name) {
			w.leaf(hidden(f))
		} else {
			w.value(f, false, depth+1)
		}
	}
	w.end(KindStruct, i, v.NumField()-i)
}

// field returns field i of the struct v. If v is addressable, the methods of the field
// can be called also if it is not exported, because they may hide a secret.
func field(v reflect.Value, i int) reflect.Value {
	f := v.Field(i)
	if f.CanInterface() || !f.CanAddr() {
		return f
	}
	return reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem()
}

// An entry is an entry of a map.
type entry struct {
	key   string
	value reflect.Value
	text  string // of the value, once it is needed
}

// entries writes the map v, in the order of the texts of its entries.
func (w *Writer) entries(v reflect.Value, typ string, depth int) {
	const between = ": "
	compare := func(a, b *entry) int {
		x, y := a.key+between, b.key+between
		if c := strings.Compare(x[:min(len(x), len(y))], y[:min(len(x), len(y))]); c != 0 {
			return c
		}
		for _, e := range []*entry{a, b} {
			if e.text == "" {
				e.text = w.inner(e.value, false, depth+1)
			}
		}
		return strings.Compare(x+a.text, y+b.text)
	}
	if w.raw {
		for k, e := range v.Seq2() {
			w.value(k, false, depth+1)
			w.value(e, false, depth+1)
			if w.found {
				break
			}
		}
		return
	}
	all := make([]*entry, 0, v.Len())
	for k, e := range v.Seq2() {
		all = append(all, &entry{key: w.inner(k, false, depth+1), value: e})
	}
	slices.SortFunc(all, compare)
	w.begin(typ, KindMap)
	i := 0
	for ; i < len(all) && !w.Full(i); i++ {
		w.part(KindMap, i, all[i].key)
		w.value(all[i].value, false, depth+1)
	}
	w.end(KindMap, i, v.Len()-i)
}

// described writes the text by which v describes itself. It reports false if there is
// none.
func (w *Writer) described(v reflect.Value) bool {
	switch {
	case !v.IsValid(), (v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface) && v.IsNil():
		w.leaf(Node{Kind: KindNil, Text: "nil"})
		return true
	case !v.CanInterface():
		return false
	}
	x := v.Interface()
	if w.p.Hide != nil && w.redacted(v, x) {
		return true
	}
	switch x := x.(type) {
	case time.Time:
		w.leaf(Node{Kind: KindTime, Text: x.Format(time.RFC3339Nano)})
		return true
	case world.Device:
		if !w.raw {
			w.plain(KindDevice, deviceName(x))
			return true
		}
	}
	if v.Kind() == reflect.Interface || w.raw {
		return false // value writes the value in the interface, or the parts
	}
	s, ok := selftext.Of(v)
	if ok {
		w.own = true
		kind := KindOwn
		switch x.(type) {
		case topic.Topic, topic.Role:
			kind = KindTopic
		case error:
			kind = KindError
		}
		w.plain(kind, s)
	}
	return ok
}

// deviceName returns the name of d, whose method may panic.
func deviceName(d world.Device) (name string) {
	defer func() {
		if recover() != nil {
			name = fmt.Sprintf("a %T, which does not say what it is", d)
		}
	}()
	return d.DeviceName()
}
