package main

import (
	"bufio"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/vm"
)

// BenchmarkReplay: what came into a room of 50 people who say 100 lines each,
// applied to its machine from memory; and the replay of the journal, which is
// read, checked and compared. Per input.
func BenchmarkReplay(b *testing.B) {
	const people, lines = 50, 100
	dir := b.TempDir()
	c := journal.Config{Durability: journal.Memory, Logger: slog.New(slog.DiscardHandler)}
	host(b, c, dir, people, func(*vm.Record) {}, func(addr string, i int) error {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		defer c.Close()
		in := bufio.NewReader(c)
		for n := range lines {
			mine := fmt.Sprintf("%d says the %d-th line", i, n)
			if _, err := fmt.Fprintln(c, mine); err != nil {
				return err
			}
			for heard := ""; !strings.Contains(heard, ": "+mine); {
				if heard, err = in.ReadString('\n'); err != nil {
					return err
				}
			}
		}
		return nil
	})
	h, err := journal.Read(dir)
	if err != nil {
		b.Fatal(err)
	}
	program := journal.Booting(hall()...)
	perInput := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(h.Last()), "ns/input")
	}
	b.Run("memory", func(b *testing.B) {
		var ins []vm.Input
		var devices []uint64
		for in, err := range h.Inputs(1) {
			if err != nil {
				b.Fatal(err)
			}
			v, err := in.Value()
			if err != nil {
				b.Fatal(err)
			}
			next := vm.Input{Kind: in.Kind, Value: v, Incarnation: in.Incarnation, Limits: in.Limits}
			if in.Err != nil {
				next.Err = in.Err
			}
			ins, devices = append(ins, next), append(devices, in.Generation)
		}
		for b.Loop() {
			m := vm.Config{}.NewFunc(program.Boot)
			for i, in := range ins {
				in.Address = m.Held(devices[i])
				m.Apply(in)
			}
		}
		perInput(b)
	})
	b.Run("replay", func(b *testing.B) {
		for b.Loop() {
			if r, err := h.Replay(b.Context(), program, journal.ReplayConfig{}); err != nil || r.Seq != h.Last() {
				b.Fatal(r.Seq, err)
			}
		}
		perInput(b)
	})
}
