package journal

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-marketplace/marketplace/journal/wal"
)

// A Retention limits how much of its past a journal keeps. When it exceeds one of the limits, it
// removes segments, the oldest first. Zero means no limit. The zero Retention keeps everything.
//
// The journal looks for what to remove after each snapshot. It removes a segment only if a
// snapshot is behind it, and always keeps the newest two snapshots with all inputs after them,
// whatever the limits are, so that a program can go on. It keeps snapshots in between, so that
// it goes back about as far as the limits allow, however often the program is stopped. A run can
// be replayed, and presence is known, from the oldest snapshot on.
type Retention struct {
	// Inputs is how many inputs stay: segments are removed that are older than a snapshot which
	// is at least so many inputs behind the newest one.
	Inputs uint64

	// Age is how long inputs stay: segments are removed that are older than a snapshot of at
	// least this age, so the inputs in them are older. It is the time of the system's clock
	// that counts, as the heads of segments have it.
	Age time.Duration

	// Bytes is how much the segments and snapshots may take on the disk, together: segments
	// are removed until they do not take more. If the program needs more to go on, the journal
	// takes more.
	Bytes int64

	// Unarchived removes also what Config.Archive has not got yet. Without it, a segment stays
	// until it is archived, although a limit is exceeded.
	Unarchived bool
}

// limits reports whether there are limits.
func (r Retention) limits() bool { return r.Inputs > 0 || r.Age > 0 || r.Bytes > 0 }

// check returns an error if a Config contradicts its Retention.
func (r Retention) check(c *Config) error {
	switch {
	case r.Age < 0:
		return fmt.Errorf("journal: Config.Retention.Age is negative (%v): leave it zero to keep inputs of any age", r.Age)
	case r.Bytes < 0:
		return fmt.Errorf("journal: Config.Retention.Bytes is negative (%d): leave it zero for no limit", r.Bytes)
	case r.Inputs > math.MaxInt64:
		return fmt.Errorf("journal: Config.Retention.Inputs is %d: leave it zero to keep all inputs", r.Inputs)
	case r.Bytes > 0 && c.SegmentSize > r.Bytes/2:
		return fmt.Errorf("journal: Config.Retention.Bytes is %d: it must be at least twice Config.SegmentSize, which is %d, because whole segments are removed", r.Bytes, c.SegmentSize)
	case r.Unarchived && c.Archive == nil:
		return errors.New("journal: Config.Retention.Unarchived is set, and there is no Config.Archive")
	case r.limits() && c.SnapshotEvery < 0:
		return fmt.Errorf("journal: Config.Retention (%v) needs snapshots, and Config.SnapshotEvery is %d: nothing could ever be removed", r, c.SnapshotEvery)
	case r.limits() && len(c.Types) == 0:
		return fmt.Errorf("journal: Config.Retention (%v) needs snapshots, and Config.Types is empty: nothing could ever be removed", r)
	}
	return nil
}

// String returns the limits as [ParseRetention] reads them, as in "age=720h0m0s,bytes=1GiB".
func (r Retention) String() string {
	var parts []string
	if r.Inputs > 0 {
		parts = append(parts, fmt.Sprint("inputs=", r.Inputs))
	}
	if r.Age > 0 {
		parts = append(parts, fmt.Sprint("age=", r.Age))
	}
	if r.Bytes > 0 {
		n, unit := r.Bytes, ""
		for _, u := range byteUnits {
			if r.Bytes%u.size == 0 && u.binary() {
				n, unit = r.Bytes/u.size, u.name
			}
		}
		parts = append(parts, fmt.Sprintf("bytes=%d%s", n, unit))
	}
	if r.Unarchived {
		parts = append(parts, "unarchived")
	}
	return strings.Join(parts, ",")
}

// byteUnits are the units of sizes, the largest last.
var byteUnits = []byteUnit{
	{"KB", 1e3}, {"KiB", 1 << 10}, {"MB", 1e6}, {"MiB", 1 << 20}, {"GB", 1e9}, {"GiB", 1 << 30}, {"TB", 1e12}, {"TiB", 1 << 40},
}

type byteUnit struct {
	name string
	size int64
}

func (u byteUnit) binary() bool { return u.name[1] == 'i' }

// ParseRetention reads limits with commas between them, as in "inputs=1000000,age=30d,bytes=10GiB".
// An age is a [time.Duration], or a number of days; a size is a number of bytes, KB, MB, GB or
// TB, or KiB, MiB, GiB or TiB. Each limit must be greater than zero. The word "unarchived" sets
// Unarchived.
func ParseRetention(s string) (r Retention, err error) {
	seen := map[string]bool{}
	for part := range strings.SplitSeq(s, ",") {
		name, value, _ := strings.Cut(part, "=")
		if seen[name] {
			return Retention{}, fmt.Errorf("journal: %q has two limits %s", s, name)
		}
		seen[name] = true
		switch name {
		case "inputs":
			r.Inputs, err = strconv.ParseUint(value, 10, 63)
			if err != nil || r.Inputs == 0 {
				err = errors.New("it must be a number of inputs, greater than zero")
			}
		case "age":
			r.Age, err = parseAge(value)
		case "bytes":
			r.Bytes, err = parseBytes(value)
		case "unarchived":
			if r.Unarchived = true; part != name {
				err = errors.New("it has no value")
			}
		default:
			err = errors.New("the limits are inputs, age and bytes, as in age=30d,bytes=10GiB")
		}
		if err != nil {
			return Retention{}, fmt.Errorf("journal: %q is no limit: %w", part, err)
		}
	}
	return r, nil
}

