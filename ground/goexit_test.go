package ground_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// A question is a command whose completion is reported.
type question struct{ Text string }

func (question) Reports() bool { return true }

// runs fails the test if a ground does not end.
func runs(t *testing.T, g ground.Ground, boot ...actions.Action) {
	t.Helper()
	over := make(chan error, 1)
	go func() { over <- g.Run(t.Context(), boot...) }()
	select {
	case err := <-over:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(time.Minute):
		stacks := make([]byte, 1<<16)
		t.Fatalf("it does not end:\n%s", stacks[:runtime.Stack(stacks, true)])
	}
}

// times returns how often something has been done on a stage.
func times(s *stage, what string) (n int) {
	for _, note := range s.notes() {
		if strings.Contains(note, what) {
			n++
		}
	}
	return n
}

// TestManyEffectsOfOneReport: the goroutine that carries out effects when the inputs
// are safe does not wait for itself, even if the report of the first effect causes
// many others.
func TestManyEffectsOfOneReport(t *testing.T) {
	const many = 1<<16 + 10
	s := newStage()
	d := puppet{"p", s}
	runs(t, ground.Ground{Journal: &ledger{s: s, wait: true}, DeviceQueue: 1 << 30}, endpoint.Device(d,
		endpoint.OnValue(func(hello) actions.Action { return actions.Tell(d, question{"well?"}) }),
		endpoint.OnDone(func(any) actions.Action {
			all := make(actions.Tree, 0, many+1)
			for range many {
				all = append(all, actions.Tell(d, say{"much"}))
			}
			return append(all, actions.Quit())
		}),
	))
	if n := times(s, "much"); n != many {
		t.Errorf("%d commands were carried out", n)
	}
}

// TestGoexitOfReport: a transition function that ends the goroutine when it hears of
// a completed command does not affect others that wait for inputs to be safe.
func TestGoexitOfReport(t *testing.T) {
	s, other := newStage(), newStage()
	p, q := puppet{"p", s}, puppet{"q", other}
	g := ground.Ground{Journal: &ledger{s: s, wait: true}, Watch: func(r *vm.Record) {
		if r.Kind == vm.Ended && r.Name() == "rash" {
			go func() { other.values <- say{"go on"} }()
		}
	}}
	runs(t, g,
		actions.Spawn(actions.Stateless(endpoint.Device(p,
			endpoint.OnValue(func(hello) actions.Action { return actions.Tell(p, question{"well?"}) }),
			endpoint.OnDone(func(any) actions.Action { runtime.Goexit(); return nil }),
		))).Named("rash"),
		actions.Spawn(actions.Stateless(endpoint.Device(q,
			endpoint.OnValue(func(s say) actions.Action { return actions.Tree{actions.Tell(q, s), actions.Quit()} }),
		))),
	)
	if n := times(other, "go on"); n != 1 {
		t.Errorf("%d commands were carried out", n)
	}
}

// TestGoexitWhileOpening: the same while a device with a waiting command is opened:
// the ground still receives from it.
func TestGoexitWhileOpening(t *testing.T) {
	s := newStage()
	p := puppet{"p", s}
	type push struct{}
	pushes := topic.All[push]()
	rash := actions.Stateless(
		endpoint.Subscriber(pushes, endpoint.OnMessage(func(push) actions.Action { runtime.Goexit(); return nil })),
		endpoint.Publisher(pushes), actions.Send(push{}),
	)
	runs(t, ground.Ground{}, actions.Spawn(actions.Stateless(
		endpoint.Device(p,
			endpoint.OnValue(func(hello) actions.Action { return actions.Quit() }),
			endpoint.OnDone(func(any) actions.Action { return actions.Spawn(rash) }),
		),
		actions.Tell(p, question{"well?"}),
	)))
}
