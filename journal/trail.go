package journal

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/go-marketplace/marketplace/journal/wal"
)

// A trail is a file that is there while a recovery replays inputs. So a program that is
// killed by one of them, at each start, can say at which. The first recovery only makes the
// file. One that finds it is careful: it writes the number of each of the last inputs to it
// before it replays the input.
type trail struct {
	store   wal.Store
	file    wal.File // nil if the recovery is not careful
	careful uint64   // the first input whose number it writes
}

const (
	trailName   = "recovery"
	trailLength = 1 << 12 // inputs
)

// leaveTrail begins the trail of a recovery from an input on. If the last recovery has not
// ended, it says so. What fails here does no harm.
func (j *Journal) leaveTrail(h *History, from uint64) *trail {
	t := &trail{store: j.store}
	if from > h.Last() {
		return t
	}
	f, err := j.store.Create(trailName)
	if err == nil {
		_ = f.Close()
		return t
	}
	at, found := trailIn(j.store)
	if !found {
		return t
	}
	text := "journal: the recovery before this one did not end. If a transition function ends the process, remove the input: see hint"
	if at == 0 {
		at = h.Last()
		text = "journal: the recovery before this one did not end. If this one does not either, the next says at which input; most likely it is the last one: see hint"
	}
	j.config.Logger.Warn(text, append(about(h, at), hint(at)...)...)
	if t.file, err = j.store.OpenAppend(trailName); err == nil {
		t.careful = max(h.Last(), trailLength) - trailLength
	}
	return t
}

// trailIn returns the last number in the trail of an earlier recovery, or 0 if it has none.
func trailIn(s wal.Store) (seq uint64, ok bool) {
	c, err := s.Open(trailName)
	if err != nil {
		return 0, false
	}
	defer c.Close()
	if c.Size() < 8 {
		return 0, true
	}
	var b [8]byte
	if _, err := io.ReadFull(io.NewSectionReader(c, c.Size()&^7-8, 8), b[:]); err != nil {
		return 0, false
	}
	return binary.LittleEndian.Uint64(b[:]), true
}

// before notes the input that is replayed next.
func (t *trail) before(seq uint64) {
	if t.file != nil && seq > t.careful {
		_, _ = t.file.Write(binary.LittleEndian.AppendUint64(nil, seq))
	}
}

// end removes the trail, because the process has survived the recovery.
func (t *trail) end() {
	if t.file != nil {
		_ = t.file.Close()
	}
	_ = t.store.Remove(trailName)
}

// about returns attributes that describe an input.
func about(h *History, seq uint64) []any {
	attrs := []any{"input", seq}
	for in, err := range h.Inputs(seq) {
		if err == nil {
			attrs = append(attrs, "of", in.Time, "is", abridged(in.String()))
		}
		break
	}
	return attrs
}

// hint returns an attribute that says how to remove an input.
func hint(seq uint64) []any {
	return []any{"hint", fmt.Sprintf("marketplace journal skip DIR %d, or marketplace journal truncate -after %d DIR", seq, seq-1)}
}

// tellSlow says that the replay of an input takes long.
func (j *Journal) tellSlow(h *History, in slowInput) {
	attrs := append(about(h, in.seq), "for", in.since.Round(time.Second))
	if in.doing.Calling() {
		path, name := in.doing.Process()
		attrs = append(attrs, "path", path.String(), "name", name, "event", in.doing.Event())
	}
	j.config.Logger.Warn("journal: the replay of an input takes long. If its transition function never returns, remove the input: see hint", append(attrs, hint(in.seq)...)...)
}
