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
// file. One that finds it writes the numbers of inputs to it before it replays them: of each
// of the last ones, where the input most likely is, and now and then of one before. If it
// ends at one of those, the next recovery writes the number of each input from there on.
type trail struct {
	store   wal.Store
	file    wal.File // nil if the recovery is the first
	careful uint64   // the recovery writes the numbers of all inputs behind this one
	next    uint64   // and of this one
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
	at, exact, found := trailIn(j.store)
	if !found {
		return t
	}
	t.careful = max(at, 2) - 2
	switch {
	case exact:
		j.config.Logger.Warn("journal: the recovery before this one did not end. If a transition function ends the process, remove the input: see hint",
			append(about(h, at), hint(at)...)...)
	case at > 0:
		j.config.Logger.Warn("journal: the recovery before this one did not end, at this input or behind it. If this one does not either, the next says at which input", about(h, at)...)
	default:
		t.careful = max(h.Last(), trailLength) - trailLength
		j.config.Logger.Warn("journal: the recovery before this one did not end. If this one does not either, the next says at which input; most likely it is the last one: see hint",
			append(about(h, h.Last()), hint(h.Last())...)...)
	}
	if t.file, err = j.store.OpenAppend(trailName); err != nil {
		t.file = nil
	}
	return t
}

// trailIn returns the last number in the trail of an earlier recovery, or 0 if it has none.
// It is exact if the recovery has ended at that input, and not behind it.
func trailIn(s wal.Store) (seq uint64, exact, ok bool) {
	c, err := s.Open(trailName)
	if err != nil {
		return 0, false, false
	}
	defer c.Close()
	b := make([]byte, 16)
	n := c.Size() &^ 7
	b = b[:min(n, 16)]
	if _, err := io.ReadFull(io.NewSectionReader(c, n-int64(len(b)), int64(len(b))), b); err != nil {
		return 0, false, false
	}
	if len(b) == 0 {
		return 0, false, true
	}
	seq = binary.LittleEndian.Uint64(b[len(b)-8:])
	before := binary.LittleEndian.Uint64(b)
	return seq, len(b) == 16 && (before == seq || before+1 == seq), true
}

// before notes the input that is replayed next.
func (t *trail) before(seq uint64) {
	if t.file != nil && (seq > t.careful || seq >= t.next) {
		t.next = seq + trailLength
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