func parseAge(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if days, ok := strings.CutSuffix(s, "d"); ok {
		var n int64
		n, err = strconv.ParseInt(days, 10, 64)
		if d = time.Duration(n) * 24 * time.Hour; n > int64(math.MaxInt64/(24*time.Hour)) {
			err = strconv.ErrRange
		}
	}
	if err != nil || d <= 0 {
		return 0, errors.New("it must be a time greater than zero, such as 36h or 30d")
	}
	return d, nil
}

func parseBytes(s string) (int64, error) {
	size := int64(1)
	for _, u := range byteUnits {
		if number, ok := strings.CutSuffix(s, u.name); ok {
			s, size = number, u.size
			break
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || n > math.MaxInt64/size {
		return 0, errors.New("it must be a number of bytes greater than zero, such as 500MB or 10GiB")
	}
	return n * size, nil
}

// A past is what a journal has kept so far.
type past struct {
	seqs     []uint64          // the last inputs of snapshots, the newest first
	always   []uint64          // those of snapshots that stay if what follows them does
	parts    []part            // segments
	segments []wal.Segment     // the same, with their sizes
	sizes    map[uint64]int64  // of snapshots
	indexes  map[uint64]uint64 // of the last records before them
	every    int64             // inputs between two snapshots
	now      time.Time
}

// cut returns what of the past stays: the snapshots to keep, beside those that always stay, and
// the oldest of all that stay, the floor, or 0 if all stay, with what is before them.
func (r Retention) cut(p *past) (chain []uint64, floor uint64) {
	if len(p.seqs) == 0 { // somebody has removed them
		return nil, 0
	}
	for _, limit := range []func(*past) ([]int, int){r.byInputs, r.byAge, r.byBytes} {
		of, at := limit(p)
		for _, i := range of {
			chain = append(chain, p.seqs[i])
		}
		// A snapshot that is no more than the second newest may be needed.
		if at = max(at, kept-1); at < len(p.seqs) {
			floor = max(floor, p.seqs[at])
		}
	}
	return slices.DeleteFunc(chain, func(seq uint64) bool { return seq < floor }), floor
}

// none is the index of the floor if there is none.
const none = math.MaxInt

// byInputs returns the indexes in p.seqs of the snapshots to keep, and of the floor, as far as
// the number of inputs says so.
func (r Retention) byInputs(p *past) (chain []int, floor int) {
	if r.Inputs == 0 {
		return nil, none
	}
	at := make([]int64, len(p.seqs))
	for i, seq := range p.seqs {
		at[i] = int64(seq)
	}
	limit := int64(r.Inputs)
	return apart(at, at[0], min(limit, max(p.every, limit/4)), limit)
}

// byAge is byInputs for ages. The age of a snapshot is that of its segment: what is before that is
// older.
func (r Retention) byAge(p *past) (chain []int, floor int) {
	if r.Age == 0 {
		return nil, none
	}
	at := make([]int64, len(p.seqs))
	for i, seq := range p.seqs {
		at[i] = p.partOf(seq).head.Time.UnixNano()
	}
	return apart(at, p.now.UnixNano(), int64(r.Age/4), int64(r.Age))
}

// byBytes is byInputs for sizes.
func (r Retention) byBytes(p *past) (chain []int, floor int) {
	if r.Bytes == 0 {
		return nil, none
	}
	var total int64
	before := map[uint64]int64{} // bytes before a segment
	for _, s := range p.segments {
		before[s.First] = total
		total += s.Size
	}
	at := make([]int64, len(p.seqs))
	for i, seq := range p.seqs {
		at[i] = before[p.partOf(seq).index]
	}
	chain, _ = apart(at, total, r.Bytes/8, math.MaxInt64)
	takes := func(floor int, from int64) int64 { // bytes, if what is before the floor is removed
		bytes := total - from
		for i, seq := range p.seqs {
			if i < kept || i <= floor && (slices.Contains(chain, i) || slices.Contains(p.always, seq)) {
				bytes += p.sizes[seq]
			}
		}
		return bytes
	}
	if takes(none, 0) <= r.Bytes {
		return chain, none
	}
	for _, i := range chain { // the oldest first
		if takes(i, at[i]) <= r.Bytes {
			return chain, i
		}
	}
	return nil, kept - 1
}

// partOf returns the segment with the first record after a snapshot.
func (p *past) partOf(seq uint64) part {
	for _, s := range slices.Backward(p.parts) {
		if s.index <= p.indexes[seq]+1 {
			return s
		}
	}
	return part{}
}

// apart returns the indexes of snapshots to keep, the oldest first, so that a history goes back
// far enough: a chain of them that are some distance apart, from the newest one on that is at
// least as far from now as the limit, which is the floor. Without that, each stop, which leaves a
// snapshot, would shorten the history. At has the places of the snapshots, the newest first.
func apart(at []int64, now, distance, limit int64) (chain []int, floor int) {
	floor = none
	for i := len(at) - 1; i >= 0; i-- {
		if n := len(chain); n > 0 && at[i]-at[chain[n-1]] < distance {
			continue
		}
		if chain = append(chain, i); now-at[i] >= limit {
			chain, floor = chain[len(chain)-1:], i
		}
	}
	return chain, floor
}
