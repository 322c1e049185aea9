package program

import (
	"context"
	"sync"
	"testing"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vmtest"
)

// CheckTypes runs a machine on a ground until ctx is done or the machine ends. Then it
// applies the same inputs to another machine, and calls [vmtest.CheckTypes] after each.
func CheckTypes(ctx context.Context, t testing.TB, types []actions.Type, others func(vm.ProcessInfo) bool, boot ...actions.Action) {
	t.Helper()
	var mu sync.Mutex
	var inputs []vm.Input
	g := ground.Ground{Watch: func(r *vm.Record) {
		mu.Lock()
		defer mu.Unlock()
		if r.Kind == vm.Entered {
			inputs = append(inputs, r.Input)
		}
	}}
	if err := g.Run(ctx, boot...); err != nil {
		t.Errorf("program: %v", err)
	}
	m := vm.New(boot...)
	for _, in := range inputs {
		m.Apply(in)
		vmtest.CheckTypes(t, m, types, others)
	}
}
