package journal

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-marketplace/marketplace/journal/wal"
)

// Restore copies the journal in a folder, up to one of its inputs, to another folder, which
// must not exist yet. Zero stands for the last input. The copy is a branch: a journal of its
// own, with another [ID], with which a program goes on behind that input. So nobody takes
// what follows that input here, such as a snapshot, for a part of the branch, or the other way
// round. [Summary.Origins] says where the branch comes from. To keep a copy with the same ID,
// use [Backup].
//
// The program may run meanwhile, take snapshots, and drop what is old. The folder may also be
// an archive: see [Config].Archive. Damage behind the input does not matter. The copy is on
// disk, and has been verified, when Restore returns; if Restore fails, there is none.
//
// Restore fails if the journal does not have the input, or if its beginning has been dropped
// and no snapshot is left up to that input.
func Restore(dir, to string, last uint64) (Verification, error) {
	return RestoreWith(dir, to, last, func(s wal.Store) wal.Store { return s })
}

// RestoreWith is [Restore] for a journal whose store is wrapped, as for [BackupWith].
func RestoreWith(dir, to string, last uint64, wrap func(wal.Store) wal.Store) (Verification, error) {
	return toFolder(to, func(part wal.Store) (Verification, bool, error) {
		v, err := RestoreStore(wrap(part), wrap(wal.Dir(dir)), last)
		return v, false, inFolder(dir, err)
	})
}

// RestoreStore is [Restore] for journals that are not in folders. The store of the copy must be
// empty. If RestoreStore fails, it can have a part of the copy.
func RestoreStore(to, from wal.Store, last uint64) (Verification, error) {
	return untilCopied(to, func() (Verification, error) { return restore(to, from, last) })
}

// restore copies a journal up to an input to an empty store.
func restore(to, from wal.Store, last uint64) (v Verification, err error) {
	h, err := ReadStore(from)
	if err != nil {
		return v, err
	}
	if last == 0 {
		last = h.Last()
	}
	if last < h.First() || last > h.Last() {
		return v, fmt.Errorf("journal: it cannot be restored to input %d: it has the inputs %d to %d", last, h.First(), h.Last())
	}
	snapshots, err := again(func() (*openSnapshots, error) { return openAll(from) })
	if err != nil {
		return v, fmt.Errorf("journal: %w", err)
	}
	defer snapshots.close()
	if h.First() > 1 && !slices.ContainsFunc(snapshots.seqs, func(seq uint64) bool { return seq+1 >= h.First() && seq <= last }) {
		return v, fmt.Errorf("journal: it cannot be restored to input %d: the inputs before %d have been dropped, and no snapshot is left with which a program could begin before that input", last, h.First())
	}
	end, _, err := h.cutAfter(last)
	if errors.Is(err, wal.ErrDropped) {
		return v, fmt.Errorf("%w: %w", errOvertaken, err)
	}
	if err != nil {
		return v, err
	}
	if err := wal.CopyUpTo(to, from, end); err != nil {
		return v, fmt.Errorf("journal: %w", err)
	}
	if err := snapshots.copy(to, last); err != nil {
		return v, fmt.Errorf("journal: %w", err)
	}
	if _, err = repair(to, func(h *History, o *wal.Options) (Repair, error) { return branch(h, o, last) }); err != nil {
		return v, err
	}
	if err := removeAside(to); err != nil {
		return v, fmt.Errorf("journal: %w", err)
	}
	return checkCopy(to)
}

// branch sets the options that end the copy of a journal after an input, and make it a journal of
// its own. The Repair that it returns says only what follows.
func branch(h *History, o *wal.Options, last uint64) (Repair, error) {
	if last < h.First() { // it has been dropped before it could be copied
		return Repair{}, errOvertaken
	}
	end, head, err := h.cutAfter(last)
	if err != nil {
		return Repair{}, err
	}
	seqs, err := snapshotsIn(h.store)
	if err != nil {
		return Repair{}, fmt.Errorf("journal: %w", err)
	}
	notes, usable := h.notesBehind(end, last, seqs)
	if !usable {
		return Repair{}, errOvertaken
	}
	head.Seq, head.ID = last, newID()
	head.Repairs = slices.DeleteFunc(slices.Clone(h.repairs()), func(r Repair) bool { return r.First > last })
	o.Last, o.Next = end, append([][]byte{head.next(time.Now().UTC())}, notes...)
	return Repair{First: last + 1}, nil
}

// removeAside removes what was moved aside in a copy: it is still in the journal that was copied.
func removeAside(s wal.Store) error {
	names, err := s.List()
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasSuffix(name, asideSuffix) {
			if err := s.Remove(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// An Origin says that a journal is a branch of another one: see [Restore].
type Origin struct {
	Of   ID     // the journal from which it comes
	Last uint64 // the last input that both have
}

// Origins returns from which journals this one comes, the oldest first. Once the beginning of
// the journal has been dropped, nothing says so any more.
func (s *Summary) Origins() (all []Origin) {
	for i, h := range s.Heads {
		if i > 0 && h.ID != s.Heads[i-1].ID && s.Heads[i-1].ID != (ID{}) {
			all = append(all, Origin{s.Heads[i-1].ID, h.Seq})
		}
	}
	return all
}
