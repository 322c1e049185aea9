package program

import (
	"context"
	"io"
	"sync"
	"testing"

	"github.com/go-marketplace/marketplace"
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vmtest"
)

// A witness tells a test where a server listens.
type witness struct{}

// CheckTypes runs p, a server that listens at at, until talk returns, which is given
// the bound address. Then it applies the same inputs to another machine, and calls
// [vmtest.CheckTypes] after each: all processes must be of the types of p.
func CheckTypes(t testing.TB, p marketplace.Program, at tcp.Addr, talk func(addr string)) {
	t.Helper()
	bound := make(chan string, 2) // one for each machine
	witnesses := actions.Define("test.witness", func(witness) actions.Action {
		return endpoint.ObservePublishers(tcp.ListeningAt(at), endpoint.OnPresence(func(l tcp.Listening) actions.Action {
			bound <- l.Bound.String()
			return nil
		}))
	})
	p.Console = console.Config{Out: io.Discard}
	replayable := p.Replayable()
	types := append(replayable.Types, witnesses.Type)
	boot := func(self actions.PID) actions.Process {
		_, as := replayable.Boot(self).Erase()
		return actions.Stateless(as, witnesses.Spawn(witness{}))
	}

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var inputs []vm.Input
	g := ground.Ground{Watch: func(r *vm.Record) {
		if r.Kind == vm.Entered {
			inputs = append(inputs, r.Input)
		}
	}}
	var run sync.WaitGroup
	run.Go(func() {
		if err := g.RunFunc(ctx, boot); err != nil {
			t.Errorf("program: %v", err)
		}
	})
	talk(<-bound)
	stop()
	run.Wait()

	m := vm.Config{}.NewFunc(boot)
	for _, in := range inputs {
		m.Apply(in)
		vmtest.CheckTypes(t, m, types, func(vm.ProcessInfo) bool { return false })
	}
}
