package journal

import (
	"cmp"
	"slices"
)

// A partIndex has the known seek points of a part, so that reading an input in the middle
// does not need the whole part.
type partIndex struct {
	mentions   []mention   // the addresses in the part, in order
	seekPoints []seekPoint // in order
}

// A seekPoint is an input at which reading can begin.
type seekPoint struct {
	seq, index uint64
	head       *Head     // the head that applies to it
	mentions   int       // how many addresses come before it in the part
	addresses  []mention // these, if the point was looked up
}

// seekEvery is how many inputs are between two seek points.
const seekEvery = 512

// addSeekPoint adds a seek point to the index of a part, if it is behind all others.
func (h *History) addSeekPoint(part int, m seekPoint, mentions []mention) {
	h.mu.Lock()
	defer h.mu.Unlock()
	g := &h.indexes[part]
	h.keepIndex(part)
	if n := len(g.seekPoints); n == 0 || g.seekPoints[n-1].seq < m.seq {
		g.seekPoints, g.mentions = append(g.seekPoints, m), mentions
	}
}

// seekPointFor returns the last seek point of a part that is not after an input. It is
// zero if there is none.
func (h *History) seekPointFor(part int, seq uint64) seekPoint {
	h.mu.Lock()
	defer h.mu.Unlock()
	seekPoints := h.indexes[part].seekPoints
	i, found := slices.BinarySearchFunc(seekPoints, seq, func(m seekPoint, seq uint64) int { return cmp.Compare(m.seq, seq) })
	switch {
	case found:
	case i > 0:
		i--
	default:
		return seekPoint{}
	}
	m := seekPoints[i]
	m.addresses = h.indexes[part].mentions[:m.mentions:m.mentions]
	return m
}

// keptIndexes is how many parts have an index. The addresses in the indexes of all parts
// would be those of all devices that have ever been there.
const keptIndexes = 8

// keepIndex makes sure that a part can have an index, and removes that of another part if
// there are too many. The caller holds the mutex.
func (h *History) keepIndex(part int) {
	if n := len(h.indexed); n > 0 && h.indexed[n-1] == part {
		return
	}
	h.indexed = append(slices.DeleteFunc(h.indexed, func(p int) bool { return p == part }), part)
	if len(h.indexed) > keptIndexes {
		h.indexes[h.indexed[0]] = partIndex{}
		h.indexed = slices.Delete(h.indexed, 0, 1)
	}
}
