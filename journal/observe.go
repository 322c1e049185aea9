package journal

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/go-marketplace/marketplace/vm"
)

// An observer watches a replay from another goroutine. It reports the progress, and an
// input that takes long, and it ends the replay when the context is done, even if a
// transition function does not return.
type observer struct {
	seq     atomic.Uint64 // the input that is applied
	stopped atomic.Bool   // the replay must not apply another input
}

// A slowInput is an input that takes long.
type slowInput struct {
	seq   uint64
	since time.Duration
	doing vm.Glimpse // what the machine does
}

const (
	slowAfter = 10 * time.Second // an input that takes so long is reported
	patience  = time.Second      // after the end of the context, before an input is given up
)

// wait waits until a replay by p is done. It returns an error if it gives up instead: then
// the goroutine of the replay still runs a transition function, and nobody may use p.
func (o *observer) wait(ctx context.Context, done <-chan struct{}, p *player, r *replayOptions) error {
	begun := time.Now()
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	at, last, since, told := uint64(0), begun, begun, false // last is when it was observed last
	for {
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			o.stopped.Store(true)
			return o.giveUp(ctx, done)
		case <-ticker.C:
		}
		seq, now := o.seq.Load(), time.Now()
		if seq != at {
			at, since, told = seq, last, false
		}
		last = now
		if took := now.Sub(since); r.slow != nil && !told && seq > 0 && took >= slowAfter {
			told = true
			r.slow(slowInput{seq, took, p.current.Load().Glimpse()})
		}
		if r.progress != nil && seq > 0 {
			r.progress(Progress{Seq: seq, Last: min(r.last, r.total()), Since: now.Sub(begun)})
		}
	}
}

// giveUp waits for the end of the current input, but not for long.
func (o *observer) giveUp(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("journal: the replay of input %d does not end: %w", o.seq.Load(), context.Cause(ctx))
	}
}
