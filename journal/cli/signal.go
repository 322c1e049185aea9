package cli

import (
	"cmp"
	"context"
	"log/slog"
	"os"
	"os/signal"

	"github.com/go-marketplace/marketplace/journal"
)

// SnapshotSignals returns a channel for [Flags].Snapshots that has a value whenever the program
// gets SIGUSR1. On other systems than Unix, it never has one. The caller calls stop at the end.
func SnapshotSignals() (signals <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	if len(snapshotSignals) > 0 {
		signal.Notify(c, snapshotSignals...)
	}
	return c, func() { signal.Stop(c) }
}

// takeSnapshots takes a snapshot for each value of f.Snapshots, until stop is called. It logs
// the result.
func (f *Flags) takeSnapshots(j *journal.Journal) (stop func()) {
	if f.Snapshots == nil {
		return func() {}
	}
	logger := cmp.Or(f.Config.Logger, slog.Default())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-f.Snapshots:
			case <-ctx.Done():
				return
			}
			switch seq, err := j.Snapshot(ctx); {
			case err == nil:
				logger.Info("journal: there is a snapshot, because of a signal", "input", seq)
			case ctx.Err() == nil:
				logger.Warn("journal: there is no snapshot, although a signal has asked for one", "error", err)
			}
		}
	}()
	return func() { cancel(); <-done }
}
