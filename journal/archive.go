package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-marketplace/marketplace/journal/wal"
)

// A File is a file of a journal that does not change any more: a segment or a snapshot.
type File struct {
	// Archive is the name of the archive to which the file belongs. Files of one archive make
	// a journal, which [Restore] can read; files of different archives can have the same Name.
	// It is the identity of the journal, and, if inputs have been cut off from it, how often:
	// what the journal has had since then does not fit what was archived before.
	Archive string

	Name string // under which the file must be in the archive
	Path string // of the file in the file system, absolute; empty if the journal is not in a folder
	Size int64  // in bytes

	store wal.Store
}

// Open opens the file for reading.
func (f File) Open() (wal.Content, error) { return f.store.Open(f.Name) }

// An archiver gives the files of a journal to Config.Archive. It has a goroutine for that.
type archiver struct {
	config  *Config
	store   wal.Store
	name    string          // of the archive
	has     map[string]bool // files that the archive has, of those that are still there
	next    atomic.Uint64   // the first record that the archive does not have; 0 if nobody knows yet
	wake    chan struct{}
	cancel  context.CancelFunc
	running sync.WaitGroup
}

// archivedName is the name of a file with the names of the archive and of the files that it has.
const archivedName = "archived"

// The times after which an archiver tries again.
const (
	archiveAgain   = time.Second
	archiveAtLeast = 5 * time.Minute
)

// beginArchiving starts the archiver, if there is one.
func (j *Journal) beginArchiving() error {
	if j.config.Archive == nil {
		return nil
	}
	a := &archiver{config: &j.config, store: j.store, name: archiveName(j.id, j.repairs), wake: make(chan struct{}, 1)}
	var err error
	if a.has, err = a.load(); err != nil {
		return fmt.Errorf("journal: %s: %w", archivedName, err)
	}
	var ctx context.Context
	ctx, a.cancel = context.WithCancel(context.Background())
	a.running.Go(func() { a.run(ctx) })
	j.archiver = a
	return nil
}

// archiveName returns the name of the archive of a journal.
func archiveName(id ID, repairs []Repair) string {
	cuts := 0
	for _, r := range repairs {
		if r.Kind != RepairSkip {
			cuts++
		}
	}
	if cuts == 0 {
		return id.String()
	}
	return fmt.Sprintf("%v-%d", id, cuts)
}

// rotate begins another segment, so that the archiver gets the one before.
func (j *Journal) rotate() error {
	err := j.writer.rotate()
	if a := j.archiver; a != nil && err == nil {
		select {
		case a.wake <- struct{}{}:
		default:
		}
	}
	return err
}

// droppable returns the first record that must stay, because the archive does not have it.
func (j *Journal) droppable(first uint64) uint64 {
	if j.archiver == nil || j.config.Retention.Unarchived {
		return first
	}
	return min(first, j.archiver.next.Load())
}

// end ends the archiver. What it has not done, the next run does.
func (a *archiver) end() {
	if a != nil {
		a.cancel()
		a.running.Wait()
	}
}

// run archives what there is, again when there is more, and until it succeeds.
func (a *archiver) run(ctx context.Context) {
	pause, said := archiveAgain, ""
	for {
		var again <-chan time.Time
		switch err := a.pass(ctx); {
		case ctx.Err() != nil:
			return
		case err == nil:
			pause, said = archiveAgain, ""
		default:
			if err.Error() != said {
				said = err.Error()
				a.config.Logger.Warn("journal: a file is not archived yet, which is tried again until it is", "error", err)
			}
			again = time.After(pause)
			pause = min(2*pause, archiveAtLeast)
		}
		select {
		case <-ctx.Done():
			return
		case <-a.wake:
		case <-again:
		}
	}
}

// pass archives what is complete and not archived yet: segments in order, and then the snapshots
// whose entries are in them.
func (a *archiver) pass(ctx context.Context) error {
	segments, err := wal.Segments(a.store)
	if err != nil {
		return err
	}
	current := segments[len(segments)-1].First
	for i, s := range segments[:len(segments)-1] {
		if err := a.give(ctx, s.Name); err != nil {
			return err
		}
		a.next.Store(segments[i+1].First)
	}
	a.next.Store(current)
	seqs, err := snapshotsIn(a.store)
	if err != nil {
		return err
	}
	seqs = slices.DeleteFunc(seqs, func(seq uint64) bool { return a.has[snapshotName(seq)] })
	if len(seqs) == 0 {
		return nil
	}
	h, err := ReadStore(a.store)
	if err != nil {
		return err
	}
	for _, seq := range slices.Backward(seqs) {
		_, noted, err := h.sealed(seq)
		if err != nil || noted >= current {
			continue // it may be bad, or removed, or the next segment has its entry
		}
		if err := a.give(ctx, snapshotName(seq)); err != nil {
			return err
		}
	}
	return nil
}

// give gives a file to Config.Archive, unless the archive has it. A file that is removed
// meanwhile is no error.
func (a *archiver) give(ctx context.Context, name string) error {
	if a.has[name] {
		return nil
	}
	c, err := a.store.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	f := File{Archive: a.name, Name: name, Size: c.Size(), store: a.store}
	if err := c.Close(); err != nil {
		return err
	}
	if dir, ok := a.store.(fmt.Stringer); ok {
		if f.Path, err = filepath.Abs(filepath.Join(dir.String(), name)); err != nil {
			return err
		}
	}
	err = a.config.Archive(ctx, f)
	a.config.Meter.triedArchive(err)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	a.has[name] = true
	return a.save()
}

// load returns the files that the archive has.
func (a *archiver) load() (map[string]bool, error) {
	has := map[string]bool{}
	c, err := a.store.Open(archivedName)
	if errors.Is(err, fs.ErrNotExist) {
		return has, nil
	}
	if err != nil {
		return nil, err
	}
	defer c.Close()
	b, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
	if err != nil {
		return nil, err
	}
	name, files, _ := strings.Cut(string(b), "\n")
	if name == a.name {
		for f := range strings.FieldsSeq(files) {
			has[f] = true
		}
	}
	return has, nil
}

// save writes down which files the archive has, of those that are still there.
func (a *archiver) save() error {
	names, err := a.store.List()
	if err != nil {
		return err
	}
	has := map[string]bool{}
	text := a.name + "\n"
	slices.Sort(names)
	for _, name := range names {
		if a.has[name] {
			has[name] = true
			text += name + "\n"
		}
	}
	a.has = has
	return writeFile(a.store, archivedName, []byte(text))
}
