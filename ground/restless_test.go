package ground_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
)

// alarmed is a writer that keeps what is written, and calls a function when it
// contains a certain text.
type alarmed struct {
	strings.Builder
	text string
	f    func()
}

func (a *alarmed) Write(p []byte) (int, error) {
	if strings.Contains(string(p), a.text) {
		a.f()
	}
	return a.Builder.Write(p)
}

// Issue 9.10: a process that answers a message with one of the same type hears itself
// for ever. The ground logs that once, and names the process.
func TestMachineThatDoesNotRest(t *testing.T) {
	echo := actions.Spawn(actions.Stateless(endpoint.Subscriber(topic.All[job](), endpoint.OnMessage(func(j job) actions.Action { return actions.Send(j) })))).Named("echo")
	var yielder func(struct{}) actions.Transition[struct{}]
	yielder = func(struct{}) actions.Transition[struct{}] { return actions.Stateless(actions.Yield(yielder)) }
	for want, boot := range map[string][]actions.Action{
		`busy="2 echo (send ground_test.job)"`:        {echo, inAWhile(actions.Send(job{1}))},
		`busy="2/2 echo (send ground_test.job)"`:      {actions.Spawn(vm.Nested(echo, inAWhile(actions.Send(job{1}))))},
		`busy="1 boot (yield)"`:                       {actions.Yield(yielder)},
		`busy="2 echo (send feedback ground_test.job`: {actions.Spawn(actions.Stateless(endpoint.Publisher(topic.All[job](), endpoint.OnMessage(func(j job) actions.Action { return actions.Feedback(j) })))).Named("echo"), inAWhile(actions.Feedback(job{1}))},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		l := &alarmed{text: "does not come to rest", f: cancel} // on a busy machine, functions may take long as well
		g := ground.Ground{SlowLimit: time.Millisecond, Limits: vm.Limits{Drain: 1000}, Logger: slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelWarn}))}
		if err := g.Run(ctx, boot...); err != nil {
			t.Error(err)
		}
		cancel()
		if log := l.String(); strings.Count(log, "does not come to rest") != 1 || !strings.Contains(log, want) {
			t.Errorf("want %s, got\n%s", want, log)
		}
	}
}
