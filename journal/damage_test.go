package journal_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// damaged is a journal of many segments and two snapshots, whose bytes a test
// changes.
type damaged struct {
	*wal.Memory
	segments, snapshots []string
}

func toBeDamaged(t *testing.T) damaged {
	t.Helper()
	d := damaged{Memory: wal.NewMemory()}
	if d := drive(t, journal.Config{SnapshotEvery: 30, SegmentSize: 400}, d.Memory, manySlips(105), synctest.Wait); d.err != nil {
		t.Fatal(d.err)
	}
	names, err := d.List()
	must(t, err)
	for _, name := range names {
		switch {
		case strings.HasSuffix(name, ".journal"):
			d.segments = append(d.segments, name)
		case strings.HasSuffix(name, ".snapshot"):
			d.snapshots = append(d.snapshots, name)
		}
	}
	slices.Sort(d.segments)
	if len(d.segments) < 10 || len(d.snapshots) != 2 {
		t.Fatal(names)
	}
	return d
}

// harm changes a byte, counted from the end of a file if at is negative.
func (d damaged) harm(name string, at int) {
	b := d.ReadFile(name)
	if at < 0 {
		at += len(b)
	}
	b[at] ^= 1
	d.WriteFile(name, b)
}

// TestOldDamage: damage before a good snapshot does not prevent a recovery; a reader
// that comes to it gets an error.
func TestOldDamage(t *testing.T) {
	const head = 48 + 10
	for _, tt := range []struct{ segment, at int }{{0, head}, {0, -40}, {1, head}, {1, -40}, {2, head}} {
		synctest.Test(t, func(t *testing.T) {
			d := toBeDamaged(t)
			sound := outline(driveOn(t, journal.Config{}, d).m)
			name := d.segments[tt.segment]
			d.harm(name, tt.at)
			again := driveOn(t, journal.Config{}, d)
			if again.err != nil || outline(again.m) != sound {
				t.Errorf("%s, byte %d: %v", name, tt.at, again.err)
			}
			h, err := journal.ReadStore(d)
			must(t, err)
			for _, err = range h.Inputs(1) {
			}
			if damage, ok := errors.AsType[*wal.DamageError](err); !ok || damage.Segment != name {
				t.Errorf("%s, byte %d: who reads gets %v", name, tt.at, err)
			}
		})
	}
}

// TestCutOldDamage: damage that no good snapshot skips can be cut off.
func TestCutOldDamage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := toBeDamaged(t)
		for _, name := range append(d.snapshots, d.segments[2]) {
			d.harm(name, -40)
		}
		again := driveOn(t, journal.Config{}, d)
		if damage, ok := errors.AsType[*wal.DamageError](again.err); !ok || damage.Segment != d.segments[2] {
			t.Fatalf("it goes on: %v", again.err)
		}
		if again = driveOn(t, journal.Config{Cut: advised(t, again.err)}, d); again.err != nil {
			t.Fatal(again.err)
		}
		h, err := journal.ReadStore(d)
		must(t, err)
		if h.Last() < 2 || h.Last() > 30 {
			t.Errorf("the last input is %d", h.Last())
		}
	})
}

// TestTwoPlaces: an error of Open names the damage that prevents a recovery, and the
// inputs after that damage as those that a cut loses.
func TestTwoPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := toBeDamaged(t)
		must(t, d.Remove(d.snapshots[1])) // of the end, before which damage would do no harm
		late := d.segments[len(d.segments)-2]
		d.harm(d.segments[1], -40)
		d.harm(late, -40)
		again := driveOn(t, journal.Config{}, d)
		damage, ok := errors.AsType[*wal.DamageError](again.err)
		if !ok || damage.Segment != late {
			t.Fatalf("got %v", again.err)
		}
		cut := advised(t, again.err)
		last := cut.Seq - 1
		if last < 90 || !strings.Contains(again.err.Error(), fmt.Sprintf("the last input before it is %d;", last)) {
			t.Fatalf("got %v", again.err)
		}
		if again = driveOn(t, journal.Config{Cut: cut}, d); again.err != nil {
			t.Fatal(again.err)
		}
		h, err := journal.ReadStore(d)
		must(t, err)
		if h.Last() != last {
			t.Errorf("the last input is %d, and not %d", h.Last(), last)
		}
	})
}

