package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
)

// A Repair is a change that a person has made to a history: see [Head].Repairs.
type Repair struct {
	Kind        RepairKind
	First, Last uint64    // the inputs that it is about; Last is 0 if nobody knows how many
	Time        time.Time // when it was made, in UTC
}

// RepairKind is the kind of a [Repair].
type RepairKind byte

// The kinds of repairs.
const (
	RepairSkip     RepairKind = iota + 1 // the input is in the journal, but a machine does not get it: see Skip
	RepairTruncate                       // the inputs were cut off on request: see Truncate
	RepairCut                            // the inputs were cut off because of damage: see Config.Cut
)

// String returns "skipped", "truncated" or "cut off".
func (k RepairKind) String() string {
	switch k {
	case RepairSkip:
		return "skipped"
	case RepairTruncate:
		return "truncated"
	case RepairCut:
		return "cut off"
	}
	return fmt.Sprintf("RepairKind(%d)", byte(k))
}

// Truncate removes the inputs after one from the journal in a folder, and says so in the
// journal. The program goes on behind that input. What is cut off is moved to other files
// in the folder. No program may have the journal open.
func Truncate(dir string, after uint64) (Repair, error) {
	r, err := TruncateStore(wal.Dir(dir), after)
	return r, inFolder(dir, err)
}

// TruncateStore is [Truncate] for a journal that is not in a folder.
func TruncateStore(s wal.Store, after uint64) (Repair, error) {
	return repair(s, func(h *History, o *wal.Options) (Repair, error) { return truncate(h, o, after) })
}

func truncate(h *History, o *wal.Options, after uint64) (Repair, error) {
	if after < h.First() || after >= h.Last() {
		return Repair{}, fmt.Errorf("journal: nothing can be cut off after input %d: the journal has the inputs %d to %d, and the first one must stay", after, h.First(), h.Last())
	}
	seqs, err := snapshotsIn(h.store)
	if err != nil {
		return Repair{}, fmt.Errorf("journal: %w", err)
	}
	last, head, err := h.cutAfter(after)
	if err != nil {
		return Repair{}, err
	}
	notes, usable := h.notesBehind(last, after, seqs)
	if !usable {
		return Repair{}, fmt.Errorf("journal: nothing can be cut off after input %d: the inputs before %d have been dropped, and there would be no snapshot with which the program could begin", after, h.First())
	}
	r := Repair{RepairTruncate, after + 1, h.Last(), time.Now().UTC()}
	head.Seq = after
	head.Repairs = slices.DeleteFunc(slices.Clone(h.repairs()), func(r Repair) bool { return r.Kind == RepairSkip && r.First > after })
	o.Last, o.Next = last, append([][]byte{head.repaired(r)}, notes...)
	return r, nil
}

// notesBehind returns the entries for the snapshots up to an input whose entries come after a
// record, and reports whether a recovery can begin if the log ends with that record. Seqs are
// the inputs of all snapshots.
func (h *History) notesBehind(last, after uint64, seqs []uint64) (notes [][]byte, usable bool) {
	usable = h.First() == 1
	for _, seq := range seqs {
		if seq > after || seq+1 < h.First() {
			continue
		}
		sealed, noted, err := h.sealed(seq)
		if err != nil {
			continue // a recovery says why
		}
		usable = true
		if noted > last {
			notes = append(notes, appendNote(nil, seq, sealed.seal, 0))
		}
	}
	return notes, usable
}

// cutAfter returns the index of the last record that stays if the inputs after one are cut
// off, and the head that applies to it. Damage behind that input does not matter.
func (h *History) cutAfter(after uint64) (last uint64, head Head, err error) {
	found := false
	for e, err := range h.entriesFrom(h.partOf(after), seekPoint{}) {
		if found && errors.As(err, new(*wal.DamageError)) {
			break
		}
		if err != nil {
			return 0, head, err
		}
		if e.kind == headEntry {
			head = e.head
		}
		if e.kind == inputEntry && e.seq > after {
			break
		}
		found = found || e.kind == inputEntry && e.seq == after
		last = e.index
	}
	return last, head, nil
}

// Skip notes in the journal in a folder that no machine gets one of its inputs any more,
// neither in a recovery nor in a replay. The input stays in the journal. Skip is for an
// input with which a transition function does not return, or ends the process. If later
// inputs had other results because of it, a replay differs there. Skip refuses a start and a
// stop, and an input before a snapshot. No program may have the journal open.
func Skip(dir string, seq uint64) (Repair, error) {
	r, err := SkipStore(wal.Dir(dir), seq)
	return r, inFolder(dir, err)
}

