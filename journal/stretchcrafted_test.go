package journal

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
)

// TestIssue14CraftedStretches: whatever heads say about stretches, a journal can be read, and
// a program goes on from it or is told why not.
func TestIssue14CraftedStretches(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	number := rapid.OneOf(rapid.Uint64Range(0, 9), rapid.Just(uint64(1<<63-1)), rapid.Just(uint64(1<<64-1)))
	rapid.Check(t, func(r *rapid.T) {
		s := wal.NewMemory()
		log, _, err := wal.Open(s, wal.Options{})
		if err != nil {
			r.Fatal(err)
		}
		put := func(e []byte) {
			if _, err := log.Append(e); err != nil {
				r.Fatal(err)
			}
		}
		seq := uint64(0)
		for i := range rapid.IntRange(1, 5).Draw(r, "segments") {
			if i > 0 {
				if err := log.Rotate(); err != nil {
					r.Fatal(err)
				}
			}
			h := Head{
				Format: 4, Program: rapid.SampledFrom([]string{"a", "b", ""}).Draw(r, "program"), Every: 1, Time: time.Now(), Seq: seq,
				Base: number.Draw(r, "base"), Adopts: rapid.Bool().Draw(r, "adopts"), ID: ID{1},
				Settings: make([]Setting, rapid.IntRange(0, 3).Draw(r, "settings")),
			}
			if rapid.IntRange(0, 4).Draw(r, "other") == 0 {
				h.Seq = min(number.Draw(r, "seq"), 1<<63-1)
			}
			put(appendHead(nil, h))
			for range rapid.IntRange(0, 3).Draw(r, "inputs") {
				seq++
				e, err := appendInput(nil, seq, time.Now(), &vm.Input{Kind: vm.Start, Incarnation: seq, Limits: &vm.Limits{}}, false, false, &shorthand{}, nil)
				if err != nil {
					r.Fatal(err)
				}
				put(e)
			}
		}
		for range rapid.IntRange(0, 2).Draw(r, "snapshots") {
			s.WriteFile(snapshotName(number.Draw(r, "snapshot")), []byte("none"))
		}
		if err := log.Close(); err != nil {
			r.Fatal(err)
		}
		states := actions.Define("crafted", func(int) actions.Action { return nil })
		p := Program{Fingerprint: "a", Types: []actions.Type{states.Type}, Boot: func(actions.PID) actions.Process { return actions.Stateless() }}
		if h, err := ReadStore(s); err == nil {
			for _, st := range h.Stretches() {
				_ = fmt.Sprintf("%+v", st)
			}
			_ = h.Settings(p)
			_, _ = h.Replay(t.Context(), p, ReplayConfig{})
			_, _ = h.Presence()
			if rec, err := h.Record(p); err == nil && rec.Last()-rec.First() < 100 {
				for seq := rec.First(); seq <= rec.Last(); seq++ {
					_, _ = rec.At(t.Context(), seq)
				}
			}
		}
		_, _ = VerifyStore(s, nil)
		for _, adopt := range []bool{false, true} {
			j, err := Config{Types: p.Types, Program: "a", Adopt: adopt, Logger: quiet}.OpenStore(s)
			if err != nil {
				continue
			}
			m, start, err := j.Begin(t.Context(), vm.Limits{}, p.Boot)
			if err != nil {
				continue
			}
			if err := j.Append(start); err != nil {
				r.Fatal(err)
			}
			m.Apply(start)
			if _, err := j.Commit(m); err != nil {
				r.Fatal(err)
			}
			if err := j.End(nil); err != nil {
				r.Fatal(err)
			}
		}
	})
}
