package laws

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// The laws of presence. When the machine is at rest, the presences that an
// endpoint has been told, minus the absences, are exactly the peers that are
// there. Each absence is of a peer that was present. An endpoint that counts
// its peers has been told that there are some if and only if there are. No
// endpoint hears anything after its end.

// A lawPlace is where an endpoint is, or was.
type lawPlace struct {
	path  string // of its process
	level int
	name  string
}

// lawBook keeps account of what endpoints have been told.
type lawBook struct {
	log        *lawLog
	read       int // entries of the log that are accounted for
	present    map[lawPlace]map[string]int
	demanded   map[lawPlace]map[string]int
	deleted    map[lawPlace]bool
	ended      []string // paths
	violations []string
}

func newLawBook(l *lawLog) *lawBook {
	return &lawBook{log: l, present: map[lawPlace]map[string]int{}, demanded: map[lawPlace]map[string]int{}, deleted: map[lawPlace]bool{}}
}

func (b *lawBook) violation(format string, args ...any) {
	b.violations = append(b.violations, fmt.Sprintf(format, args...))
}

// update accounts for what has been logged.
func (b *lawBook) update() {
	for _, e := range b.log.entries[b.read:] {
		b.read++
		if slices.ContainsFunc(b.ended, func(path string) bool { return isInside(e.path, path) }) && e.what != "gone" {
			b.violation("after its end: %v", e)
		}
		at := lawPlace{e.path, e.level, e.name}
		switch e.what {
		case "gone":
			b.ended = append(b.ended, e.path)
			forget := func(p lawPlace, _ map[string]int) bool { return isInside(p.path, e.path) }
			maps.DeleteFunc(b.present, forget)
			maps.DeleteFunc(b.demanded, forget)
		case "delete":
			b.deleted[at] = true
		case "presence":
			add(b.present, at, e.role, 1)
		case "absence":
			if add(b.present, at, e.role, -1) < 0 && !b.excused(at) {
				b.violation("absence of a peer that was not present: %v", e)
			}
		case "first":
			add(b.demanded, at, e.text, 1)
		case "last":
			add(b.demanded, at, e.text, -1)
		}
	}
}

// excused reports whether nothing is claimed about an endpoint. One at a
// meta-level that has been deleted goes some time after that, and does not
// hear of it; if another is opened under its name, that one does.
func (b *lawBook) excused(at lawPlace) bool { return at.level > 0 && b.deleted[at] }

func isInside(path, outer string) bool { return path == outer || strings.HasPrefix(path, outer+"/") }

// add adds n to a count, and returns it. Counts of zero are left out.
func add(counts map[lawPlace]map[string]int, at lawPlace, what string, n int) int {
	if counts[at] == nil {
		counts[at] = map[string]int{}
	}
	counts[at][what] += n
	n = counts[at][what]
	if n == 0 {
		delete(counts[at], what)
	}
	return n
}

// A lawEnd is an endpoint that is there.
type lawEnd struct {
	place  lawPlace
	holder string // the process whose endpoint it is in its machine; at a meta-level, that is a machine
	home   string // the machine
	id     actions.EndpointID
	role   topic.Role
	number int
}

// check compares the account with who is there, now that the machine is at
// rest.
func (b *lawBook) check(living []vm.ProcessInfo) {
	b.update()
	var ends []lawEnd
	alive := map[lawPlace]bool{}
	for _, p := range living {
		for _, e := range p.Endpoints {
			end := lawEnd{
				place:  lawPlace{p.Path.String(), int(e.Level), fmt.Sprint(e.ID)},
				holder: p.Path[:len(p.Path)-int(e.Level)].String(),
				home:   p.Path[:len(p.Path)-1-int(e.Level)].String(),
				id:     e.ID, role: e.Role, number: len(ends),
			}
			ends = append(ends, end)
			alive[end.place] = true
		}
	}
	for _, n := range ends {
		b.checkEnd(n, ends)
	}
	for at, counts := range b.present {
		if !alive[at] && len(counts) > 0 && !b.excused(at) {
			b.violation("%v is gone, and still knows %v", at, counts)
		}
	}
}

