package wal

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// A Salvaged is an intact record in a damaged log, or in what was cut off from one.
type Salvaged struct {
	File    string // its name
	Offset  int64  // of the record, in that file
	Index   uint64 // of the record; 0 behind bytes that are not intact, where it is unknown
	Skipped int64  // bytes before it, behind the intact record before, that are not intact
	Payload []byte // is valid until the next record is asked for; nil at the end of a file with Skipped bytes
}

// Salvage yields the intact records of a log, also those behind damage and in files of
// what was cut off ([CutOff].Aside), file by file. A record proves itself by its hash;
// nothing proves that it follows from the one before it. Behind the last record of a file,
// Salvage yields the number of bytes that are left over, if any are.
//
// If a file cannot be read, or the search in it would take too long, Salvage yields an
// error, and goes on with the next file.
func Salvage(s Store) iter.Seq2[Salvaged, error] {
	return func(yield func(Salvaged, error) bool) {
		names, err := s.List()
		if err != nil {
			yield(Salvaged{}, err)
			return
		}
		var files []segment
		for _, name := range names {
			if first, ok := parseAnyName(name); ok {
				files = append(files, segment{name: name, first: first})
			}
		}
		if len(files) == 0 {
			yield(Salvaged{}, ErrNoLog)
			return
		}
		slices.SortFunc(files, func(a, b segment) int { return cmp.Or(cmp.Compare(a.first, b.first), strings.Compare(a.name, b.name)) })
		for _, f := range files {
			more, err := salvage(s, f, yield)
			if err != nil {
				more = yield(Salvaged{}, fmt.Errorf("wal: salvage %s: %w", f.name, err))
			}
			if !more {
				return
			}
		}
	}
}

// parseAnyName returns the index of the first record of a segment, or of a file with what
// was cut off.
func parseAnyName(name string) (first uint64, ok bool) {
	if of, cut := strings.CutSuffix(name, asideSuffix); cut {
		name = of
		if i := strings.LastIndexByte(of, '.'); i > nameDigits {
			if _, err := strconv.Atoi(of[i+1:]); err == nil {
				name = of[:i]
			}
		}
	}
	return parseName(name)
}

// salvage yields the intact records of a file. It reports whether the caller wants more.
func salvage(s Store, file segment, yield func(Salvaged, error) bool) (more bool, err error) {
	c, err := s.Open(file.name)
	if err != nil {
		return true, err
	}
	defer c.Close()
	w := &window{r: c, size: c.Size()}
	at, end := int64(headerSize), int64(headerSize) // end is that of the last intact record
	index := file.first
	budget := searchBudget + 8*w.size
	var was *Hash // the hash that the record follows from, if it is not in the file
	for w.size-at >= int64(minFrame) {
		f, reason, err := frameAt(w, at, was)
		if err != nil {
			return true, err
		}
		if reason == "" {
			if at > end {
				index = 0
			}
			if !yield(Salvaged{file.name, at, index, at - end, f.payload}, nil) {
				return false, nil
			}
			if index > 0 {
				index++
			}
			at, end, was = f.end, f.end, nil
			continue
		}
		if at == end && was == nil && f.end > 0 {
			// Perhaps only the hash of the bad record has changed. The next record still
			// follows from the original hash.
			h, _, err := sumAt(w, at, f.end-at-int64(lengthSize+hashSize), nil)
			if err != nil {
				return true, err
			}
			if f.end <= w.size-int64(minFrame) {
				next, reason, err := frameAt(w, f.end, &h)
				if err != nil {
					return true, err
				}
				if reason == "" {
					at, was = next.offset, &h
					continue
				}
			}
		}
		was = nil
		if budget -= max(f.end-at, 0); budget < 0 {
			return true, fmt.Errorf("the search for intact records behind byte %d would take too long", end)
		}
		at++
	}
	if w.size > end {
		return yield(Salvaged{File: file.name, Offset: w.size, Skipped: w.size - end}, nil), nil
	}
	return true, nil
}
