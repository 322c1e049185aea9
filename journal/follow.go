package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"time"

	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/journal/wal"
)

// A Page is some inputs that follow each other in a journal: see [Follow].
type Page struct {
	Inputs   []Input  // in order, at least one
	Position Position // behind the last of them
}

const (
	pageInputs = 512     // most inputs in a page
	pageBytes  = 1 << 20 // the size of their values after which a page is full
)

// Follow yields the inputs after a position of the journal in a folder, as they are written: as
// many at a time as there are, up to a limit, in an order and with numbers without gaps. It runs
// in any program, takes no lock, and reads only what is new, through all segments. If there is
// no journal yet and the position is zero, Follow waits for one.
//
// No input that Follow has yielded is missing in the journal afterwards, whatever crashes,
// because it is on disk. With [Sync] and [Batch], an input comes 5 ms, and the time of a sync of
// the disk, after its write at most. With [Memory], the program writes an input late, but Follow
// syncs it as well. For that, Follow needs the permission to open segments for writing on systems
// that do not sync files that are open for reading, such as Windows.
//
// A program that keeps something made of the inputs, such as a table of a database, keeps the
// Position of the page with it, in the same transaction, and goes on from there when it starts
// again. The guide docs/projections.md has an example.
//
// Follow ends with the error of ctx when that is done, when the caller stops, or with another
// error:
//
//   - A [*RewrittenError] says that inputs up to the position have been repaired or replaced.
//     What was made of them must be made anew, from the zero Position.
//   - [ErrOtherJournal] says that the position is of another journal.
//   - [wal.ErrDropped] says that inputs after the position have been dropped: see [Config].DropOld.
//     The text has their numbers.
//   - [wal.ErrNoLog] says that the journal is gone.
//   - A [*wal.DamageError] says where the journal is damaged.
func Follow(ctx context.Context, dir string, after Position) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		for p, err := range FollowStore(ctx, wal.Dir(dir), after) {
			if !yield(p, inFolder(dir, err)) {
				return
			}
		}
	}
}

// FollowStore is [Follow] for a journal that is not in a folder.
func FollowStore(ctx context.Context, s wal.Store, after Position) iter.Seq2[Page, error] {
	return follow(ctx, s, nil, after)
}

// follow is FollowStore for values with a codec, which is nil if there are no keys.
func follow(ctx context.Context, s wal.Store, values *codec.Codec, after Position) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		f := follower{ctx: ctx, store: s, values: values, at: after, yield: yield}
		if err := f.follow(); !errors.Is(err, errStopped) {
			yield(Page{}, err)
		}
	}
}

// Follow is [Follow] for the journal of h, and with its keys: see [History.UseKeys]. The position
// may be behind what h has.
func (h *History) Follow(ctx context.Context, after Position) iter.Seq2[Page, error] {
	return follow(ctx, h.store, h.codec(nil), after)
}

// ErrOtherJournal says that a [Position] is of another journal than the one that is there.
var ErrOtherJournal = errors.New("journal: it is not the journal that was followed")

// A RewrittenError says that a history is not what it was up to a [Position].
type RewrittenError struct {
	Position Position
	Seq      uint64 // the first input that has changed, or is gone, as far as is known
	Repair   Repair // what people have done; zero if the journal does not say
}

// Error says what has changed.
func (e *RewrittenError) Error() string {
	what := "was changed"
	if e.Repair != (Repair{}) {
		what = fmt.Sprintf("was %v at %s", e.Repair.Kind, e.Repair.Time.Format("2006-01-02 15:04:05 UTC"))
	}
	return fmt.Sprintf("journal: the history was changed after it was followed up to %v: input %d %s", e.Position, e.Seq, what)
}

// errStopped says that the caller of Follow wants no more inputs.
var errStopped = errors.New("journal: enough")

// A follower is at a place in a journal that is written.
type follower struct {
	ctx    context.Context
	store  wal.Store
	values *codec.Codec
	yield  func(Page, error) bool

	at      Position // behind what was yielded
	read    Position // behind what was read
	pending []Input  // between the two
	bytes   int      // in the values of these
	skipped map[uint64]bool
}

// follow yields inputs until there is an error.
func (f *follower) follow() error {
	for try, at := 0, f.at.Seq; ; try++ {
		err := f.run()
		if at != f.at.Seq {
			try, at = 0, f.at.Seq
		}
		if try == 100 || !errors.Is(err, wal.ErrChanged) && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errMissed) {
			return err
		}
		// If what was yielded is there still, it goes on. If not, it finds out why.
		if err := f.pause(); err != nil {
			return err
		}
	}
}

// errMissed says that records were dropped before they were read.
var errMissed = errors.New("journal: inputs were dropped meanwhile")