// checkEnd compares what n has been told with who is there, of all others.
func (b *lawBook) checkEnd(n lawEnd, others []lawEnd) {
	present, demanded := map[string]int{}, map[string]int{}
	demand := b.log.program.demandOf(n.id)
	for _, o := range others {
		common, related := n.role.Intersect(o.role)
		if o.number == n.number || o.home != n.home || !related || !n.role.Sees(o.role) {
			continue
		}
		peer := topic.Role{Orientation: o.role.Orientation, Interest: o.role.Interest, Topic: common}
		present[peer.String()]++
		if demand != nil && demand.Filter.Passes(peer, n.holder == o.holder) {
			demanded[common.Project(demand.By).String()] = 1
		}
	}
	if !b.excused(n.place) && !maps.Equal(present, b.present[n.place]) {
		b.violation("%v as %v knows %v, and there are %v", n.place, n.role, b.present[n.place], present)
	}
	// A new endpoint of the same name counts from zero, and its predecessor
	// has not been told that its demand is over.
	if !b.deleted[n.place] && !maps.Equal(demanded, b.demanded[n.place]) {
		b.violation("%v as %v serves %v, and there are %v", n.place, n.role, b.demanded[n.place], demanded)
	}
}

// demandOf returns how the endpoints of that name count their peers.
func (p *lawProgram) demandOf(id actions.EndpointID) *actions.Demand {
	number := freshName & 7
	if s, ok := id.(string); ok && strings.HasPrefix(s, "#") {
		number = 0
	} else if i := slices.IndexFunc(lawNames[:len(lawNames)-1], func(name actions.EndpointID) bool { return name == id }); i >= 0 {
		number = i
	}
	return lawDemands[p.demand[number]]
}

// presenceViolations runs a program, and returns the violations of the laws.
func presenceViolations(data []byte, on func(l *lawLog, gone func(vm.Path)) lawMachine) []string {
	p := fromBytes(data).program()
	p.strict = true
	l := &lawLog{program: p}
	b := newLawBook(l)
	m := on(l, func(path vm.Path) { l.entries = append(l.entries, lawEntry{path: path.String(), what: "gone"}) })
	l.run(m, func() { b.check(m.living()) })
	return b.violations
}

func watched(l *lawLog, gone func(vm.Path)) lawMachine {
	return l.onMachine(false, func(r *vm.Record) {
		if r.Kind == vm.Ended || r.Kind == vm.Collected {
			gone(r.Path())
		}
	})
}

// FuzzPresenceLaws shows U-08.
func FuzzPresenceLaws(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, v := range presenceViolations(data, watched) {
			t.Error(v)
		}
	})
}

// TestLawPresence shows HL-47, U-08.
func TestLawPresence(t *testing.T) {
	eachRandom(t, func(seed uint64, data []byte) {
		for _, v := range presenceViolations(data, watched) {
			t.Errorf("seed %d: %s", seed, v)
		}
	})
}

// TestLawPresenceCatches plants faults in a naive machine.
func TestLawPresenceCatches(t *testing.T) {
	corpus := lawCorpus(t, "FuzzPresenceLaws")
	for name, f := range map[string]naiveFaults{
		"none":                       {},
		"absence forgotten":          {AbsenceForgotten: true},
		"observers visible":          {ObserversVisible: true},
		"the dead hear":              {DeadHear: true},
		"everyone is first":          {EveryoneFirst: true},
		"an endpoint meets itself":   {MeetsItself: true},
		"the last one is a stranger": {LastStranger: true},
	} {
		caught := 0
		for _, data := range corpus {
			if len(presenceViolations(data, func(l *lawLog, gone func(vm.Path)) lawMachine { return l.onNaive(f, gone) })) > 0 {
				caught++
			}
		}
		t.Logf("%s: %d of %d programs", name, caught, len(corpus))
		if (caught > 0) != (f != naiveFaults{}) {
			t.Errorf("%s: %d of %d programs violate the laws", name, caught, len(corpus))
		}
	}
}
