package journal_test

import (
	"errors"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/vm"
)

// HL-36: a journal keeps that the limits were strict, so that a replay does the same.
func TestStrictIsKept(t *testing.T) {
	dir := t.TempDir()
	boot := actions.Send(Slip{})
	j, err := journal.Config{Logger: quiet}.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	g := ground.Ground{Journal: j, Limits: vm.Limits{Strict: true}, Logger: quiet}
	if err := g.Run(t.Context(), boot); !errors.Is(err, vm.ErrNotAdvertised) {
		t.Errorf("Run returns %v", err)
	}
	h, err := journal.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Replay(t.Context(), journal.Booting(boot), journal.ReplayConfig{}); err != nil {
		t.Error(err)
	}
}
