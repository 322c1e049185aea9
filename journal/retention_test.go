package journal_test

import (
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
)

// diskUse returns how much segments and snapshots take.
func diskUse(t *testing.T, s *wal.Memory) (bytes int64) {
	t.Helper()
	names, err := s.List()
	must(t, err)
	for _, name := range names {
		if strings.HasSuffix(name, ".journal") || strings.HasSuffix(name, ".snapshot") {
			bytes += int64(len(s.ReadFile(name)))
		}
	}
	return bytes
}

// firstTime returns the time of the oldest input.
func firstTime(t *testing.T, s wal.Store) time.Time {
	t.Helper()
	h, err := journal.ReadStore(s)
	must(t, err)
	for in, err := range h.Inputs(0) {
		must(t, err)
		return in.Time
	}
	return time.Time{}
}

// TestIssue14RetentionByAge: a journal keeps all inputs that are younger than an age, and not many
// that are older, although the program is stopped often; it can be recovered at any time.
func TestIssue14RetentionByAge(t *testing.T) {
	const age = 24 * time.Hour
	for _, restarts := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := wal.NewMemory()
			c := journal.Config{Retention: journal.Retention{Age: age}}
			r := open(t, s, c)
			begun := time.Now()
			r.gives(Slip{"ann", 0})
			for range 200 {
				time.Sleep(time.Hour)
				r.gives(Slip{"ann", 1})
				time.Sleep(30 * time.Minute) // a snapshot is taken meanwhile
				since := time.Since(firstTime(t, s))
				if since < min(age, time.Since(begun)) || since > age*3/2 {
					t.Fatalf("restarts: %v; after %v, the oldest input is %v old", restarts, time.Since(begun), since)
				}
				if restarts {
					must(t, r.stop())
					r = open(t, s, c)
				}
			}
			must(t, r.stop())
			if n := len(snapshotsOf(t, s)); n > 9 {
				t.Errorf("there are %d snapshots", n)
			}
			sound(t, s)
			must(t, driveOn(t, journal.Config{}, s).err)
		})
	}
}

// TestIssue14RetentionByBytes: a journal takes no more than so many bytes, with its snapshots, and
// uses most of them.
func TestIssue14RetentionByBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 40_000
		s := wal.NewMemory()
		c := journal.Config{SnapshotEvery: 20, Retention: journal.Retention{Bytes: most}}
		grown := false
		for range 30 {
			r := open(t, s, c)
			for range 60 {
				r.gives(Slip{"ann", 0}, Slip{"ann", 1}, Slip{"ann", -1})
				use := diskUse(t, s)
				// What comes after a snapshot is there until the next one.
				if use > most+most/8 {
					t.Fatalf("it takes %d bytes", use)
				}
				if grown = grown || use > most; grown && use < most/2 {
					t.Fatalf("it takes %d bytes only", use)
				}
			}
			must(t, r.stop())
		}
		if h, err := journal.ReadStore(s); err != nil || h.First() == 1 {
			t.Errorf("nothing was removed: %v", err)
		}
		sound(t, s)
		must(t, driveOn(t, journal.Config{}, s).err)
	})
}

// TestIssue14RetentionKeepsWhatIsNeeded: a limit that cannot be met leaves the newest two
// snapshots, with all that follows the older one.
func TestIssue14RetentionKeepsWhatIsNeeded(t *testing.T) {
	for _, limit := range []journal.Retention{{Inputs: 1}, {Age: 1}, {Bytes: 1200}, {Inputs: 1, Age: 1, Bytes: 1200}} {
		synctest.Test(t, func(t *testing.T) {
			s := wal.NewMemory()
			c := journal.Config{SnapshotEvery: 10, SegmentSize: 400, Retention: limit}
			for range 3 {
				must(t, drive(t, c, s, manySlips(100), func() { time.Sleep(time.Second); synctest.Wait() }).err)
				h, err := journal.ReadStore(s)
				must(t, err)
				names := snapshotsOf(t, s)
				if oldest := seqOf(t, names[0]); len(names) != 2 || h.First() > oldest+1 || h.First()+10 < oldest {
					t.Errorf("%v: the history begins with %d, and there are %v", limit, h.First(), names)
				}
				sound(t, s)
				must(t, s.Remove(names[1])) // the older one is enough
				must(t, driveOn(t, journal.Config{}, copied(t, s)).err)
			}
		})
	}
}