// SkipStore is [Skip] for a journal that is not in a folder.
func SkipStore(s wal.Store, seq uint64) (Repair, error) {
	return repair(s, func(h *History, o *wal.Options) (Repair, error) { return skip(h, o, seq) })
}

func skip(h *History, o *wal.Options, seq uint64) (Repair, error) {
	if seq < h.First() || seq > h.Last() {
		return Repair{}, fmt.Errorf("journal: there is no input %d: the journal has the inputs %d to %d", seq, h.First(), h.Last())
	}
	for in, err := range h.Inputs(seq) {
		if err != nil {
			return Repair{}, err
		}
		switch {
		case in.Skipped:
			return Repair{}, fmt.Errorf("journal: input %d is skipped already", seq)
		case in.Kind == vm.Start || in.Kind == vm.StopAsked || in.Kind == vm.StopDone:
			return Repair{}, fmt.Errorf("journal: input %d cannot be skipped: %v is about the machine itself; cut the journal off before it instead", seq, in.Kind)
		}
		break
	}
	seqs, err := snapshotsIn(h.store)
	if err != nil {
		return Repair{}, fmt.Errorf("journal: %w", err)
	}
	if len(seqs) > 0 && seqs[0] >= seq {
		return Repair{}, fmt.Errorf("journal: input %d cannot be skipped: the snapshot after input %d has its results", seq, seqs[0])
	}
	r := Repair{RepairSkip, seq, seq, time.Now().UTC()}
	part := h.parts[len(h.parts)-1]
	part.head.Seq = h.Last()
	o.From, o.Next = part.index, [][]byte{part.head.repaired(r)}
	return r, nil
}

// repair opens a journal with the options that f sets, and closes it. No other program can
// open it meanwhile.
func repair(s wal.Store, f func(*History, *wal.Options) (Repair, error)) (r Repair, err error) {
	if _, err := ReadStore(s); err != nil {
		return r, err // or Open would begin a journal
	}
	var refused error
	log, _, err := wal.Open(s, wal.Options{Begin: func(o *wal.Options) error {
		h, err := ReadStore(s)
		if err == nil {
			r, err = f(h, o)
		}
		refused = err
		return err
	}})
	if refused != nil {
		return Repair{}, refused
	}
	if err == nil {
		err = errors.Join(r.clean(s), log.Close())
	}
	if err != nil {
		return Repair{}, fmt.Errorf("journal: %w", err)
	}
	return r, nil
}

// clean moves the snapshots after inputs that are cut off aside, and removes the trail,
// because the input in it need not be there any more.
func (r Repair) clean(s wal.Store) error {
	seqs, err := snapshotsIn(s)
	for _, seq := range seqs {
		if err == nil && seq >= r.First {
			err = setAside(s, snapshotName(seq))
		}
	}
	if err == nil {
		if err = s.Remove(trailName); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	return err
}

// repaired returns the entry for a head that has another repair. It begins a segment.
func (h Head) repaired(r Repair) []byte {
	if h.ID == (ID{}) {
		h.ID = newID()
	}
	if n := len(h.Repairs); n > 0 && !r.Time.After(h.Repairs[n-1].Time) {
		r.Time = h.Repairs[n-1].Time.Add(1) // followers know repairs by their times
	}
	h.Repairs = append(slices.Clip(h.Repairs), r)
	return h.next(r.Time)
}

// next returns the entry for a head that continues the history under h, in a new segment.
func (h Head) next(now time.Time) []byte {
	h.Format, h.Time, h.Adopts = format, now, false
	return appendHead(nil, h)
}

// partOf returns the part that has an input.
func (h *History) partOf(seq uint64) int {
	at := len(h.parts) - 1
	for at > 0 && h.parts[at].head.Seq >= seq {
		at--
	}
	return at
}

// repairs returns what people have changed in the history. Who repairs it begins a segment.
func (h *History) repairs() []Repair {
	if len(h.parts) == 0 {
		return nil
	}
	return h.parts[len(h.parts)-1].head.Repairs
}

// skipped returns the inputs that machines do not get.
func (h *History) skipped() map[uint64]bool {
	all := map[uint64]bool{}
	for _, e := range h.repairs() {
		if e.Kind == RepairSkip {
			all[e.First] = true
		}
	}
	return all
}
