package journal

import (
	"errors"
	"fmt"
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
func Truncate(dir string, after uint64) (Repair, error) { return TruncateStore(wal.Dir(dir), after) }

// TruncateStore is [Truncate] for a journal that is not in a folder.
func TruncateStore(s wal.Store, after uint64) (Repair, error) {
	h, err := ReadStore(s)
	if err != nil {
		return Repair{}, err
	}
	if after < h.First() || after >= h.Last() {
		return Repair{}, fmt.Errorf("journal: nothing can be cut off after input %d: the journal has the inputs %d to %d, and the first one must stay", after, h.First(), h.Last())
	}
	seqs, err := snapshotsIn(s)
	if err != nil {
		return Repair{}, fmt.Errorf("journal: %w", err)
	}
	if usable := func(seq uint64) bool { return seq <= after && seq+1 >= h.First() }; h.First() > 1 && !slices.ContainsFunc(seqs, usable) {
		return Repair{}, fmt.Errorf("journal: nothing can be cut off after input %d: the inputs before %d have been dropped, and there would be no snapshot with which the program could begin", after, h.First())
	}
	e := Repair{RepairTruncate, after + 1, h.Last(), time.Now().UTC()}
	last, head := uint64(0), Head{}
	for e, err := range h.entriesFrom(h.partOf(after), seekPoint{}) {
		if err != nil {
			return Repair{}, err
		}
		if e.kind == headEntry {
			head = e.head
		}
		if e.kind == inputEntry && e.seq == after+1 {
			last = e.index - 1
			break
		}
	}
	head.Seq = after
	head.Repairs = slices.DeleteFunc(head.Repairs, func(e Repair) bool { return e.Kind == RepairSkip && e.First > after })
	return e, head.append(s, wal.Options{Last: last}, e, func() error {
		for _, seq := range seqs {
			if seq > after {
				if err := s.Rename(snapshotName(seq), snapshotName(seq)+asideSuffix); err != nil {
					return err
				}
			}
		}
		return s.SyncDir()
	})
}

// Skip notes in the journal in a folder that no machine gets one of its inputs any more,
// neither in a recovery nor in a replay. The input stays in the journal. Skip is for an
// input with which a transition function does not return, or ends the process. If later
// inputs had other results because of it, a replay differs there. Skip refuses a start and a
// stop, and an input before a snapshot. No program may have the journal open.
func Skip(dir string, seq uint64) (Repair, error) { return SkipStore(wal.Dir(dir), seq) }

// SkipStore is [Skip] for a journal that is not in a folder.
func SkipStore(s wal.Store, seq uint64) (Repair, error) {
	h, err := ReadStore(s)
	if err != nil {
		return Repair{}, err
	}
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
	seqs, err := snapshotsIn(s)
	if err != nil {
		return Repair{}, fmt.Errorf("journal: %w", err)
	}
	if len(seqs) > 0 && seqs[0] >= seq {
		return Repair{}, fmt.Errorf("journal: input %d cannot be skipped: the snapshot after input %d has its results", seq, seqs[0])
	}
	e := Repair{RepairSkip, seq, seq, time.Now().UTC()}
	head := h.parts[len(h.parts)-1].head
	head.Seq = h.Last()
	return e, head.append(s, wal.Options{From: h.parts[len(h.parts)-1].index}, e, func() error { return nil })
}

// append begins a segment of the log in a store, with a head that has another repair.
func (h Head) append(s wal.Store, o wal.Options, e Repair, then func() error) error {
	log, _, err := wal.Open(s, o)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	h.Format, h.Time, h.Adopts = format, e.Time, false
	if h.ID == (ID{}) {
		h.ID = newID()
	}
	h.Repairs = append(slices.Clip(h.Repairs), e)
	if err = log.Rotate(); err == nil {
		_, err = log.Append(appendHead(nil, h))
	}
	if err = errors.Join(err, log.Close()); err == nil {
		err = then()
	}
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
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
