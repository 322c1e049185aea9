//go:build unix

package proof

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
)

// A watch follows a journal, and makes backups of it, while its program is killed again and
// again.
type watch struct {
	*testing.T
	dir     string
	cancel  context.CancelFunc
	done    sync.WaitGroup
	seen    map[uint64][32]byte // what the follower has been given of each input
	last    uint64
	again   int // how often it has begun anew, because what came next had been dropped
	backups int
	backup  string // the newest
}

func newWatch(t *testing.T, dir string) *watch {
	ctx, cancel := context.WithCancel(t.Context())
	w := &watch{T: t, dir: dir, cancel: cancel, seen: map[uint64][32]byte{}}
	w.done.Go(func() { w.follow(ctx) })
	w.done.Go(func() { w.copy(ctx) })
	return w
}

// content returns what stands for an input.
func content(in *journal.Input) [32]byte {
	return sha256.Sum256(fmt.Append(nil, in.Seq, in.Time, in))
}

func (w *watch) follow(ctx context.Context) {
	var at journal.Position
	for ctx.Err() == nil {
		for page, err := range journal.Follow(ctx, w.dir, at) {
			switch {
			case errors.Is(err, wal.ErrDropped):
				at = journal.Position{}
				w.again++
			case err != nil && ctx.Err() == nil:
				w.Errorf("the follower: %v", err)
				return
			}
			if err != nil {
				break
			}
			for i := range page.Inputs {
				in := &page.Inputs[i]
				sum := content(in)
				if was, ok := w.seen[in.Seq]; ok && was != sum {
					w.Errorf("the follower gets another input %d", in.Seq)
				}
				w.seen[in.Seq], w.last = sum, max(w.last, in.Seq)
			}
			at = page.Position
		}
	}
}

func (w *watch) copy(ctx context.Context) {
	dir := w.TempDir()
	for ctx.Err() == nil {
		to := filepath.Join(dir, fmt.Sprint(w.backups))
		switch v, err := journal.Backup(w.dir, to); {
		case errors.Is(err, wal.ErrNoLog), errors.Is(err, fs.ErrNotExist): // it has not begun yet
		case err != nil || v.Damage != nil:
			w.Errorf("backup %d: %+v, %v", w.backups, v, err)
			return
		default:
			if err := os.RemoveAll(w.backup); w.backup != "" && err != nil {
				w.Error(err)
			}
			w.backup = to
			w.backups++
		}
	}
}

// check compares what the follower has had, and the newest backup, with the journal.
func (w *watch) check(h *journal.History) {
	w.Helper()
	w.cancel()
	w.done.Wait()
	var last uint64
	for in, err := range h.Inputs(h.First()) {
		if err != nil {
			w.Fatal(err)
		}
		if was, ok := w.seen[in.Seq]; ok && was != content(&in) {
			w.Errorf("the follower has had another input %d", in.Seq)
		}
		last = in.Seq
	}
	if w.last > last || w.last == 0 {
		w.Errorf("the follower has had input %d, and the last one is %d", w.last, last)
	}
	b, err := journal.Read(w.backup)
	if err != nil {
		w.Fatal(err)
	}
	for in, err := range b.Inputs(b.First()) {
		if err != nil {
			w.Fatal(err)
		}
		if was, ok := w.seen[in.Seq]; ok && was != content(&in) {
			w.Errorf("the backup has another input %d", in.Seq)
		}
		last = in.Seq
	}
	if last > h.Last() {
		w.Errorf("the backup has input %d, and the last one is %d", last, h.Last())
	}
	w.Logf("the follower has had %d inputs, and has begun anew %d times; %d backups", len(w.seen), w.again, w.backups)
}
