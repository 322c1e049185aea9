package wire_test

import (
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/distributed/internal/wire"
	"github.com/go-marketplace/marketplace/topic"
)

// BenchmarkMessages writes and reads frames with 100 messages of 64 bytes each; the times
// are for one message.
func BenchmarkMessages(b *testing.B) {
	m := topic.MessageOf(says{"tony", make([]byte, 42)})
	var w wire.Writer
	must(b, w.Send(0, m))
	known, err := read(false, wire.Known{}, new(log), slices.Concat(slices.Collect(w.Bodies)...))
	must(b, err)
	sent := w.Sent
	fill := func() {
		w.Reset(sent)
		for range 100 {
			must(b, w.Send(0, m))
		}
	}
	b.Run("Write", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; i < b.N; i += 100 {
			fill()
		}
	})
	fill()
	body := slices.Concat(slices.Collect(w.Bodies)...)
	b.Run("Read", func(b *testing.B) {
		b.ReportAllocs()
		b.ReportMetric(float64(len(body))/100, "bytes")
		for i := 0; i < b.N; i += 100 {
			if _, err := wire.ReadFromClient(body, known, nothing{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkRoles writes and reads an endpoint with one pinned field.
func BenchmarkRoles(b *testing.B) {
	var w wire.Writer
	must(b, w.Assert(1, roles[2]))
	known, err := read(false, wire.Known{}, new(log), slices.Concat(slices.Collect(w.Bodies)...))
	must(b, err)
	sent := w.Sent
	b.Run("Write", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			w.Reset(sent)
			_ = w.Assert(1, roles[2])
		}
	})
	body := slices.Concat(slices.Collect(w.Bodies)...)
	b.Run("Read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = wire.ReadFromClient(body, known, nothing{})
		}
	})
	b.Run("Key", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = wire.Key(roles[2])
		}
	})
}
