package journal

import (
	"context"
	"crypto/sha256"

	"github.com/go-marketplace/marketplace/vm"
)

// A Comparison says how two runs differ.
type Comparison struct {
	// OnlyA and OnlyB are the commands of one run that the other does not have.
	// Commands are compared by their texts. There are at most 10,000 of each; MoreA and
	// MoreB are the numbers of those that were left out.
	OnlyA, OnlyB []Command
	MoreA, MoreB uint64

	// Changes are the differences between the states at the ends of the two runs.
	Changes []Change
}

// maxListed is how many commands a Comparison lists of each run.
const maxListed = 10_000

// A tally is how often a command was given: in one run, and more often than in the other.
type tally struct{ all, more uint32 }

// A commandHash stands for the text of a command.
type commandHash [12]byte

func hashOf(c *Command) commandHash {
	sum := sha256.Sum256([]byte(c.Text))
	return commandHash(sum[:])
}

// Compare compares two runs after the input with number from, up to their ends. From is
// 0 to compare whole runs, and [Branch].From for a run and a branch of it. It takes little
// memory for each command.
func Compare(ctx context.Context, a, b *Recording, from uint64) (c Comparison, err error) {
	tallies := map[commandHash]tally{}
	err = a.commands(ctx, from+1, a.Last(), func(x *Command) {
		h := hashOf(x)
		n := tallies[h]
		tallies[h] = tally{n.all + 1, n.more + 1}
	})
	if err != nil {
		return c, err
	}
	err = b.commands(ctx, from+1, b.Last(), func(x *Command) {
		h := hashOf(x)
		n := tallies[h]
		if n.more == 0 {
			list(&c.OnlyB, &c.MoreB, x)
			return
		}
		n.more--
		tallies[h] = n
	})
	if err != nil {
		return c, err
	}
	for h, n := range tallies { // n.all becomes the number of those that b has as well
		if n.all -= n.more; n.more == 0 {
			delete(tallies, h)
		} else {
			tallies[h] = n
		}
	}
	if len(tallies) > 0 {
		err = a.commands(ctx, from+1, a.Last(), func(x *Command) {
			h := hashOf(x)
			n, ok := tallies[h]
			switch {
			case !ok:
			case n.all > 0:
				n.all--
				tallies[h] = n
			default:
				list(&c.OnlyA, &c.MoreA, x)
			}
		})
		if err != nil {
			return c, err
		}
	}
	endA, err := a.At(ctx, a.Last())
	if err != nil {
		return c, err
	}
	endB, err := b.At(ctx, b.Last())
	if err != nil {
		return c, err
	}
	c.Changes = Diff(endA, endB)
	return c, nil
}

// list adds a command to a list, or counts it, if the list is long.
func list(all *[]Command, more *uint64, c *Command) {
	if len(*all) == maxListed {
		*more++
		return
	}
	*all = append(*all, *c)
}

// Commands returns the commands to devices that resulted from the inputs with numbers
// first to last.
func (r *Recording) Commands(ctx context.Context, first, last uint64) (all []Command, err error) {
	err = r.commands(ctx, first, last, func(c *Command) { all = append(all, *c) })
	return all, err
}

// commands calls f for these commands.
func (r *Recording) commands(ctx context.Context, first, last uint64, f func(*Command)) error {
	first, last = max(first, r.First()+1), min(last, r.Last())
	if first > last {
		return nil
	}
	return r.watch(ctx, first, last, func(seq uint64, record *vm.Record) bool {
		if c := &record.Command; record.Kind == vm.Commanded {
			f(&Command{seq, c.Address.Path, c.String()})
		}
		return true
	})
}

// Search returns the number of the first input after one of which a result matches, or 0 if
// there is none. It begins with the nearest state that is cached, or in a snapshot. The
// record is valid only during the call.
func (r *Recording) Search(ctx context.Context, after uint64, match func(*vm.Record) bool) (found uint64, err error) {
	first := max(after, r.First()) + 1
	if first > r.Last() {
		return 0, nil
	}
	err = r.watch(ctx, first, r.Last(), func(seq uint64, record *vm.Record) bool {
		if found == 0 && record.Kind != vm.Entered && match(record) {
			found = seq
		}
		return found == 0
	})
	return found, err
}

// watch replays the inputs with numbers first to last, and calls f for all results, until f
// returns false.
func (r *Recording) watch(ctx context.Context, first, last uint64, f func(seq uint64, record *vm.Record) bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	from := r.nearest(first - 1)
	p, err := r.playerAt(from)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var seq uint64
	done := false
	live := func(record *vm.Record) {
		if !done && !f(seq, record) {
			done = true
			cancel()
		}
	}
	err = p.replay(ctx, r.inputs(from.Seq+1, last), replayOptions{
		last: last, total: r.Last, progress: r.tell,
		before: func(e *recordedInput) {
			if seq = e.Seq; seq >= first && p.onRecord == nil {
				p.onRecord = live
				p.updateWatch()
			}
		},
		after: func(e *recordedInput) {
			if e.Seq%r.gap == 0 {
				r.remember(p.at(e))
			}
		},
	})
	if done {
		return nil // the replay was cancelled on purpose
	}
	return err
}
