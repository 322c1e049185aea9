package door_test

import (
	"os"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/topic"
)

// keep returns a ground with a journal in a folder.
func keep(t testing.TB, dir string, d *door.Door) *ground.Ground {
	t.Helper()
	j, err := journal.Config{Durability: journal.Sync, Trace: true, Types: append(door.Types(d), shops.Type), SnapshotEvery: -1}.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return &ground.Ground{Journal: j}
}

// A run with sends and subscriptions is replayed without any Go code behind the door, and
// does the same, step by step.
func TestReplay(t *testing.T) {
	dir := t.TempDir()
	d := door.New("shop")
	stop := run(t, keep(t, dir, d), d.Driver(), seller())
	for range 2 {
		r := read(t, door.Subscribe(soon(t), d, topic.Where(topic.Glob(item, "t*"))))
		r.want(door.Started, receipt{})
		r.want(door.Presence, receipt{})
		p := read(t, door.Publish(soon(t), d, topic.All[order]()))
		p.want(door.Started, order{})
		for _, name := range []string{"tea", "milk", "toast"} {
			if err := d.Send(soon(t), order{name, 1}); err != nil {
				t.Fatal(err)
			}
		}
		r.want(door.Message, receipt{"tea", 1})
		r.want(door.Message, receipt{"toast", 1})
		r.stop()
		p.stop()
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	replay(t, dir, seller())
}

// replay replays a journal with a door that nobody uses.
func replay(t *testing.T, dir string, boot actions.Action) {
	t.Helper()
	h, err := journal.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	d := door.New("shop")
	p := journal.Booting(d.Driver(), boot)
	p.Types = append(door.Types(d), shops.Type)
	report, err := h.Replay(t.Context(), p, journal.ReplayConfig{})
	if err != nil || report.Traced == 0 || report.States == 0 {
		t.Errorf("%v; of %d inputs %d have a trace, and %d states", err, report.Seq, report.Traced, report.States)
	}
}

// A run goes on after a crash, with another door. What was acknowledged is on disk, and
// the subscriptions of the run before are forgotten.
func TestAfterACrash(t *testing.T) {
	dir, copied := t.TempDir(), t.TempDir()
	d := door.New("shop")
	run(t, keep(t, dir, d), d.Driver(), seller())
	r := read(t, door.Subscribe(soon(t), d, topic.All[receipt]()))
	r.want(door.Started, receipt{})
	r.want(door.Presence, receipt{})
	if err := d.Send(soon(t), order{"the end", 0}); err != nil { // the seller fails
		t.Fatal(err)
	}
	r.want(door.Absence, receipt{})
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	again := door.New("shop")
	stop := run(t, keep(t, copied, again), again.Driver(), seller())
	watch := read(t, door.Publish(soon(t), again, topic.All[receipt]()))
	watch.want(door.Started, receipt{}) // nobody subscribes any more
	if err := again.Send(soon(t), order{"tea", 1}); err != nil {
		t.Fatal(err)
	}
	late := read(t, door.Subscribe(soon(t), again, topic.All[receipt](), door.Observing()))
	late.want(door.Started, receipt{})
	late.want(door.Presence, receipt{}) // of watch: the seller is gone, so the order was on disk
	if err := again.Send(soon(t), receipt{"tea", 2}); err != nil {
		t.Fatal(err)
	}
	late.want(door.Message, receipt{"tea", 2})
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	replay(t, copied, seller())
}