// TestIssue14RetentionNonsense: limits that contradict the Config, or themselves, are errors that
// say why.
func TestIssue14RetentionNonsense(t *testing.T) {
	known := types(newStreet())
	for _, tt := range []struct {
		c    journal.Config
		want string
	}{
		{journal.Config{Types: known, Retention: journal.Retention{Age: -time.Hour}}, "Config.Retention.Age is negative (-1h0m0s)"},
		{journal.Config{Types: known, Retention: journal.Retention{Bytes: -1}}, "Config.Retention.Bytes is negative (-1)"},
		{journal.Config{Types: known, Retention: journal.Retention{Inputs: math.MaxUint64}}, "Config.Retention.Inputs is 18446744073709551615"},
		{journal.Config{Types: known, SegmentSize: 1000, Retention: journal.Retention{Bytes: 1999}}, "must be at least twice Config.SegmentSize, which is 1000"},
		{journal.Config{Types: known, SnapshotEvery: -1, Retention: journal.Retention{Age: time.Hour}}, "Config.Retention (age=1h0m0s) needs snapshots, and Config.SnapshotEvery is -1"},
		{journal.Config{Types: []actions.Type{}, Retention: journal.Retention{Bytes: 1 << 30}}, "Config.Retention (bytes=1GiB) needs snapshots, and Config.Types is empty"},
	} {
		s := wal.NewMemory()
		if _, err := tt.c.OpenStore(s); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v: %v", tt.c.Retention, err)
		}
		if names, err := s.List(); err != nil || len(names) > 0 {
			t.Errorf("%v, %v", names, err)
		}
	}
}

// TestIssue14ParseRetention: limits can be written and read.
func TestIssue14ParseRetention(t *testing.T) {
	for _, tt := range []struct {
		text string
		want journal.Retention
		says string
	}{
		{"inputs=1000", journal.Retention{Inputs: 1000}, "inputs=1000"},
		{"age=30d,bytes=10GiB", journal.Retention{Age: 30 * 24 * time.Hour, Bytes: 10 << 30}, "age=720h0m0s,bytes=10GiB"},
		{"bytes=500MB,inputs=7,age=90m", journal.Retention{Inputs: 7, Age: 90 * time.Minute, Bytes: 500e6}, "inputs=7,age=1h30m0s,bytes=500000000"},
		{"bytes=1025", journal.Retention{Bytes: 1025}, "bytes=1025"},
		{"bytes=3TiB", journal.Retention{Bytes: 3 << 40}, "bytes=3TiB"},
	} {
		r, err := journal.ParseRetention(tt.text)
		if err != nil || r != tt.want || r.String() != tt.says {
			t.Errorf("%q is %v (%+v), %v", tt.text, r, r, err)
		}
		if again, err := journal.ParseRetention(r.String()); err != nil || again != r {
			t.Errorf("%q is %v, %v", r, again, err)
		}
	}
	for text, want := range map[string]string{
		"":                    "the limits are inputs, age and bytes",
		"size=3":              `"size=3" is no limit`,
		"age":                 `"age" is no limit: it must be a time greater than zero`,
		"age=0":               "greater than zero",
		"age=-3h":             "greater than zero",
		"age=200000d":         "such as 36h or 30d",
		"bytes=9999999TiB":    "such as 500MB or 10GiB",
		"bytes=1.5GB":         "such as 500MB or 10GiB",
		"inputs=0":            "greater than zero",
		"inputs=-1":           "it must be a number of inputs",
		"age=1h,age=2h":       "two limits age",
		"age=1h, bytes=10KiB": `" bytes=10KiB" is no limit`,
	} {
		if r, err := journal.ParseRetention(text); err == nil || !strings.Contains(err.Error(), want) || r != (journal.Retention{}) {
			t.Errorf("%q is %v, %v", text, r, err)
		}
	}
}
