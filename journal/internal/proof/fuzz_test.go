package proof

import (
	"context"
	"runtime"
	"testing"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
)

// FuzzEntries: a log whose records are anything, and a file that is anything, can
// be read and replayed without a panic, and takes no more memory than its content
// needs.
func FuzzEntries(f *testing.F) {
	store := wal.NewMemory()
	for range 2 { // it is stopped, and goes on
		if run := live(f, store, journal.Config{Trace: true, Program: "seed"}, library, some...); run.err != nil {
			f.Fatal(run.err)
		}
	}
	r, err := wal.Read(store)
	if err != nil {
		f.Fatal(err)
	}
	var all []byte
	for record, err := range r.Records(1) {
		if err != nil {
			f.Fatal(err)
		}
		one := append([]byte{byte(len(record.Payload)), byte(len(record.Payload) >> 8)}, record.Payload...)
		f.Add(one, false)
		all = append(all, one...)
	}
	f.Add(all, false)
	names, _ := store.List()
	f.Add(store.ReadFile(names[0]), true)
	f.Fuzz(func(t *testing.T, data []byte, raw bool) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		store := wal.NewMemory()
		if raw {
			store.WriteFile("00000000000000000001.journal", data)
		} else if err := logOf(store, data); err != nil {
			t.Fatal(err)
		}
		h, err := journal.ReadStore(store)
		if err != nil {
			return
		}
		inputs := 0
		for in, err := range h.Inputs(0) {
			if err != nil {
				break
			}
			inputs++
			_, _ = in.Value()
			_, _, _ = in.Generic()
			_ = in.String()
		}
		if inputs > len(data) {
			t.Errorf("%d inputs in %d bytes", inputs, len(data))
		}
		report, err := h.Replay(context.Background(), library(nil), journal.ReplayConfig{})
		if err == nil && report.Seq != h.Last() {
			t.Errorf("input %d of %d is the last that was replayed, without an error", report.Seq, h.Last())
		}
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 32<<20+uint64(len(data))<<12 {
			t.Errorf("%d bytes of journal have taken %d of memory", len(data), used)
		}
	})
}

// logOf writes a log with the records that are in data, each behind its length
// in two bytes.
func logOf(store wal.Store, data []byte) error {
	log, _, err := wal.Open(store, wal.Options{})
	if err != nil {
		return err
	}
	for len(data) >= 2 {
		n := min(int(data[0])|int(data[1])<<8, len(data)-2)
		if _, err := log.Append(data[2 : 2+n]); err != nil {
			return err
		}
		data = data[2+n:]
	}
	return log.Close()
}
