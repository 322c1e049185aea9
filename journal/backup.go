package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/go-marketplace/marketplace/journal/wal"
)

// Backup copies the journal in a folder to another folder, which must not exist yet. The
// program may run meanwhile, take snapshots, and drop what is old: the copy is the journal
// as it was at one moment, and a program can go on from it. The copy is on disk, and has
// been verified, when Backup returns.
//
// Backup copies segments and the snapshots that the log has, and nothing else: not what was
// moved aside, and not the [Verification.BadSnapshots]. If the journal is damaged, Backup
// returns a [*wal.DamageError], and leaves the copy, with the damage.
func Backup(dir, to string) (Verification, error) {
	return BackupWith(dir, to, func(s wal.Store) wal.Store { return s })
}

// BackupWith is [Backup] for a journal whose store is wrapped, for example by keys.Encrypt. It
// wraps the stores of the journal and of the copy.
func BackupWith(dir, to string, wrap func(wal.Store) wal.Store) (Verification, error) {
	return toFolder(to, func(part wal.Store) (Verification, bool, error) {
		v, err := BackupStore(wrap(part), wrap(wal.Dir(dir)))
		return v, errors.As(err, new(*wal.DamageError)), inFolder(dir, err)
	})
}

// toFolder calls write to write a journal to a folder, which must not exist yet, and gives the
// folder its name when it is complete. If write returns an error, the folder stays only if write
// says so.
func toFolder(to string, write func(wal.Store) (v Verification, stays bool, err error)) (Verification, error) {
	if _, err := os.Lstat(to); err == nil {
		return Verification{}, fmt.Errorf("journal: the folder for the copy, %s: %w", to, fs.ErrExist)
	}
	to = filepath.Clean(to)
	part, err := os.MkdirTemp(filepath.Dir(to), filepath.Base(to)+partSuffix+"-")
	if err != nil {
		return Verification{}, fmt.Errorf("journal: %w", err)
	}
	v, stays, err := write(wal.Dir(part))
	if err != nil && !stays {
		return v, errors.Join(err, os.RemoveAll(part))
	}
	if e := os.Rename(part, to); e != nil {
		return v, errors.Join(err, fmt.Errorf("journal: %w", e))
	}
	if e := wal.Dir(filepath.Dir(to)).SyncDir(); e != nil {
		return v, errors.Join(err, fmt.Errorf("journal: %w", e))
	}
	return v, err
}

// BackupStore is [Backup] for journals that are not in folders. The store of the copy must be
// empty. If BackupStore fails, it can have a part of the copy.
func BackupStore(to, from wal.Store) (v Verification, err error) {
	return untilCopied(to, func() (Verification, error) { return backup(to, from) })
}

// untilCopied calls f until it does not fail because the program has dropped what it was to
// copy. It gives f an empty store each time.
func untilCopied(to wal.Store, f func() (Verification, error)) (v Verification, err error) {
	for range copyTries {
		if v, err = f(); !errors.Is(err, errOvertaken) {
			return v, err
		}
		names, err := to.List()
		for _, name := range names {
			err = errors.Join(err, to.Remove(name))
		}
		if err != nil {
			return v, fmt.Errorf("journal: %w", err)
		}
	}
	return v, err
}

// errOvertaken says that the program has replaced all snapshots before the segments that
// they need were open. After so many times, BackupStore and RestoreStore give up.
var errOvertaken = errors.New("the program takes snapshots faster than they can be copied")

const copyTries = 100

// backup copies a journal to an empty store.
func backup(to, from wal.Store) (v Verification, err error) {
	// If the program drops segments after this, it keeps those that the newest of these
	// snapshots needs, until it has taken two more.
	snapshots, err := again(func() (*openSnapshots, error) { return openAll(from) })
	if err != nil {
		return v, fmt.Errorf("journal: %w", err)
	}
	defer snapshots.close()
	if err := wal.Copy(to, from); err != nil {
		return v, fmt.Errorf("journal: %w", err)
	}
	if err := snapshots.copy(to, math.MaxUint64); err != nil {
		return v, fmt.Errorf("journal: %w", err)
	}
	return checkCopy(to)
}

// checkCopy verifies a copy, and removes from it what it cannot use.
func checkCopy(to wal.Store) (v Verification, err error) {
	if v, err = VerifyStore(to, nil); err != nil {
		return v, err
	}
	if v.Damage != nil && !v.Ambiguous {
		return v, fmt.Errorf("journal: %w", v.Damage)
	}
	if err := v.trim(to); err != nil {
		return v, fmt.Errorf("journal: %w", err)
	}
	if v.Summary.First.Seq > 1 && len(v.Summary.Snapshots) == 0 {
		return v, fmt.Errorf("journal: no snapshot can be used with the copy, which begins with input %d: %w", v.Summary.First.Seq, errOvertaken)
	}
	return v, to.SyncDir()
}

// trim removes from a copy a torn record at its end, and the snapshots that its log does not
// have.
func (v *Verification) trim(s wal.Store) error {
	if d := v.Damage; d != nil {
		cut := func() error { return s.Truncate(d.Segment, d.Offset) }
		if d.Offset == 0 {
			cut = func() error { return s.Remove(d.Segment) }
		}
		if err := cut(); err != nil {
			return err
		}
		v.Damage, v.Ambiguous = nil, false
	}
	for _, b := range slices.Concat(v.Unnoted, v.BadSnapshots) {
		if err := s.Remove(b.File); err != nil {
			return err
		}
		v.Summary.Snapshots = slices.DeleteFunc(v.Summary.Snapshots, func(seq uint64) bool { return seq == b.Seq })
	}
	return nil
}

// openSnapshots are snapshots that can be read even if the program removes them.
type openSnapshots struct {
	seqs  []uint64
	files []wal.Content
}

func openAll(s wal.Store) (*openSnapshots, error) {
	seqs, err := snapshotsIn(s)
	if err != nil {
		return nil, err
	}
	o := &openSnapshots{seqs: seqs}
	for _, seq := range seqs {
		c, err := s.Open(snapshotName(seq))
		if err != nil {
			o.close()
			return nil, err
		}
		o.files = append(o.files, c)
	}
	return o, nil
}

// copy copies the snapshots up to an input.
func (o *openSnapshots) copy(to wal.Store, last uint64) error {
	for i, c := range o.files {
		if o.seqs[i] > last {
			continue
		}
		if err := wal.CopyFile(to, snapshotName(o.seqs[i]), c); err != nil {
			return err
		}
	}
	return nil
}

// close closes the snapshots. They were only read, so an error does not matter.
func (o *openSnapshots) close() {
	for _, c := range o.files {
		_ = c.Close()
	}
}