// run yields inputs from the position on.
func (f *follower) run() error {
	h, err := f.open()
	if err != nil {
		return err
	}
	if err := f.begin(h); err != nil {
		return err
	}
	for e, err := range entriesOf(wal.Follow(f.ctx, f.store, h.parts[h.partOf(f.at.Seq)].index), newSegment()) {
		switch {
		case errors.Is(err, wal.ErrDropped):
			return errMissed
		case errors.Is(err, wal.ErrChanged):
			return err
		case err != nil:
			return errors.Join(f.flush(), err)
		}
		if err := f.add(e); err != nil {
			return err
		}
	}
	return nil // not reached: it ends with an error
}

// open opens the journal. Before the first input, it waits until there is one.
func (f *follower) open() (*History, error) {
	for {
		h, err := ReadStore(f.store)
		switch {
		case err == nil && len(h.parts) > 0:
			return h, nil
		case err != nil && (f.at.Seq > 0 || !errors.Is(err, wal.ErrNoLog)):
			return nil, err
		}
		if err := f.pause(); err != nil {
			return nil, err
		}
	}
}

// pause waits until it is time to look again.
func (f *follower) pause() error {
	select {
	case <-f.ctx.Done():
		return f.ctx.Err()
	case <-time.After(5 * time.Millisecond):
		return nil
	}
}

// begin compares the position with a journal.
func (f *follower) begin(h *History) error {
	head := &h.parts[len(h.parts)-1].head
	switch {
	case f.at.Journal != (ID{}) && f.at.Journal != head.ID:
		return fmt.Errorf("%w: that one is %v, and this one is %v", ErrOtherJournal, f.at.Journal, head.ID)
	case h.First() > f.at.Seq+1:
		return fmt.Errorf("journal: inputs %d to %d: %w", f.at.Seq+1, h.First()-1, wal.ErrDropped)
	}
	for _, r := range head.Repairs {
		// If the last input was dropped, its hash does not show that it was another one.
		other := h.First() == f.at.Seq+1 && r.Kind != RepairSkip
		if f.at.hash != (wal.Hash{}) && r.First <= f.at.Seq && (other || r.Time.UnixNano() > f.at.repaired) {
			return &RewrittenError{f.at, r.First, r}
		}
	}
	f.read = Position{Journal: head.ID, Seq: h.parts[h.partOf(f.at.Seq)].head.Seq, repaired: f.at.repaired}
	f.pending, f.bytes = nil, 0
	f.skipped = map[uint64]bool{}
	f.repaired(head)
	return nil
}

// repaired learns what people have changed.
func (f *follower) repaired(head *Head) {
	for _, r := range head.Repairs {
		f.read.repaired = max(f.read.repaired, r.Time.UnixNano())
		if r.Kind == RepairSkip {
			f.skipped[r.First] = true
		}
	}
}

// add adds an entry to what was read.
func (f *follower) add(e *entry) error {
	switch e.kind {
	case 0: // there is no more
		if f.read.Seq < f.at.Seq {
			return &RewrittenError{Position: f.at, Seq: f.read.Seq + 1}
		}
		return f.flush()
	case headEntry:
		return f.addHead(&e.head)
	case inputEntry:
		return f.addInput(e)
	}
	return nil
}

// addHead learns what people have changed while it follows.
func (f *follower) addHead(head *Head) error {
	for _, r := range head.Repairs {
		if r.Time.UnixNano() > f.read.repaired && r.First <= f.at.Seq {
			return &RewrittenError{f.at, r.First, r}
		}
	}
	f.repaired(head)
	for i := range f.pending {
		f.pending[i].Skipped = f.skipped[f.pending[i].Seq]
	}
	if head.ID != (ID{}) { // which a new build gives to an old journal
		f.read.Journal = head.ID
	}
	return nil
}

// addInput adds an input, if it is behind the position.
func (f *follower) addInput(e *entry) error {
	if e.seq != f.read.Seq+1 {
		return fmt.Errorf("journal: input %d follows where input %d should: a part of the journal is missing", e.seq, f.read.Seq+1)
	}
	f.read.Seq, f.read.hash = e.seq, e.hash
	if e.seq == f.at.Seq && f.at.hash != (wal.Hash{}) && e.hash != f.at.hash {
		return &RewrittenError{Position: f.at, Seq: e.seq}
	}
	if e.seq <= f.at.Seq {
		return nil
	}
	in := e.input
	in.Skipped, in.codec = f.skipped[in.Seq], f.values
	f.pending = append(f.pending, in)
	if f.bytes += len(in.value); len(f.pending) < pageInputs && f.bytes < pageBytes {
		return nil
	}
	return f.flush()
}

// flush yields what was read.
func (f *follower) flush() error {
	if len(f.pending) == 0 {
		return nil
	}
	p := Page{f.pending, f.read}
	f.pending, f.bytes, f.at = nil, 0, f.read
	if !f.yield(p, nil) {
		return errStopped
	}
	return f.ctx.Err()
}
