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
	head       *Head // the head that applies to it
	mentions   int   // how many addresses come before it
}

// seekEvery is how many inputs are between two seek points.
const seekEvery = 512

// addSeekPoint adds a seek point to the index of a part, if it is behind all others.
func (h *History) addSeekPoint(part int, m seekPoint, mentions []mention) {
	h.mu.Lock()
	defer h.mu.Unlock()
	g := &h.indexes[part]
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
		return seekPoints[i]
	case i > 0:
		return seekPoints[i-1]
	}
	return seekPoint{}
}