// TestForgedHead: an impossible head is refused.
func TestForgedHead(t *testing.T) {
	store := wal.NewMemory()
	log, _, err := wal.Open(store, wal.Options{})
	must(t, err)
	head := append([]byte{1, 1}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1) // format 1, 2⁶⁴-1 inputs
	_, err = log.Append(append(head, make([]byte, 6)...))
	must(t, errors.Join(err, log.Close()))
	if _, err := journal.ReadStore(store); !errors.As(err, new(*wal.DamageError)) {
		t.Errorf("it can be read: %v", err)
	}
}

// TestAdopterCrashes: an adopter that crashes before its first input has adopted the
// journal.
func TestAdopterCrashes(t *testing.T) {
	store := wal.NewMemory()
	must(t, drive(t, journal.Config{}, store, []any{Slip{"ann", 0}, Slip{"ann", 3}}, func() {}).err) // and is killed
	const adopted = 3                                                                                // inputs: the start, and the slips
	other := func(s *street) journal.Program {
		return journal.Booting(
			actions.Spawn(clerk{"north"}.process(s)).Named("other clerk"),
			actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[Slip](), endpoint.OnMessage(func(Slip) actions.Action {
				return endpoint.Publisher(topic.All[int]())
			})))).Named("witness"),
		)
	}
	open := func(c journal.Config) *journal.Journal {
		c.Logger = quiet
		j, err := c.OpenStore(store)
		must(t, err)
		return j
	}
	j := open(journal.Config{Adopt: true})
	_, _, err := j.Begin(t.Context(), vm.Limits{}, other(newStreet()).Boot)
	must(t, errors.Join(err, j.Sync(), j.End(errors.New("crash"))))
	s := newStreet()
	var outside sync.WaitGroup
	outside.Go(func() {
		s.slips <- Slip{"ann", 4}
		<-s.got
		close(s.slips)
	})
	g := ground.Ground{Journal: open(journal.Config{})}
	must(t, g.RunFunc(t.Context(), other(s).Boot))
	outside.Wait()
	h, err := journal.ReadStore(store)
	must(t, err)
	if _, err := h.Replay(t.Context(), other(newStreet()), journal.ReplayConfig{}); err != nil {
		t.Error(err)
	}
	p, err := h.Presence()
	must(t, err)
	for _, i := range p.Intervals {
		if i.Name == "witness" && i.From.Seq <= adopted {
			t.Errorf("%v is there from input %d on, which came to others", &i, i.From.Seq)
		}
	}
	there := p.At(h.Last() - 1).Intervals
	for _, i := range there {
		if i.Name == "clerk" {
			t.Errorf("%v is still there", &i)
		}
	}
	if len(there) < 2 {
		t.Errorf("there are %v", there)
	}
}

// TestTraceThenTypes: a program with more types than before has the same trace; one
// that lacks types gets an error.
func TestTraceThenTypes(t *testing.T) {
	for _, then := range []bool{false, true} {
		dir := t.TempDir()
		with := func(p journal.Program, has bool) journal.Program {
			if has {
				p.Types = types(newStreet())
			}
			return p
		}
		record(t, dir, journal.Config{Trace: true, Types: with(journal.Program{}, then).Types}, someSlips...)
		_, err := read(t, dir).Replay(t.Context(), with(bank(newStreet()), !then), journal.ReplayConfig{})
		if !then && err != nil {
			t.Errorf("with types now: %v", err)
		}
		if then && (err == nil || !strings.Contains(err.Error(), "set Program.Types")) {
			t.Errorf("without types now: %v", err)
		}
	}
}

// wordless is an error without a text.
type wordless struct{ text string }

func (e *wordless) Error() string { return e.text }

// TestWordlessReasons: a reason without a text is noted as such.
func TestWordlessReasons(t *testing.T) {
	store := wal.NewMemory()
	for _, trace := range []bool{false, true} {
		j, err := journal.Config{Logger: quiet, Trace: trace}.OpenStore(store)
		must(t, err)
		g := ground.Ground{Journal: j}
		must(t, g.Run(t.Context(),
			actions.Spawn(actions.Stateless(
				endpoint.Subscriber(topic.Where(slipAccount.Is("ann"))).As("x"),
				actions.Delete("x").Because((*wordless)(nil)),
				actions.Fail((*wordless)(nil)),
			)).Named("fails")))
		store = wal.NewMemory()
	}
}
