package codec

import (
	"bytes"
	"fmt"
	"slices"
)

// Names shortens encoded values that stand one after another, such as those in a part of a
// journal: a name of a type or a field that was there before is replaced by a number. A value
// that was shortened can be read only together with those before it, back to the last
// [Names.Reset]. The zero Names is ready to use.
//
// A name is a text which is the key of a map, or which is the first of two items of an array,
// and has a dot. The first time it is there in full, which gives it the next number. Later it is
// a simple value of CBOR, which values as this package encodes them do not have: 0 to 19, in one
// byte, and 32 to 255, in two. Names behind these stay in full, and so do texts of one byte, and
// of more than 128.
type Names struct {
	known [][]byte    // by number
	slots [slots]byte // the reverse, for Shorten: 1 + a number, at or behind the slot of the name
	lost  bool
}

// The limits of names.
const (
	oneByte    = 20 // numbers that take one byte
	firstTwo   = 32 // the first simple value of two bytes
	maxNames   = oneByte + 256 - firstTwo
	maxName    = 128 // bytes
	slots      = 512 // at least twice maxNames
	twoBytes   = simple | 24
	lastSimple = simple | (oneByte - 1)
)

// Reset forgets all names.
func (n *Names) Reset() {
	n.known, n.lost = n.known[:0], false
	clear(n.slots[:])
}

// Clone returns a copy.
func (n *Names) Clone() Names { return Names{slices.Clone(n.known), n.slots, n.lost} }

// slot returns the slot of a name, or the free one for it.
func (n *Names) slot(name []byte) *byte {
	first, middle, last := uint(name[0]), uint(name[len(name)/2]), uint(name[len(name)-1])
	for i := (uint(len(name))*59 + first*7 + middle*31 + last*131) % slots; ; i = (i + 1) % slots {
		if s := &n.slots[i]; *s == 0 || bytes.Equal(n.known[*s-1], name) {
			return s
		}
	}
}

// learn gives a name the next number. It reports false if there is none.
func (n *Names) learn(name []byte) bool {
	if len(n.known) == maxNames {
		return false
	}
	n.known = append(n.known, bytes.Clone(name))
	return true
}

// forget forgets all names but the first ones.
func (n *Names) forget(but int) {
	n.known = n.known[:but]
	clear(n.slots[:])
	for i, name := range n.known {
		*n.slot(name) = byte(i + 1)
	}
}

// Lose makes Expand write "?" and the number instead of each name, until the next Reset. It is
// for values that are read although some before them cannot be read.
func (n *Names) Lose() { n.lost = true }

// Shorten appends an encoded value, shortened. It reports false, and appends nothing, if the
// value is not one item of CBOR, or has simple values where names stand, which only a type with
// a codec of its own can make.
func (n *Names) Shorten(dst, value []byte) (_ []byte, ok bool) {
	start, known := len(dst), len(n.known)
	w := nameWalk{names: n, reader: reader{data: value}, dst: dst}
	if err := w.item(0, 0); err != nil || w.at != len(value) {
		n.forget(known)
		return dst[:start], false
	}
	return append(w.dst, value[w.copied:]...), true
}

// Expand appends a value that was shortened as it was before. An error says that the value, or
// what Expand has got since the last Reset, is not what Shorten has made, or that the result
// would have more than limit bytes.
func (n *Names) Expand(dst, short []byte, limit int) ([]byte, error) {
	start := len(dst)
	w := nameWalk{names: n, reader: reader{data: short}, dst: dst, expands: true, limit: start + limit}
	err := w.item(0, 0)
	switch {
	case err != nil:
		return dst[:start], err
	case w.at != len(short):
		return dst[:start], fmt.Errorf("%d bytes follow the value", len(short)-w.at)
	}
	if dst = append(w.dst, short[w.copied:]...); len(dst) > w.limit {
		return dst[:start], w.tooLong()
	}
	return dst, nil
}

// A nameWalk goes through a value, and replaces names.
type nameWalk struct {
	names *Names
	reader
	expands bool
	limit   int    // of the length of dst
	dst     []byte // the result
	copied  int    // how much of data is in dst
}

// A role says whether an item can be a name.
type role byte

const (
	keyRole  role = iota + 1 // a key of a map
	typeRole                 // the first of two items of an array
)

// item goes past an item.
func (w *nameWalk) item(depth int, r role) error {
	if depth > maxDepth {
		return tooDeep()
	}
	start, first := w.at, w.peek()
	if r != 0 && first >= simple {
		if done, err := w.number(); done || err != nil {
			return err
		}
	}
	major, count := first&0xe0, uint64(first&0x1f)
	if count < 24 {
		w.at++ // most heads are so short
	} else {
		var err error
		if major, count, err = w.head(); err != nil {
			return err
		}
	}
	switch major {
	case bytes_, text:
		if count > uint64(len(w.data)-w.at) {
			return w.truncated()
		}
		name := w.data[w.at : w.at+int(count)]
		w.at += int(count)
		if r != 0 && major == text {
			w.name(start, name, r)
		}
	case array:
		for i := range count {
			var r role
			if i == 0 && count == 2 {
				r = typeRole
			}
			if err := w.item(depth+1, r); err != nil {
				return err
			}
		}
	case mapping:
		for range count {
			if err := w.item(depth+1, keyRole); err != nil {
				return err
			}
			if err := w.item(depth+1, 0); err != nil {
				return err
			}
		}
	case tagged:
		return w.item(depth+1, 0)
	}
	return nil
}

// number goes past a number that stands for a name. It reports false if there is none.
func (w *nameWalk) number() (bool, error) {
	first, size := w.peek(), 1
	number := int(first &^ simple)
	switch {
	case first >= simple && first <= lastSimple:
	case first == twoBytes && w.at+1 < len(w.data) && w.data[w.at+1] >= firstTwo:
		number, size = int(w.data[w.at+1])-firstTwo+oneByte, 2
	default:
		return false, nil
	}
	n := w.names
	if !w.expands {
		return false, refuse("it has a simple value where a name can be")
	}
	name := []byte(nil)
	switch {
	case n.lost:
		name = fmt.Appendf(nil, "?%d", number)
	case number < len(n.known):
		name = n.known[number]
	default:
		return false, refuse("it has name ", fmt.Sprint(number), " of ", fmt.Sprint(len(n.known)))
	}
	w.dst = append(w.dst, w.data[w.copied:w.at]...)
	w.dst = append(appendHead(w.dst, text, uint64(len(name))), name...)
	w.at += size
	w.copied = w.at
	if len(w.dst) > w.limit {
		return false, w.tooLong()
	}
	return true, nil
}

func (w *nameWalk) tooLong() error { return refuse("it is too long") }

// name learns a name, or replaces it by its number. The name begins with its head at start.
func (w *nameWalk) name(start int, name []byte, r role) {
	n := w.names
	if len(name) < 2 || len(name) > maxName || r == typeRole && bytes.IndexByte(name, '.') < 0 {
		return
	}
	if w.expands {
		if !n.lost {
			n.learn(name)
		}
		return
	}
	slot := n.slot(name)
	if *slot == 0 {
		if n.learn(name) {
			*slot = byte(len(n.known))
		}
		return
	}
	number := *slot - 1
	w.dst = append(w.dst, w.data[w.copied:start]...)
	if number < oneByte {
		w.dst = append(w.dst, simple|number)
	} else {
		w.dst = append(w.dst, twoBytes, number-oneByte+firstTwo)
	}
	w.copied = w.at
}
