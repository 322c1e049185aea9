package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace"
	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/drivers/console"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/rpc"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vmtest"
)

// The logger prints and counts lines, and nothing else. FC-17.
func TestLogger(t *testing.T) {
	m := vmtest.Config{Types: logs(distributed.Memory().Node("log")).Types}.Run(t, loggers.Spawn(logger{}))
	printed := vmtest.Subscriber(m, topic.All[console.Text]())
	for _, tt := range []struct {
		to   string
		body any
		want string
		n    int
	}{
		{"logger", Line{"app", "hello"}, "app: hello\n", 1},
		{"loggers", Line{"app", "hello"}, "", 1},
		{"logger", 7, "a letter has a int, not a line\n", 1},
		{"logger", Line{"web", ""}, "web: \n", 2},
	} {
		m.Perform(distributed.Handle{Name: tt.to}.Send(distributed.Handle{}, tt.body))
		n := -1
		m.Perform(actions.Spawn(actions.Stateless(rpc.Call(Count, All{}, func(lines int, err error) actions.Action {
			if n = lines; err != nil {
				t.Error(err)
			}
			return nil
		}))))
		got := ""
		for _, h := range printed.Take() {
			if h.Kind == actions.Delivery {
				got += h.About.Text
			}
		}
		if got != tt.want || n != tt.n {
			t.Errorf("%v to %q: the logger prints %q and has %d lines, want %q and %d", tt.body, tt.to, got, n, tt.want, tt.n)
		}
	}
}

// run runs a program without the flags, and returns what it prints and its result.
func run(ctx context.Context, p marketplace.Program) (string, error) {
	var out bytes.Buffer
	c := console.Config{Out: &out}
	err := (&ground.Ground{Logger: slog.New(slog.DiscardHandler)}).Run(ctx, c.Driver(), p.Start())
	return out.String(), err
}

// Two nodes in one process: lines of each node arrive in order, and the logger answers. FC-17.
func TestTwoNodes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := distributed.Memory()
		ctx, stop := context.WithCancel(t.Context())
		logged := make(chan string)
		go func() {
			text, err := run(ctx, logs(network.Node("log")))
			if err != nil {
				t.Errorf("the logger ends: %v", err)
			}
			logged <- text
		}()
		synctest.Wait()
		for _, tt := range []struct{ node, text, want string }{
			{"app", "hello", "lines of the logger: 1\n"},
			{"web", "hi", "lines of the logger: 2\n"},
		} {
			if got, err := run(ctx, speaks(network.Node(tt.node), "log", tt.text)); got != tt.want || err != nil {
				t.Errorf("node %q: %q, %v, want %q", tt.node, got, err, tt.want)
			}
		}
		stop()
		if got, want := <-logged, "logger: node \"log\" is within reach\napp: hello\nweb: hi\n"; got != want {
			t.Errorf("the logger prints %q, want %q", got, want)
		}
	})
}

// Without the logger, the program of the speaker ends with the reason. FC-17.
func TestNoLogger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		got, err := run(t.Context(), speaks(distributed.Memory().Node("app"), "log", "hello"))
		if got != "" || !errors.Is(err, rpc.ErrUnreachable) || time.Since(start) > 2*time.Second {
			t.Errorf("after %v: %q, %v", time.Since(start), got, err)
		}
	})
}

// All processes of both programs are of types, so that journals have snapshots.
func TestSaved(t *testing.T) {
	n := distributed.Memory().Node("log")
	for _, p := range []marketplace.Program{logs(n), speaks(n, "other", "hello")} {
		vmtest.Config{Types: p.Types}.Run(t, p.Start())
	}
}
