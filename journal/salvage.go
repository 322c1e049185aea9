package journal

import (
	"iter"

	"github.com/go-marketplace/marketplace/journal/wal"
)

// A Salvaged is an input that can be read in a damaged journal, or a part that cannot.
type Salvaged struct {
	Input Input // its number is zero if this is only about Lost bytes

	// File and Offset say where the input is, or the end of the lost part.
	File   string
	Offset int64

	// Lost is the number of bytes before it that cannot be read.
	Lost int64
}

// Salvage yields whatever can be read of the inputs in a journal, also behind damage, and
// in what was cut off from it: file by file, in the order in which they are there. Numbers
// may be missing, and may come more than once if the journal went on after a cut. If
// damage hides which device an input came from, its address is missing. The first inputs behind
// damage, up to the next multiple of 512, have no time, and names in their values are "?0",
// "?1" and so on. An error is about one file; Salvage goes on with the next.
func Salvage(dir string) iter.Seq2[Salvaged, error] {
	return func(yield func(Salvaged, error) bool) {
		for s, err := range SalvageStore(wal.Dir(dir)) {
			if !yield(s, inFolder(dir, err)) {
				return
			}
		}
	}
}

// SalvageStore is [Salvage] for a journal that is not in a folder.
func SalvageStore(s wal.Store) iter.Seq2[Salvaged, error] {
	return func(yield func(Salvaged, error) bool) {
		g := newSegment()
		g.lenient = true
		file, next := "", uint64(0)
		ends := map[uint64]shorthand{} // of files, by the index of the record that follows
		for r, err := range wal.Salvage(s) {
			if err != nil {
				if !yield(Salvaged{}, err) {
					return
				}
				continue
			}
			if r.File != file {
				if next > 0 {
					ends[next] = g.shorthand.clone()
				}
				file = r.File
				g.forget()
				g.shorthand.lose()
				if end, ok := ends[r.Index]; ok { // it was cut off there
					g.shorthand = end.clone()
				}
			}
			if next = 0; r.Index > 0 {
				next = r.Index + 1
			}
			out := Salvaged{File: r.File, Offset: r.Offset, Lost: r.Skipped}
			if r.Skipped > 0 {
				g.shorthand.lose()
			}
			var e entry
			switch {
			case r.Payload == nil:
			case e.read(r.Payload, g) != nil:
				out.Lost += int64(len(r.Payload))
				g.shorthand.lose()
			case e.kind == inputEntry:
				out.Input = e.input
			}
			if (out.Lost > 0 || out.Input.Seq > 0) && !yield(out, nil) {
				return
			}
		}
	}
}
