package journal

import (
	"fmt"

	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
)

// A journal consists of entries: an input, and then its results. An entry is a record
// of the log: a byte for its kind, and then its parts. Numbers are varints, texts have
// their lengths before them, and values are in CBOR.
//
// The first entry of each segment is a head. A segment has the address of a device in
// full where it first mentions it, so each segment can be read without those before it. The
// inputs themselves leave out what those before them have: see shorthand.
type entryKind byte

const (
	headEntry     entryKind = iota + 1 // who writes from here on
	inputEntry                         // an input
	checkEntry                         // the digest of the machine after the input
	traceEntry                         // the results of the input, step by step
	presenceEntry                      // an endpoint has come or gone
	snapshotEntry                      // there is a snapshot of the machine after the input
	takingEntry                        // a snapshot of the machine after the input has begun
)

var entryKinds = [...]string{"", "head", "input", "check", "trace", "presence change", "snapshot", "begun snapshot"}

func (k entryKind) String() string {
	if int(k) < len(entryKinds) && k > 0 {
		return entryKinds[k]
	}
	return fmt.Sprintf("entry of kind %d", byte(k))
}

// format is the version of the format of entries. A program reads journals of its own
// format and of all before it.
//
// In format 1, the sums of steps and of the values of commands depend on the names
// that types have in Go, and presence changes have no sums. Up to format 2, journals have
// no identity, and the log does not have the hashes of snapshots. Up to format 3, heads do
// not say from which snapshot a program has taken over, and another program always does the
// same as the one before, or adopts all inputs. Up to format 4, each input has its time and
// the names in its value in full, there are no samples, and the log does not say of which
// machine a snapshot is.
const format = 5

// attests reports whether the log has the hashes of snapshots that were taken under a head.
func (h *Head) attests() bool { return h.Format >= 3 }

// An entry is one record of the log.
type entry struct {
	index    uint64
	hash     wal.Hash // of the record
	kind     entryKind
	head     Head
	input    Input
	first    bool   // the input is the first of its segment with the address of its device
	seq      uint64 // of the input, or of the input of which the entry is a result
	check    vm.Digest
	trace    []step
	change   presenceChange
	snapshot string    // name of the file
	seal     seal      // of the file
	image    vm.Digest // of the machine in it; zero before format 5
}

// read reads an entry of a segment.
func (e *entry) read(payload []byte, g *segment) error {
	s := scanner{data: payload}
	*e = entry{kind: entryKind(s.byte())}
	switch e.kind {
	case headEntry:
		e.head = readHead(&s)
		s.end()
	case inputEntry:
		known := len(g.mentions)
		e.input = readInput(&s, g)
		e.seq, e.first = e.input.Seq, len(g.mentions) > known
	case checkEntry:
		e.seq = s.uint()
		e.check = vm.Digest(s.fixed())
		s.end()
	case traceEntry:
		e.seq, e.trace = readTrace(&s)
	case presenceEntry:
		e.seq, e.change = readPresenceChange(&s)
	case snapshotEntry:
		e.seq = s.uint()
		e.snapshot = s.text()
		if len(s.data) > 0 { // formats 1 and 2 have none
			copy(e.seal[:], s.take(len(e.seal)))
		}
		if len(s.data) > 0 { // formats 3 and 4 have none
			e.image = vm.Digest(s.fixed())
		}
		s.end()
	case takingEntry:
		e.seq = s.uint()
		s.end()
	default:
		s.fail("this program does not know the kind")
	}
	if s.err != nil {
		return fmt.Errorf("invalid %v: %w", e.kind, s.err)
	}
	return nil
}

// A segment is the state of reading a segment of the log.
type segment struct {
	addresses map[uint64]*address // of devices, by number, that the segment has mentioned
	mentions  []mention           // the same, in order
	spare     []byte              // for values; many share one piece of memory
	lenient   bool                // an input may lack its address, its time, and names
	shorthand shorthand
}

// A mention is an address that a segment has in full.
type mention struct {
	generation uint64
	*address
}

func (g *segment) mention(m mention) {
	g.addresses[m.generation] = m.address
	g.mentions = append(g.mentions, m)
}

// recall adds addresses that the segment mentions before the place where reading begins.
func (g *segment) recall(mentions []mention) {
	for _, m := range mentions {
		g.addresses[m.generation] = m.address
	}
	g.mentions = mentions
}

// forget removes all addresses, at the end of a segment.
func (g *segment) forget() {
	clear(g.addresses)
	g.mentions = nil
	g.shorthand.reset()
}

func newSegment() *segment { return &segment{addresses: map[uint64]*address{}} }

// keep returns a copy of b.
func (g *segment) keep(b []byte) []byte {
	const piece = 16 << 10
	if len(b) > piece/4 {
		return append([]byte(nil), b...)
	}
	if len(b) > cap(g.spare)-len(g.spare) {
		g.spare = make([]byte, 0, piece)
	}
	from := len(g.spare)
	g.spare = append(g.spare, b...)
	return g.spare[from:len(g.spare):len(g.spare)]
}

// An address is the address of a device, as recorded.
type address struct {
	path   vm.Path
	device string
}
