package proof

import (
	"errors"
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/vm"
)

// Issue 9.9: a journal has the failure of a program as a stop, so that a later
// start goes on from there and does not fail for the same reason.
func TestFailureIsNotRepeated(t *testing.T) {
	reason := errors.New("no more")
	for name, fail := range map[string]func(at tcp.Addr) actions.Action{
		"exit": func(at tcp.Addr) actions.Action {
			return actions.Spawn(actions.Stateless(endpoint.ObservePublishers(tcp.Arriving(at),
				endpoint.OnPresence(func(tcp.Data) actions.Action { return actions.Group(endpoint.Exit(reason), actions.Quit()) }))))
		},
		"first process": func(at tcp.Addr) actions.Action {
			return endpoint.ObservePublishers(tcp.Arriving(at), endpoint.OnPresence(func(tcp.Data) actions.Action { return actions.Fail(reason) }))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, addr := t.TempDir(), freePort(t)
			at, err := tcp.ParseListener(addr)
			if err != nil {
				t.Fatal(err)
			}
			bound := make(chan tcp.Addr, 100)
			program := func(bound chan tcp.Addr) []actions.Action {
				// The greeter is not the first process.
				return []actions.Action{actions.Spawn(actions.Stateless(greeter(at, bound)...)), fail(at)}
			}
			first := goOn(t, dir, program(bound)...)
			<-bound
			greeted(t, addr) // upon which it fails
			if err := <-first.over; err == nil || !errors.Is(err, reason) && err.Error() != reason.Error() {
				t.Errorf("Run returns %v", err)
			}
			for range 2 {
				again := goOn(t, dir, program(bound)...)
				select {
				case <-again.opened:
				case err := <-again.over:
					t.Fatalf("it ends at once: %v", err)
				}
				greeted(t, addr)
				again.end()
			}
			h, err := journal.Read(dir)
			if err != nil {
				t.Fatal(err)
			}
			var kinds []vm.InputKind
			for in, err := range h.Inputs(1) {
				if err != nil {
					t.Fatal(err)
				}
				if in.Kind == vm.Start || in.Kind == vm.StopAsked || in.Kind == vm.StopDone {
					kinds = append(kinds, in.Kind)
				}
			}
			if want := slices.Repeat([]vm.InputKind{vm.Start, vm.StopAsked, vm.StopDone}, 3); !slices.Equal(kinds, want) {
				t.Errorf("the journal has %v, not %v", kinds, want)
			}
			r, err := h.Replay(t.Context(), journal.Booting(program(nil)...), journal.ReplayConfig{})
			if err != nil || r.Seq != h.Last() {
				t.Errorf("%d of %d inputs are replayed: %v", r.Seq, h.Last(), err)
			}
		})
	}
}
