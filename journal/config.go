package journal

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/journal/wal"
)

// Durability says what a journal promises about what it has been given.
type Durability uint8

// The durabilities.
const (
	// Sync: a command is carried out only when the inputs that came before it
	// are on disk. So nothing that the world has seen is lost, whatever crashes.
	// Inputs that come while the disk is busy share one sync.
	Sync Durability = iota

	// Batch: inputs are written before commands are carried out, and synced
	// every Config.BatchEvery. If the process dies nothing is lost that the
	// world has seen, but what has come in while the disk was busy; if the
	// system does, that much time is.
	Batch

	// Memory: inputs are written when there are many of them, and at the end,
	// and never synced. A crash loses the last of them. It is for recordings
	// that need not survive.
	Memory
)

// String returns "sync", "batch" or "memory".
func (d Durability) String() string {
	switch d {
	case Sync:
		return "sync"
	case Batch:
		return "batch"
	case Memory:
		return "memory"
	}
	return fmt.Sprintf("Durability(%d)", uint8(d))
}

// ParseDurability returns the Durability with the given name.
func ParseDurability(s string) (Durability, error) {
	for d := Sync; d <= Memory; d++ {
		if s == d.String() {
			return d, nil
		}
	}
	return 0, fmt.Errorf("journal: %q is no durability: it must be sync, batch or memory", s)
}

// A Config says how a journal is kept. The zero Config is ready to use.
type Config struct {
	Durability Durability

	// BatchEvery is how much time passes between two syncs, for [Batch].
	// Default: 50 ms.
	BatchEvery time.Duration

	// CheckEvery is after how many inputs a digest of the machine is written, by
	// which a replay sees that it does the same. Default: 256. There is also one
	// after an input that comes a second or more after the last digest.
	CheckEvery int

	// Trace has everything written that comes of each input, step by step, with
	// a digest after each. A replay that differs can then say where, and what
	// was there before. It costs a multiple of what the journal costs otherwise,
	// in time and in space. Types may be moved and renamed: a trace knows them by
	// their registered names, see [world.Register], or else by their structure.
	Trace bool

	// Types are the process types that can be written down. If all
	// processes of the machine are of such types, snapshots make recovery
	// cheap. No two of them have one name, or one type of state.
	Types []actions.Type

	// SnapshotEvery is after how many inputs a snapshot is taken, if there are
	// Types. Default: 100,000. A negative number means never. If much has been
	// written to the current segment by then, another one is begun, so that little
	// has to be read before a recovery can begin with the snapshot.
	SnapshotEvery int

	// DropOld has segments removed that are older than the two newest snapshots.
	// The history before them is gone then: the run can be recovered, but not
	// replayed from its beginning, and who was there is known from the older
	// snapshot on.
	DropOld bool

	// SegmentSize is how large a file of the journal becomes, in bytes, before
	// another one is begun. Default: 64 MiB.
	SegmentSize int64

	// Schema is the version of what the program writes into its journal: it is up
	// to the program, which increases it when the meaning of its values changes.
	// Upcast brings values up to date that were written under an earlier one: see
	// [Program].Upcast.
	Schema uint64
	Upcast func(schema uint64, value any) any

	// Program tells builds of the program apart. Default: [Fingerprint].
	Program string

	// Adopt says that the program does other things than the one that has written
	// the journal, on purpose. What comes of the inputs so far is then not
	// compared, neither now nor later, and they find the devices that they are
	// for by name; those that find none are late. From there on the history is
	// this program's. It is for one run: leave it out in the next.
	Adopt bool

	// Cut is how far the user allows to go in a journal that is damaged: the
	// input with this number, and all that follows, may be given up. Without it
	// a journal with damage in its middle is refused. It has no effect on a journal
	// that is not damaged, of which the Logger is told.
	Cut uint64

	// Logger gets what somebody should know: that the end of the journal was
	// torn off, that a snapshot could not be used, how far a long replay has
	// come. Default: [slog.Default].
	Logger *slog.Logger

	// Progress, if not nil, is called now and then during a long replay. By
	// default it is logged.
	Progress func(Progress)
}

// Progress says how far a replay has come.
type Progress struct {
	Seq   uint64        // the input that has been applied last
	Last  uint64        // the last one there is
	Since time.Duration // how long it has taken so far
}

func (c Config) withDefaults() (Config, error) {
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"BatchEvery", int64(c.BatchEvery)}, {"CheckEvery", int64(c.CheckEvery)}, {"SegmentSize", c.SegmentSize},
	} {
		if f.value < 0 {
			return c, fmt.Errorf("journal: Config.%s is negative (%d): leave it zero for the default", f.name, f.value)
		}
	}
	if c.Durability > Memory {
		return c, fmt.Errorf("journal: Config.Durability is %v: it must be Sync, Batch or Memory", c.Durability)
	}
	if c.BatchEvery == 0 {
		c.BatchEvery = 50 * time.Millisecond
	}
	if c.CheckEvery == 0 {
		c.CheckEvery = 256
	}
	if c.SegmentSize == 0 {
		c.SegmentSize = 64 << 20
	}
	if c.SnapshotEvery == 0 {
		c.SnapshotEvery = 100_000
	}
	if c.Program == "" {
		c.Program = Fingerprint()
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Progress == nil {
		c.Progress = func(p Progress) {
			c.Logger.Info("journal: replaying", "input", p.Seq, "of", p.Last, "for", p.Since.Round(time.Second))
		}
	}
	return c, nil
}

// Open opens the journal in a folder, or begins one there, to be the Journal of a
// ground.Ground. At the end of its run the ground closes it.
//
// It fails if somebody else has the journal open, if what is there is damaged and
// the user has not allowed to cut it off, with a [*wal.DamageError], if it was
// written in a format that this program does not know, and if the Config makes
// no sense.
func Open(dir string) (*Journal, error) { return Config{}.Open(dir) }

// Open is the function [Open], with a Config.
func (c Config) Open(dir string) (*Journal, error) { return c.OpenStore(wal.Dir(dir)) }
