package journal

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	tidwall "github.com/tidwall/wal"

	"github.com/go-marketplace/marketplace/journal/wal"
)

// many is how many records are written in each turn.
const many = 100

// segmentSize is that of tidwall/wal, if it is not told otherwise.
const segmentSize = 20 << 20

var payload = bytes.Repeat([]byte("x"), 100)

// compare has the one and the other take turns, of a number of records, and
// reports the ratios.
func compare(b *testing.B, records int, other, own func() error) {
	var others, owns []time.Duration
	turn := func(f func() error) time.Duration {
		start := time.Now()
		if err := f(); err != nil {
			b.Fatal(err)
		}
		return time.Since(start)
	}
	for b.Loop() {
		others = append(others, turn(other))
		owns = append(owns, turn(own))
	}
	sum := func(all []time.Duration) (sum float64) {
		for _, d := range all {
			sum += float64(d)
		}
		return sum
	}
	median := func(all []time.Duration) float64 {
		slices.Sort(all)
		return float64(all[len(all)/2])
	}
	n := float64(len(owns) * records)
	b.ReportMetric(0, "ns/op") // of both together: of no use
	b.ReportMetric(sum(others)/n, "ns/other")
	b.ReportMetric(sum(owns)/n, "ns/ours")
	b.ReportMetric(sum(others)/sum(owns), "x-sum")
	b.ReportMetric(median(others)/median(owns), "x-median")
}

func open(b *testing.B) *wal.Log {
	l, _, err := wal.Open(wal.Dir(b.TempDir()), wal.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := l.Close(); err != nil {
			b.Error(err)
		}
	})
	return l
}

// add appends a record, and begins a new segment when the other log does.
func add(l *wal.Log) error {
	if l.SegmentSize() > segmentSize {
		if err := l.Rotate(); err != nil {
			return err
		}
	}
	_, err := l.Append(payload)
	return err
}

// addAll appends many records, and calls then after so many of them.
func addAll(l *wal.Log, every int, then func() error) error {
	for i := range many {
		if err := add(l); err != nil {
			return err
		}
		if (i+1)%every == 0 {
			if err := then(); err != nil {
				return err
			}
		}
	}
	return nil
}

// other returns a function that writes many records to the other log, so many
// at a time.
func other(b *testing.B, every int, noSync bool) func() error {
	o := *tidwall.DefaultOptions
	o.NoSync = noSync
	l, err := tidwall.Open(filepath.Join(b.TempDir(), "log"), &o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := l.Close(); err != nil {
			b.Error(err)
		}
	})
	var batch tidwall.Batch
	index := uint64(0)
	return func() error {
		for range many / every {
			batch.Clear()
			for range every {
				index++
				batch.Write(index, payload)
			}
			if err := l.WriteBatch(&batch); err != nil {
				return err
			}
		}
		return nil
	}
}

// BenchmarkAppend: records that are not synced, each of which is handed to the
// system at once.
func BenchmarkAppend(b *testing.B) {
	l := open(b)
	compare(b, many, other(b, 1, true), func() error { return addAll(l, 1, l.Flush) })
}

// BenchmarkAppendBatch: records that are not synced, and are handed to the
// system a hundred at a time.
func BenchmarkAppendBatch(b *testing.B) {
	l := open(b)
	compare(b, many, other(b, many, true), func() error { return addAll(l, many, l.Flush) })
}

// BenchmarkSyncBatch: a hundred records that are synced together.
func BenchmarkSyncBatch(b *testing.B) {
	l := open(b)
	compare(b, many, other(b, many, false), func() error { return addAll(l, many, l.Sync) })
}

// BenchmarkSyncOnce: a hundred records that are synced together by the other
// log, and in ours by a hundred goroutines that do not know of each other. Each
// appends one, and waits until it is on disk; the turn is over when all have.
// The first to come has nobody to share its sync with, so there are two.
func BenchmarkSyncOnce(b *testing.B) { compareShared(b, 1) }

// BenchmarkSyncShared is like BenchmarkSyncOnce, but in each turn every
// goroutine does it ten times, and does not wait for the others.
func BenchmarkSyncShared(b *testing.B) { compareShared(b, 10) }

func compareShared(b *testing.B, each int) {
	l := open(b)
	work, results := make(chan bool), make(chan error, many)
	appendEach := func() error {
		for range each {
			if err := add(l); err != nil {
				return err
			}
			if err := l.Sync(); err != nil {
				return err
			}
		}
		return nil
	}
	var all sync.WaitGroup
	for range many {
		all.Go(func() {
			for range work {
				results <- appendEach()
			}
		})
	}
	batch := other(b, many, false)
	compare(b, many*each, func() error {
		for range each {
			if err := batch(); err != nil {
				return err
			}
		}
		return nil
	}, func() error {
		for range many {
			work <- true
		}
		var failed error
		for range many {
			if err := <-results; err != nil {
				failed = err
			}
		}
		return failed
	})
	close(work)
	all.Wait()
}

// BenchmarkSyncEach: records that are synced one by one, and as many bytes that
// are written to a plain file and synced.
func BenchmarkSyncEach(b *testing.B) {
	f, err := os.OpenFile(filepath.Join(b.TempDir(), "file"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	l := open(b)
	compare(b, 1, func() error {
		if _, err := f.Write(payload); err != nil {
			return err
		}
		return f.Sync()
	}, func() error {
		if err := add(l); err != nil {
			return err
		}
		return l.Sync()
	})
}
