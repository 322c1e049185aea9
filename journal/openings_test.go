package journal

import (
	"context"
	"log/slog"
	"runtime"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// A door is a device with a name that it may share with others.
type door struct {
	Name string
	N    int
}

func (d door) DeviceName() string { return d.Name }

func (d door) Open(context.Context, world.Env) (world.Handle, error) { return nil, world.ErrClosed }

// A knock at the main door opens a guest's door, and closes the last one.
type knock struct{ N int }

func init() { world.Register[knock]("openingstest.knock") }

// porter has doors that are opened before the main door, in processes of their own.
func porter(before int) Program {
	var all actions.Tree
	for i := range before {
		all = append(all, actions.Spawn(actions.Next(0, endpoint.Device(door{"before", i}))))
	}
	return Booting(append(all, actions.Spawn(actions.Next(0,
		endpoint.Device(door{"main", 0}, endpoint.OnValueState(func(last int, k knock) actions.Transition[int] {
			return actions.Next(k.N, actions.Close(door{"guest", last}), endpoint.Device(door{"guest", k.N}))
		})),
	)))...)
}

// knocks writes a journal in which each knock opens a door that sends a value.
func knocks(t *testing.T, n int) (*Journal, wal.Store) {
	t.Helper()
	store := wal.NewMemory()
	c := Config{Durability: Memory, Logger: slog.New(slog.DiscardHandler)}
	j, err := c.OpenStore(store)
	if err != nil {
		t.Fatal(err)
	}
	m, in, err := j.Begin(t.Context(), vm.Limits{}, porter(0).Boot)
	apply := func(in vm.Input) {
		if err == nil {
			err = j.Append(in)
		}
		m.Apply(in)
		if _, e := j.Commit(m); err == nil {
			err = e
		}
	}
	apply(in)
	for i := range n {
		apply(vm.Input{Kind: vm.Value, Address: m.Held(1), Value: knock{i + 1}})
		apply(vm.Input{Kind: vm.Value, Address: m.Held(uint64(i) + 2), Value: knock{i}})
	}
	if err != nil {
		t.Fatal(err)
	}
	return j, store
}

// TestIssue14B6Addresses: a run and a recovery keep the addresses of few more devices than
// are open.
func TestIssue14B6Addresses(t *testing.T) {
	const n = 20_000
	j, store := knocks(t, n)
	if got := len(j.known.of); got > 2*leastOpenings {
		t.Errorf("a run knows %d openings, and 2 are open", got)
	}
	if err := j.End(nil); err != nil {
		t.Fatal(err)
	}
	h, err := ReadStore(store)
	if err != nil {
		t.Fatal(err)
	}
	p, err := newPlayer(porter(0))
	if err != nil {
		t.Fatal(err)
	}
	err = p.replay(t.Context(), h.decodedInputs(1, &Stretch{First: 1}, nil), replayOptions{last: until(0), total: h.Last})
	if got := len(p.verified.of); err != nil || got > 2*leastOpenings || p.checked != 2*n+1 {
		t.Errorf("a replay knows %d openings, and 2 are open: %v", got, err)
	}
	again, err := Config{Logger: slog.New(slog.DiscardHandler)}.OpenStore(store)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := again.Begin(t.Context(), vm.Limits{}, porter(0).Boot); err != nil {
		t.Fatal(err)
	}
	if got := len(again.player.verified.of); got > 0 {
		t.Errorf("after a recovery, %d openings are known", got)
	}
	if err := again.End(nil); err != nil {
		t.Error(err)
	}
}

// TestIssue14B6Indexes: a reader keeps the addresses of few segments.
func TestIssue14B6Indexes(t *testing.T) {
	h := &History{indexes: make([]partIndex, 100)}
	for part := range h.indexes {
		h.addSeekPoint(part, seekPoint{seq: uint64(part + 1), mentions: 1}, []mention{{generation: 1}})
	}
	kept := 0
	for _, x := range h.indexes {
		kept += len(x.mentions)
	}
	if kept != keptIndexes || h.seekPointFor(99, 200).addresses == nil || h.seekPointFor(0, 200).seq != 0 {
		t.Errorf("%d indexes are kept", kept)
	}
}

// TestIssue14B7ShiftedNumbers: what an input costs in a branch in which devices have other
// numbers does not grow with the number of processes.
func TestIssue14B7ShiftedNumbers(t *testing.T) {
	const n = 500
	j, store := knocks(t, n)
	if err := j.End(nil); err != nil {
		t.Fatal(err)
	}
	cost := func(processes int) uint64 {
		h, err := ReadStore(store)
		if err != nil {
			t.Fatal(err)
		}
		r, err := h.Record(porter(0))
		if err != nil {
			t.Fatal(err)
		}
		other := porter(processes)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		b, err := r.Branch(t.Context(), Branch{Program: &other})
		if err != nil {
			t.Fatal(err)
		}
		m, err := b.At(t.Context(), b.Last())
		if err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&after)
		last := vm.ProcessInfo{}
		for last = range m.Processes() {
		}
		if len(last.Devices) != 2 || last.State != n {
			t.Errorf("with %d processes, the porter has %v and is %v", processes, last.Devices, last.State)
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	few, many := cost(10), cost(2000)
	if grown := (many - min(few, many)) / (2*n + 1); grown > 10_000 {
		t.Errorf("each input takes %d bytes more with 2000 processes than with 10", grown)
	}
}

// TestIssue14B7Choice: among devices with the same name, the index chooses as a search
// through all processes does.
func TestIssue14B7Choice(t *testing.T) {
	machine := vm.Config{}.NewFunc(porter(5).Boot)
	machine.Apply(vm.Input{Kind: vm.Start, Incarnation: 1})
	x := newDeviceIndex(machine)
	for _, name := range []string{"before", "main", "guest"} {
		for pid := range actions.PID(9) {
			path := vm.Path{pid}
			var want *vm.Address
			for info := range machine.Processes() {
				for _, a := range info.Devices {
					if a.Device.DeviceName() == name && (want == nil || a.Path.String() == path.String()) {
						want = a
					}
				}
			}
			if got := x.find(machine, name, path); got != want {
				t.Errorf("%s for %v is %v, not %v", name, path, got, want)
			}
		}
	}
}
