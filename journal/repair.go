package journal

import (
	"errors"
	"fmt"
	"io"
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
	return repair(s, func(s wal.Store, h *History) (Repair, error) { return truncate(s, h, after) })
}

func truncate(s wal.Store, h *History, after uint64) (Repair, error) {
	if after < h.First() || after >= h.Last() {
		return Repair{}, fmt.Errorf("journal: nothing can be cut off after input %d: the journal has the inputs %d to %d, and the first one must stay", after, h.First(), h.Last())
	}
	seqs, err := snapshotsIn(s)
	if err != nil {
		return Repair{}, fmt.Errorf("journal: %w", err)
	}
	last, head, err := h.cutAfter(after)
	if err != nil {
		return Repair{}, err
	}
	usable := h.First() == 1
	var notes [][]byte // of snapshots that stay, although their notes are cut off
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
			notes = append(notes, appendNote(nil, seq, sealed.seal))
		}
	}
	if !usable {
		return Repair{}, fmt.Errorf("journal: nothing can be cut off after input %d: the inputs before %d have been dropped, and there would be no snapshot with which the program could begin", after, h.First())
	}
	r := Repair{RepairTruncate, after + 1, h.Last(), time.Now().UTC()}
	head.Seq = after
	head.Repairs = slices.DeleteFunc(slices.Clone(h.repairs()), func(r Repair) bool { return r.Kind == RepairSkip && r.First > after })
	if err := head.append(s, wal.Options{Last: last}, r, notes); err != nil {
		return Repair{}, err
	}
	for _, seq := range seqs {
		if seq > after {
			if err := setAside(s, snapshotName(seq)); err != nil {
				return Repair{}, fmt.Errorf("journal: %w", err)
			}
		}
	}
	return r, nil
}

// cutAfter returns the index of the last record that stays if the inputs after one are cut
// off, and the head that applies to it.
func (h *History) cutAfter(after uint64) (last uint64, head Head, err error) {
	for e, err := range h.entriesFrom(h.partOf(after), seekPoint{}) {
		if err != nil {
			return 0, head, err
		}
		if e.kind == headEntry {
			head = e.head
		}
		if e.kind == inputEntry && e.seq > after {
			break
		}
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
	return repair(s, func(s wal.Store, h *History) (Repair, error) { return skip(s, h, seq) })
}

func skip(s wal.Store, h *History, seq uint64) (Repair, error) {
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
	r := Repair{RepairSkip, seq, seq, time.Now().UTC()}
	part := h.parts[len(h.parts)-1]
	part.head.Seq = h.Last()
	return r, part.head.append(s, wal.Options{From: part.index}, r, nil)
}

// repair calls f while no other program can open the journal, and then removes the trail,
// because the input in it need not be there any more.
func repair(s wal.Store, f func(wal.Store, *History) (Repair, error)) (r Repair, err error) {
	if _, err := ReadStore(s); err != nil {
		return r, err // or Lock would make a folder
	}
	lock, err := s.Lock()
	if err != nil {
		return r, fmt.Errorf("journal: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if _, err := wal.Finish(s); err != nil {
		return r, fmt.Errorf("journal: %w", err)
	}
	h, err := ReadStore(s)
	if err != nil {
		return r, err
	}
	if r, err = f(lockedStore{s}, h); err != nil {
		return Repair{}, err
	}
	if err := s.Remove(trailName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("journal: %w", err)
	}
	return r, nil
}

// A lockedStore is a store of which this goroutine has the lock already.
type lockedStore struct{ wal.Store }

func (lockedStore) Lock() (io.Closer, error) { return noLock{}, nil }

type noLock struct{}

func (noLock) Close() error { return nil }

// append opens the log in a store, and notes a repair there, and snapshots behind it.
func (h Head) append(s wal.Store, o wal.Options, r Repair, notes [][]byte) error {
	o.Next = append([][]byte{h.repaired(r)}, notes...)
	log, _, err := wal.Open(s, o)
	if err == nil {
		err = log.Close()
	}
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// repaired returns the entry for a head that has another repair. It begins a segment.
func (h Head) repaired(r Repair) []byte {
	h.Format, h.Time, h.Adopts = format, r.Time, false
	if h.ID == (ID{}) {
		h.ID = newID()
	}
	h.Repairs = append(slices.Clip(h.Repairs), r)
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
