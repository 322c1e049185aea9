package journal

import (
	"fmt"
	"time"

	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// A writer writes the entries of a run: the inputs, and then their results. Only the
// goroutine that runs the machine uses it, except for the log.
type writer struct {
	config Config
	log    *wal.Log
	player *player // of the machine
	codec  *codec.Codec

	id             ID
	repairs        []Repair
	headBase       uint64             // of heads: see Head.Base
	seq            uint64             // of the last input
	takesOver      bool               // from another build, or adopts the history
	wrote          bool               // an input, in this run
	unfinished     bool               // its results are not written yet
	ending         bool               // and it is the last one
	committing     bool               // and its commands are carried out next
	changesWritten int                // presence changes of the last input that the journal already has
	known          openings[struct{}] // openings whose addresses the segment has
	shorthand      shorthand          // of the inputs since the last head
	parts          []part             // the segments
	buf            []byte
	unwritten      int
	written        uint64    // bytes, in this run
	now            time.Time // when the last input came
	checked        time.Time // when a digest was written last
	digested       uint64    // the input after which that was, if it was in this run
}

// writeHead begins a segment, or a run.
func (w *writer) writeHead(adopts bool) error {
	w.shorthand.reset()
	head := Head{
		Format:     format,
		Schema:     w.config.Schema,
		Program:    w.config.Program,
		Time:       time.Now(),
		Durability: w.config.Durability,
		Every:      uint64(w.config.CheckEvery),
		Trace:      w.config.Trace,
		States:     w.player.keepsStates,
		Adopts:     adopts,
		Seq:        w.seq,
		Base:       w.headBase,
		Settings:   w.config.Settings,
		ID:         w.id,
		Repairs:    w.repairs,
	}
	if index := w.log.Last() + 1; index == w.log.Current() {
		w.parts = append(w.parts, part{index, head})
	}
	return w.put(appendHead(w.buf[:0], head))
}

// full reports whether the segment is large or old enough to begin another one.
func (w *writer) full() bool {
	if w.log.SegmentSize() >= w.config.SegmentSize {
		return true
	}
	n := len(w.parts)
	return w.config.SegmentAge > 0 && n > 0 && w.now.Sub(w.parts[n-1].head.Time) >= w.config.SegmentAge
}

// put writes an entry.
func (w *writer) put(e []byte) error {
	w.buf = e
	w.unwritten += len(e)
	w.written += uint64(len(e))
	_, err := w.log.Append(e)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// checkAfter is the longest time between two digests, if there are inputs.
const checkAfter = time.Second

// due reports whether to write a digest after an input.
func (w *writer) due(seq uint64) bool {
	return w.ending || w.committing || w.now.Sub(w.checked) >= checkAfter || w.config.Trace || seq%uint64(w.config.CheckEvery) == 0
}

// finishInput writes the results of the last input.
func (w *writer) finishInput() error {
	if !w.unfinished {
		return nil
	}
	w.unfinished = false
	defer func() { w.committing = false }()
	p := w.player
	p.finishInput()
	for i := w.changesWritten; i < len(p.changes); i++ {
		if err := w.put(appendPresenceChange(w.buf[:0], w.seq, &p.changes[i])); err != nil {
			return err
		}
	}
	for next, rest := cutTrace(p.steps); len(next) > 0; next, rest = cutTrace(rest) {
		if err := w.put(appendTrace(w.buf[:0], w.seq, next)); err != nil {
			return err
		}
	}
	if w.due(w.seq) {
		return w.check()
	}
	return nil
}

// finishLastInput writes the results of the last input, with a digest, unless the input is of
// another build of the program.
func (w *writer) finishLastInput() error {
	if w.takesOver && !w.wrote || w.unfinished || w.seq == 0 || w.digested == w.seq {
		return w.finishInput()
	}
	return w.check()
}

// check writes the digest of the machine after the last input.
func (w *writer) check() error {
	w.checked, w.digested = w.now, w.seq
	return w.put(appendCheck(w.buf[:0], w.seq, w.player.digest()))
}

// input writes an input.
func (w *writer) input(in *vm.Input) error {
	full, late := false, false
	if in.Address != nil {
		_, known := w.known.of[in.Address.Generation]
		full = !known
		late = w.player.machine.Held(in.Address.Generation) == nil
	}
	w.now = time.Now()
	e, err := appendInput(w.buf[:0], w.seq+1, w.now, in, full, late, &w.shorthand, w.codec)
	if err != nil {
		w.shorthand.reset()
		return fmt.Errorf("%w: %v of %s: %w", world.ErrNotRecordable, in.Kind, in.Address.Device.DeviceName(), err)
	}
	if len(e) > wal.DefaultMaxRecord {
		w.shorthand.reset()
		return fmt.Errorf("%w: %v of %s: it takes %d bytes, and a record has at most %d", world.ErrNotRecordable, in.Kind, in.Address.Device.DeviceName(), len(e), wal.DefaultMaxRecord)
	}
	if err := w.put(e); err != nil {
		return err
	}
	if full {
		w.known.set(w.player.machine, in.Address.Generation, struct{}{})
	}
	w.seq++
	w.changesWritten, w.unfinished, w.wrote = 0, true, true
	w.player.useFormat(format)
	w.player.sample(!w.config.Trace && w.seq%uint64(w.config.CheckEvery) == 0)
	w.player.beginInput()
	return nil
}

// rotate begins another segment.
func (w *writer) rotate() error {
	if err := w.log.Rotate(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	w.known.clear()
	return w.writeHead(false)
}
