package journal

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/journal/codec"
	"github.com/go-marketplace/marketplace/journal/keys"
)

// Durability says when inputs in a journal are on disk.
type Durability uint8

// The durabilities.
const (
	// Sync: the ground carries out a command only when the inputs before it are on
	// disk. So nothing that the world has seen is lost, whatever crashes. Inputs that
	// arrive while the disk is busy share one sync.
	Sync Durability = iota

	// Batch: inputs are written before commands are carried out, and synced every
	// Config.BatchEvery. If the process crashes, inputs that arrived while the disk
	// was busy may be lost, but nothing that the world has seen. If the system
	// crashes, the inputs of that much time may be lost.
	Batch

	// Memory: inputs are written when there are many of them, and at the end, and
	// never synced. A crash loses the last ones. It is for recordings that need not
	// survive.
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

// A Config configures a journal. The zero Config is ready to use.
type Config struct {
	Durability Durability

	// BatchEvery is how much time passes between two syncs, for [Batch].
	// Default: 50 ms.
	BatchEvery time.Duration

	// CheckEvery is the number of inputs between two digests of the machine, which
	// show a replay whether it does the same. Default: 256. The journal also has a
	// digest after an input that arrives a second or more after the last digest, and, except
	// with Memory, before commands are carried out. So all that the world has seen has a digest.
	//
	// A digest has which kinds of events and actions there were, and the commands with their
	// content. Of each input whose number is a multiple of CheckEvery the journal also has a
	// sample: digests of the first 64 events, actions and commands, with their content, and of
	// the states of the first 16 processes of Types that had them.
	CheckEvery int

	// Trace records every result of each input, step by step, with a digest after
	// each input. A replay that differs can then say in which step, and what was
	// recorded there. A trace multiplies the time and space that the journal costs.
	// Types may be moved and renamed: a trace knows them by their registered names,
	// see [world.Register], or else by their structure.
	Trace bool

	// Types are the process types whose states can be encoded. If all processes of
	// the machine are of such types, snapshots make recovery cheap. No two Types have
	// the same name, or the same type of state.
	Types []actions.Type

	// SnapshotEvery is the number of inputs between two snapshots, if there are
	// Types. Default: 100,000. A negative number means never. If the current segment
	// has become large by then, the journal begins another one, so that a recovery
	// that begins with the snapshot reads little before it. A snapshot that takes more than
	// 1 MiB waits until the log has grown by as much since the last one.
	SnapshotEvery int

	// SnapshotAfter is the longest time from an input until a snapshot has it, if there are
	// Types and the machine comes to rest. Default: 10 minutes. A negative time means that
	// only the number of inputs counts.
	//
	// In any case, there is a snapshot at the end of a run, of the state from which the next
	// run goes on, unless SnapshotEvery is negative.
	SnapshotAfter time.Duration

	// DropOld removes segments that are older than a snapshot which is at least
	// SnapshotEvery inputs behind the newest one. The run can still be recovered, but not
	// replayed from its beginning, and presence is known only from that snapshot on. It stands
	// for that number in Retention.Inputs, unless that has another one.
	DropOld bool

	// Retention removes segments by the number, the age or the size of what is kept.
	Retention Retention

	// Archive, if not nil, gets the files of the journal when they do not change any more:
	// segments in order, each when the journal has begun the next one, and then the snapshots that
	// the log has up to there and that are still kept. [Restore] makes a journal from an archive. If Archive returns an error, the Logger gets a warning, and Archive
	// gets the file again later, after a restart as well, until it returns nil. After a crash, it
	// can get a file that it has had before, so it must be able to replace it. Files are
	// removed by DropOld or Retention only when Archive has had them, unless
	// Retention.Unarchived says otherwise.
	//
	// Archive is called by a goroutine of its own, for one file after another; the machine does
	// not wait for it. At the end of the run, ctx is done, and the run waits for Archive. It
	// does not get the current segment then: [Backup] copies that.
	Archive func(ctx context.Context, f File) error

	// SegmentSize is the size in bytes after which the journal begins another file.
	// Default: 64 MiB, or an eighth of Retention.Bytes if that is less.
	SegmentSize int64

	// SegmentAge is the age after which the journal begins another file, when the next input
	// comes. Default: a quarter of Retention.Age, if there is one, or an hour, if there is an
	// Archive; otherwise only the size counts. A negative age also means that.
	SegmentAge time.Duration

	// Schema is the version of the values that the program writes into its journal.
	// The program increases it when their meaning changes. Upcast updates values that
	// were written under an earlier version: see [Program].Upcast.
	Schema uint64
	Upcast func(schema uint64, value any) any

	// Keys has the keys for sealed values (package sealed): the journal encrypts their contents
	// with them, in inputs and in snapshots. Without Keys, a value with a sealed content cannot
	// be journalled, and a journal that has one cannot be recovered. A key that was erased is no
	// error: the recovery goes on with an erased value, with a warning, and does not compare the
	// results of what follows. Keep the keys outside of the journal: see package keys.
	Keys keys.Store

	// Program identifies the build of the program. Default: [Fingerprint].
	Program string

	// Settings are the configuration of the program, which each start records, such as its
	// flags. They are for people, and for programs that replay a journal: see [Head].Settings.
	// If they differ from those of the run before, the Logger gets a warning, because the
	// machine goes on from a state that may have the former ones. Package journal/cli sets
	// them. Leave secrets out: the journal has them in plain text.
	Settings []Setting

	// ID is the identity of a journal that begins. Default: a random one.
	ID ID

	// Adopt says that the program differs on purpose from the one that has written
	// the journal, and lives through the inputs behind the newest snapshot in its own way; if
	// it can use no snapshot, through all inputs. Their results are then not compared, neither
	// now nor later. These inputs find their devices by name; an input that finds none is
	// late. The program writes the history from there on. A program that goes on behind a
	// stop needs no Adopt. It is for one run: leave it out in the next.
	Adopt bool

	// Cut permits Open to cut a damaged journal off at one place, and to go on without
	// the input that the Cut names and all that follow. They are moved to another file,
	// in the same folder. Without it, Open refuses a journal with damage before its end;
	// the error has the Cut for it. On a journal that is damaged elsewhere, a Cut permits
	// nothing. On one that is not damaged, it has no effect, and the Logger gets a warning.
	Cut Cut

	// Meter, if not nil, has the counters of the journal: how long syncs take, how many inputs
	// wait for one, how old the newest snapshot is, and what the journal takes on disk.
	Meter *Meter

	// Logger gets what an operator should know: a torn end that was cut off, a
	// snapshot that could not be used, the progress of a long replay. Default:
	// [slog.Default].
	Logger *slog.Logger

	// Progress, if not nil, is called from time to time during a long replay. By
	// default the progress is logged.
	Progress func(Progress)

	sealer codec.Sealer // with Keys; nil if there are none
}

// Progress is the progress of a replay.
type Progress struct {
	Seq   uint64        // the input that the replay applies next
	Last  uint64        // the last input that it will apply
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
		if most := c.Retention.Bytes / 8; most > 0 {
			c.SegmentSize = min(c.SegmentSize, most)
		}
	}
	if c.SegmentAge == 0 {
		c.SegmentAge = c.Retention.Age / 4
		if c.SegmentAge == 0 && c.Archive != nil {
			c.SegmentAge = time.Hour
		}
	}
	if c.SnapshotEvery == 0 {
		c.SnapshotEvery = 100_000
	}
	if err := c.Retention.check(&c); err != nil {
		return c, err
	}
	if c.DropOld && c.Retention.Inputs == 0 && c.SnapshotEvery > 0 {
		c.Retention.Inputs = uint64(c.SnapshotEvery)
	}
	if c.SnapshotAfter == 0 {
		c.SnapshotAfter = 10 * time.Minute
	}
	if c.Program == "" {
		c.Program = Fingerprint()
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	c.sealer = sealerOf(c.Keys)
	if c.Progress == nil {
		c.Progress = func(p Progress) {
			c.Logger.Info("journal: replaying", "input", p.Seq, "of", p.Last, "for", p.Since.Round(time.Second))
		}
	}
	return c, nil
}
