package journal_test

import (
	"io"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// byHand is a ground that a test drives, in a bubble of testing/synctest. Values of
// several devices at the same time enter in the order in which the devices were
// opened, so that every run is the same.
type byHand struct {
	t       *testing.T
	in      chan any
	journal *journal.Journal
	machine *vm.Machine
	devices []*handheld
}

type handheld struct {
	address *vm.Address
	handle  world.Handle
	values  chan vm.Input
}

// beginByHand starts a program, or lets it go on.
func beginByHand(t *testing.T, c journal.Config, s wal.Store, program func(chan any) journal.Program) *byHand {
	t.Helper()
	g := &byHand{t: t, in: make(chan any)}
	var err error
	if g.journal, err = c.OpenStore(s); err != nil {
		t.Fatal(err)
	}
	var start vm.Input
	if g.machine, start, err = g.journal.Begin(t.Context(), vm.Limits{}, program(g.in).Boot); err != nil {
		t.Fatal(err)
	}
	g.apply(start)
	g.work()
	return g
}

// apply applies an input, and carries out the commands.
func (g *byHand) apply(in vm.Input) {
	g.t.Helper()
	if err := g.journal.Append(in); err != nil {
		g.t.Fatal(err)
	}
	commands := g.machine.Apply(in)
	if _, err := g.journal.Commit(g.machine); err != nil {
		g.t.Fatal(err)
	}
	if err := g.journal.Sync(); err != nil {
		g.t.Fatal(err)
	}
	for _, c := range commands {
		switch c.Kind {
		case vm.Open:
			g.open(c.Address)
		case vm.Tell:
			if _, err := g.held(c.Address).handle.Try([]any{c.Value}); err != nil {
				g.t.Fatal(err)
			}
		case vm.Close:
			_ = g.held(c.Address).handle.Close()
		}
	}
}

func (g *byHand) held(a *vm.Address) *handheld {
	for _, d := range g.devices {
		if d.address.Generation == a.Generation {
			return d
		}
	}
	g.t.Fatalf("nobody has opened %v", a)
	return nil
}

func (g *byHand) open(a *vm.Address) {
	handle, err := a.Device.Open(g.t.Context(), handEnv{})
	if err != nil {
		g.t.Fatal(err)
	}
	d := &handheld{a, handle, make(chan vm.Input)}
	g.devices = append(g.devices, d)
	go func() {
		defer close(d.values)
		for {
			v, err := handle.Recv()
			if err != nil {
				return
			}
			d.values <- vm.Input{Kind: vm.Value, Address: a, Value: v}
		}
	}()
}

// work applies inputs until there are none.
func (g *byHand) work() {
	for more := true; more; {
		synctest.Wait()
		more = false
		for _, d := range g.devices {
			select {
			case in, ok := <-d.values:
				if ok {
					g.apply(in)
				}
				more = more || ok
			default:
			}
		}
	}
}

// hand gives a slip to the counter.
func (g *byHand) hand(v any) {
	g.in <- v
	g.work()
}

// pass lets time pass.
func (g *byHand) pass(d time.Duration) {
	time.Sleep(d) // in the bubble
	g.work()
}

// stop stops the machine.
func (g *byHand) stop() {
	g.apply(vm.Input{Kind: vm.StopAsked})
	g.apply(vm.Input{Kind: vm.StopDone})
	g.crash()
}

// crash ends it without a stop.
func (g *byHand) crash() {
	if err := g.journal.End(nil); err != nil {
		g.t.Error(err)
	}
	for _, d := range g.devices {
		_ = d.handle.Close()
		for range d.values {
		}
	}
}

// handEnv is an Env that keeps nothing.
type handEnv struct{}

func (handEnv) Keep(io.Closer) world.Ref          { panic("nothing is kept") }
func (handEnv) Take(world.Ref) (io.Closer, error) { return nil, world.ErrNotKept }
func (handEnv) Logger() *slog.Logger              { return quiet }
