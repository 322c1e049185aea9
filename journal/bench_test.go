package journal_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// The benchmarks are ratios within one run: of a replay to the same inputs applied
// from memory, of the pause for a snapshot of a large machine to that of a small
// one. Those of the log, compared to another log and to plain files, are in
// bench/journal; those of servers are in bench.

// branchOffice is a bank with many accounts, whose clerk gets the receipts.
func branchOffice(s *street, accounts int) journal.Program {
	boot := actions.Tree{actions.Spawn(clerk{"north"}.process(s)).Named("clerk")}
	for i := range accounts {
		boot = append(boot, actions.Spawn(account{Name: fmt.Sprint("account ", i)}.process()))
	}
	return journal.Program{Boot: func(actions.PID) actions.Process { return actions.Stateless(boot) }, Types: types(s)}
}

// slipsFor returns the inputs that bring n slips.
func slipsFor(m *vm.Machine, accounts, n int) []vm.Input {
	a := m.Held(1)
	ins := make([]vm.Input, n)
	for i := range ins {
		ins[i] = vm.Input{Kind: vm.Value, Address: a, Value: Slip{fmt.Sprint("account ", i*7%accounts), 1 + i%9}}
	}
	return ins
}

// keep runs a program by hand, with a journal.
func keep(b *testing.B, dir string, c journal.Config, p journal.Program, n, accounts int) {
	b.Helper()
	c.Logger = quiet
	j, err := c.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	m, start, err := j.Begin(b.Context(), vm.Limits{}, p.Boot)
	if err != nil {
		b.Fatal(err)
	}
	apply := func(in vm.Input) {
		if err := j.Append(in); err != nil {
			b.Fatal(err)
		}
		m.Apply(in)
	}
	apply(start)
	for i, in := range slipsFor(m, accounts, n) {
		apply(in)
		if i%100 == 0 {
			if _, err := j.Commit(m); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := j.End(nil); err != nil {
		b.Fatal(err)
	}
}

// withListeners is a bank in which many processes get every slip, as in a chat room.
func withListeners(p journal.Program, listeners int) journal.Program {
	boot := actions.Tree{actions.SpawnFunc(p.Boot)}
	for range listeners {
		boot = append(boot, actions.Spawn(actions.Next(0, endpoint.Subscriber(topic.All[Slip](),
			endpoint.OnMessageState(func(n int, s Slip) actions.Transition[int] { return actions.Next(n + s.Amount) })))))
	}
	return journal.Program{Boot: func(actions.PID) actions.Process { return actions.Stateless(boot) }}
}

// BenchmarkReplay: inputs from memory, without a watcher; and the replay of a journal
// of them, which reads, checks and compares. Per input; three processes hear each
// input, or fifty more.
func BenchmarkReplay(b *testing.B) {
	const accounts, n = 100, 50_000
	for _, listeners := range []int{0, 50} {
		program := branchOffice(newStreet(), accounts)
		if listeners > 0 {
			program = withListeners(program, listeners)
		}
		dir := b.TempDir()
		keep(b, dir, journal.Config{Durability: journal.Memory}, program, n, accounts)
		perInput := func(b *testing.B) {
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/input")
		}
		b.Run(fmt.Sprintf("listeners=%d/memory", listeners), func(b *testing.B) {
			start := vm.Input{Kind: vm.Start, Incarnation: 1}
			first := vm.Config{}.NewFunc(program.Boot)
			first.Apply(start)
			ins := slipsFor(first, accounts, n)
			for b.Loop() {
				m := vm.Config{}.NewFunc(program.Boot)
				m.Apply(start)
				for _, in := range ins {
					m.Apply(in)
				}
			}
			perInput(b)
		})
		b.Run(fmt.Sprintf("listeners=%d/replay", listeners), func(b *testing.B) {
			for b.Loop() {
				h, err := journal.Read(dir)
				if err != nil {
					b.Fatal(err)
				}
				if r, err := h.Replay(b.Context(), program, journal.ReplayConfig{}); err != nil || r.Seq != n+1 {
					b.Fatal(r.Seq, err)
				}
			}
			perInput(b)
		})
	}
}

// BenchmarkRecord: the inputs of the same machine, applied without a journal, and
// with one. Per input.
func BenchmarkRecord(b *testing.B) {
	const accounts = 100
	program := branchOffice(newStreet(), accounts)
	b.Run("without", func(b *testing.B) {
		m := vm.Config{}.NewFunc(program.Boot)
		m.Apply(vm.Input{Kind: vm.Start, Incarnation: 1})
		ins := slipsFor(m, accounts, 1000)
		i := 0
		b.ReportAllocs()
		for b.Loop() {
			m.Apply(ins[i%len(ins)])
			i++
		}
	})
	for _, c := range []struct {
		name string
		each int // inputs in a commit
		journal.Config
	}{
		{"memory", 100, journal.Config{Durability: journal.Memory}},
		{"batch", 100, journal.Config{Durability: journal.Batch}},
		{"batch one by one", 1, journal.Config{Durability: journal.Batch}},
		{"trace", 100, journal.Config{Durability: journal.Memory, Trace: true}},
	} {
		b.Run(c.name, func(b *testing.B) {
			c.Logger = quiet
			j, err := c.Open(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			m, start, err := j.Begin(context.Background(), vm.Limits{}, program.Boot)
			if err != nil {
				b.Fatal(err)
			}
			if err := j.Append(start); err != nil {
				b.Fatal(err)
			}
			m.Apply(start)
			ins := slipsFor(m, accounts, 1000)
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				if err := j.Append(ins[i%len(ins)]); err != nil {
					b.Fatal(err)
				}
				m.Apply(ins[i%len(ins)])
				if i++; i%c.each == 0 {
					if _, err := j.Commit(m); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.StopTimer()
			if err := j.End(nil); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkRecover: the recovery of a machine from a journal of 1.1 million inputs, after a crash
// with almost as many inputs behind the last snapshot as there can be.
func BenchmarkRecover(b *testing.B) {
	const accounts, n = 100, 1_099_990
	program := branchOffice(newStreet(), accounts)
	c := journal.Config{Durability: journal.Memory, Logger: quiet, Types: program.Types}
	dir := b.TempDir()
	keep(b, dir, c, program, n, accounts)
	snapshots, err := filepath.Glob(filepath.Join(dir, "*.snapshot"))
	if err != nil || len(snapshots) != 2 {
		b.Fatal(snapshots, err)
	}
	if err := os.Remove(snapshots[1]); err != nil { // the crash has prevented that of the end
		b.Fatal(err)
	}
	for b.Loop() {
		j, err := c.Open(dir)
		if err != nil {
			b.Fatal(err)
		}
		m, _, err := j.Begin(b.Context(), vm.Limits{}, program.Boot)
		if err != nil || m.Stats().Inputs < n {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := j.End(errors.New("a crash")); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkSnapshotPause: how long a snapshot stops the machine: the time in Commit,
// and the extra time of the next input.
func BenchmarkSnapshotPause(b *testing.B) {
	for _, n := range []int{1000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var boot actions.Tree
			for i := range n {
				boot = append(boot, actions.Spawn(actions.Next(i, endpoint.Subscriber(topic.Where(slipAccount.Is(fmt.Sprint(i)))))))
			}
			m := vm.New(boot...)
			m.Apply(vm.Input{Kind: vm.Start})
			for m.Busy() {
				m.Apply(vm.Input{Kind: vm.Continue})
			}
			b.ReportAllocs()
			for b.Loop() {
				if s := m.Snapshot(); !s.Valid() || m.Busy() {
					b.Fatal("the machine is not at rest")
				}
			}
		})
	}
}
