package journal

import (
	"bytes"
	"iter"
	"reflect"
	"sort"

	"github.com/go-marketplace/marketplace/vm"
)

// A script is the inputs of a branch behind its trunk. Inputs that are as in the history
// are not in it, only their numbers. So it takes memory for what differs.
type script struct {
	pieces []piece
	count  uint64
}

// A piece is a number of inputs of the history, one after another, or an input of the
// branch alone.
type piece struct {
	end   uint64        // how many inputs there are up to the end of the piece
	first uint64        // the number of the first one in the history
	own   *decodedInput // or nil
}

// past adds an input of the history.
func (s *script) past(seq uint64) {
	s.count++
	if n := len(s.pieces); n > 0 {
		last := &s.pieces[n-1]
		if begin := s.begin(n - 1); last.own == nil && last.first+(last.end-begin) == seq {
			last.end++
			return
		}
	}
	s.pieces = append(s.pieces, piece{end: s.count, first: seq})
}

// add adds an input of the branch alone.
func (s *script) add(e decodedInput) {
	s.count++
	s.pieces = append(s.pieces, piece{end: s.count, own: &e})
}

// begin returns how many inputs there are before a piece.
func (s *script) begin(i int) uint64 {
	if i == 0 {
		return 0
	}
	return s.pieces[i-1].end
}

// prefix returns a copy of the first n inputs.
func (s *script) prefix(n uint64) script {
	p := script{count: n}
	for i := range s.pieces {
		if s.begin(i) >= n {
			break
		}
		p.pieces = append(p.pieces, s.pieces[i])
		p.pieces[i].end = min(p.pieces[i].end, n)
	}
	return p
}

// A scripted is an input of a branch, and its number in the history, or 0.
type scripted struct {
	*decodedInput
	past uint64
}

// inputs yields inputs, counted from 0, with numbers behind the trunk. Past yields inputs of
// the history.
func (s *script) inputs(first, last, trunk uint64, past func(first, last uint64) iter.Seq2[*decodedInput, error]) iter.Seq2[scripted, error] {
	return func(yield func(scripted, error) bool) {
		i := sort.Search(len(s.pieces), func(i int) bool { return s.pieces[i].end > first })
		for ; i < len(s.pieces) && first <= last; i++ {
			p := s.pieces[i]
			if p.own != nil {
				if !yield(scripted{p.own, 0}, nil) {
					return
				}
				first++
				continue
			}
			from := p.first + first - s.begin(i)
			for e, err := range past(from, from+min(p.end-1, last)-first) {
				if err != nil {
					yield(scripted{}, err)
					return
				}
				was := e.Seq
				own := e.withoutResults()
				own.Seq, own.head, own.late = trunk+first+1, nil, false
				if !yield(scripted{&own, was}, nil) {
					return
				}
				first++
			}
		}
	}
}

// same reports whether an input is the one of the history.
func (e *decodedInput) same(was, in *vm.Input) bool {
	return in.Kind == was.Kind && in.Address == was.Address && in.Err == was.Err && in.Incarnation == was.Incarnation &&
		in.Limits == was.Limits && e.sameValue(in.Value)
}

func (e *decodedInput) sameValue(v any) bool {
	if e.value == nil || v == nil {
		return e.value == v
	}
	if reflect.TypeOf(v) != reflect.TypeOf(e.value) {
		return false
	}
	if reflect.ValueOf(v).Comparable() && reflect.ValueOf(e.value).Comparable() {
		return v == e.value
	}
	return len(e.Input.value) > 0 && bytes.Equal(encoded(v), e.Input.value)
}
