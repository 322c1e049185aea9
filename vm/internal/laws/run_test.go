package laws

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-marketplace/marketplace/vm"
)

// This file runs random programs, on the machine and on the naive one.

// A lawMachine is what the laws are about.
type lawMachine interface {
	start()                  // and run until the machine is at rest
	stimulate(number, n int) // one of the open devices, and run until the machine is at rest
	living() []vm.ProcessInfo
}

// A lawRun is the outcome of a run.
type lawRun struct {
	log    []lawEntry
	living []string // for each process at the end, where it is and what it has open
}

// run runs a program, and calls rest whenever the machine has come to rest.
func (l *lawLog) run(m lawMachine, rest func()) lawRun {
	m.start()
	rest()
	for i, number := range l.program.stimuli {
		m.stimulate(number, i)
		rest()
	}
	r := lawRun{log: l.entries}
	for _, p := range m.living() {
		r.living = append(r.living, lawInfo(p))
	}
	return r
}

func nothing() {}

// lawInfo describes a process by what does not depend on how a machine is made.
func lawInfo(p vm.ProcessInfo) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %q", p.Path, p.Name)
	if a, ok := p.State.(lawActor); ok {
		fmt.Fprintf(&b, " has taken %d steps", a.steps)
	}
	for _, e := range p.Endpoints {
		fmt.Fprintf(&b, "; %v at level %d: %v", e.ID, e.Level, e.Role)
	}
	return b.String()
}

// difference tells how two runs differ, or returns "".
func (r lawRun) difference(s lawRun) string {
	for i := range max(len(r.log), len(s.log)) {
		if i >= len(r.log) || i >= len(s.log) || r.log[i] != s.log[i] {
			return fmt.Sprintf("event %d of %d and %d, after\n\t%v\n is\n\t%v\nand\n\t%v", i, len(r.log), len(s.log),
				lawLines(r.log[max(0, i-6):i]), lawLines(r.log[i:min(i+4, len(r.log))]), lawLines(s.log[i:min(i+4, len(s.log))]))
		}
	}
	if !slices.Equal(r.living, s.living) {
		return fmt.Sprintf("alive are\n\t%v\nand\n\t%v", strings.Join(r.living, "\n\t"), strings.Join(s.living, "\n\t"))
	}
	return ""
}

func lawLines(es []lawEntry) string {
	var lines []string
	for _, e := range es {
		lines = append(lines, e.String())
	}
	return strings.Join(append(lines, "(end)")[:max(len(lines), 1)], "\n\t")
}

// A lawReal is a [Machine], driven by hand.
type lawReal struct {
	m         *vm.Machine
	snapshots bool // go on from a snapshot after each input
	watch     func(*vm.Record)
	open      []*vm.Address
	each      func() // called after each input, if not nil
	limits    *vm.Limits
}

func (l *lawLog) onMachine(snapshots bool, watch func(*vm.Record)) *lawReal {
	return &lawReal{m: vm.Config{Watch: watch}.NewFunc(l.first()), snapshots: snapshots, watch: watch}
}

func (r *lawReal) start() { r.apply(vm.Input{Kind: vm.Start, Limits: r.limits}) }

func (r *lawReal) stimulate(number, n int) {
	if len(r.open) > 0 {
		r.apply(vm.Input{Kind: vm.Value, Address: r.open[number%len(r.open)], Value: n})
	}
}

func (r *lawReal) apply(in vm.Input) {
	r.note(r.m.Apply(in))
	r.look()
	for r.m.Busy() {
		r.note(r.m.Apply(vm.Input{Kind: vm.Continue}))
		r.look()
	}
	if r.snapshots {
		r.m = r.m.Snapshot().Machine(r.watch)
	}
}

func (r *lawReal) look() {
	if r.each != nil {
		r.each()
	}
}

// note keeps account of what is open.
func (r *lawReal) note(commands []vm.Command) {
	for _, c := range commands {
		switch c.Kind {
		case vm.Open:
			r.open = append(r.open, c.Address)
		case vm.Close:
			r.open = slices.DeleteFunc(r.open, func(a *vm.Address) bool { return a.Generation == c.Address.Generation })
		}
	}
}

func (r *lawReal) living() []vm.ProcessInfo { return slices.Collect(r.m.Processes()) }

// A lawNaive is a naive machine.
type lawNaive struct {
	m    *naiveMachine
	gone func(vm.Path)
	log  *lawLog
	f    naiveFaults
}

func (l *lawLog) onNaive(f naiveFaults, gone func(vm.Path)) *lawNaive {
	return &lawNaive{log: l, f: f, gone: gone}
}

func (r *lawNaive) start() {
	r.m = newNaive(r.f, r.gone, r.log.first())
	r.m.settle()
}

func (r *lawNaive) stimulate(number, n int) {
	if len(r.m.open) > 0 {
		r.m.input(r.m.open[number%len(r.m.open)], n)
	}
}

func (r *lawNaive) living() []vm.ProcessInfo { return r.m.ground.living(nil) }

func (v *naiveVM) living(infos []vm.ProcessInfo) []vm.ProcessInfo {
	for _, p := range v.procs {
		info := vm.ProcessInfo{Path: p.path(), Name: p.name, State: p.state, Nested: p.inner != nil}
		for _, e := range slices.Concat(p.ends, p.metas) {
			if e.hear != nil {
				continue // it is that of a process further inside
			}
			id := e.id
			if _, ok := id.(naiveAnonymous); ok {
				id = nil
			}
			info.Endpoints = append(info.Endpoints, vm.EndpointInfo{ID: id, Role: e.role, Level: uint32(e.level)})
		}
		infos = append(infos, info)
		if p.inner != nil {
			infos = p.inner.living(infos)
		}
	}
	return infos
}

// runBoth runs a program on the machine and on a naive one.
func runBoth(p *lawProgram, f naiveFaults) (real, naive lawRun) {
	l := &lawLog{program: p}
	real = l.run(l.onMachine(false, nil), nothing)
	l = &lawLog{program: p}
	return real, l.run(l.onNaive(f, nil), nothing)
}
