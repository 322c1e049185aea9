package cli_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/cli"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(archiverEnv); dir != "" {
		os.Exit(archiveFile(dir))
	}
	goleak.VerifyTestMain(m)
}

// The program of the tests is a kitchen: a cook for each order, which comes in
// every second; a plate goes out, unless the order cannot be met.

type dish struct {
	Name  string
	Count int
}

type plate struct{ Name string }

func init() {
	world.Register[dish]("kitchen.dish")
	world.Register[plate]("kitchen.plate")
}

type hatch struct{}

func (hatch) DeviceName() string { return "hatch" }

func (hatch) Open(context.Context, world.Env) (world.Handle, error) {
	return &window{dishes: []dish{{"soup", 1}, {"soup", 2}, {"pie", 1}, {"soup", 0}, {"pie", 2}}, closed: make(chan struct{})}, nil
}

type window struct {
	dishes []dish
	closed chan struct{}
}

func (w *window) Recv() (any, error) {
	select {
	case <-time.After(time.Second):
	case <-w.closed:
		return nil, world.ErrClosed
	}
	if len(w.dishes) == 0 {
		return nil, io.EOF
	}
	d := w.dishes[0]
	w.dishes = w.dishes[1:]
	return d, nil
}

func (w *window) Do(any) error { return nil }

func (w *window) Try(commands []any) (int, error) { return len(commands), nil }

func (w *window) Close() error {
	close(w.closed)
	return nil
}

// A pot is the state of a cook.
type pot struct {
	Name string
	Made int
}

func (p pot) cook() actions.Process { return actions.Next(p, p.endpoints()) }

func (p pot) endpoints() actions.Action {
	name := topic.FieldOf(func(d *dish) *string { return &d.Name })
	return endpoint.Subscriber(topic.Where(name.Is(p.Name)), endpoint.OnMessageState(func(p pot, d dish) actions.Transition[pot] {
		if d.Count == 0 {
			return actions.Next(p, actions.Fail(errors.New("no more "+p.Name)))
		}
		p.Made += d.Count
		return actions.Next(p, actions.Send(plate{fmt.Sprint(d.Count, " of ", p.Made, " ", p.Name)}))
	})).As("pot")
}

func kitchen(dishes ...string) journal.Program {
	var all actions.Tree
	for _, d := range dishes {
		all = append(all, actions.Spawn(pot{Name: d}.cook()).Named(d))
	}
	return journal.Booting(append(all, actions.Spawn(actions.Stateless(
		endpoint.Device(hatch{},
			endpoint.OnValue(func(d dish) actions.Action { return actions.Send(d) }),
			endpoint.OnEnded(func(error) actions.Action { return actions.Quit() })),
		endpoint.Subscriber(topic.All[plate](), endpoint.OnMessage(func(p plate) actions.Action { return actions.Tell(hatch{}, p) })),
	)).Named("waiter"))...)
}

// call runs a program with a command line, and what the user types.
func call(t *testing.T, p journal.Program, typed string, args ...string) (status int, out, stderr string) {
	t.Helper()
	var o, e bytes.Buffer
	f := cli.Flags{Snapshots: make(chan os.Signal), In: strings.NewReader(typed), Out: &o, Err: &e, Config: journal.Config{Program: "kitchen@v1", CheckEvery: checkEvery, Logger: slog.New(slog.DiscardHandler)}}
	set := flag.NewFlagSet("kitchen", flag.ContinueOnError)
	set.SetOutput(&e)
	f.Register(set)
	if err := set.Parse(args); err != nil {
		return 2, o.String(), e.String()
	}
	if f.Given() != (len(args) > 0) {
		t.Errorf("%q: it says that flags are given: %v", args, f.Given())
	}
	status = f.Main(t.Context(), p)
	return status, o.String(), e.String()
}

// parsed returns flags that have been read from a command line.
func parsed(t *testing.T, args ...string) *cli.Flags {
	t.Helper()
	f := &cli.Flags{Snapshots: make(chan os.Signal), Config: journal.Config{Logger: slog.New(slog.DiscardHandler)}}
	set := flag.NewFlagSet("kitchen", flag.ContinueOnError)
	f.Register(set)
	if err := set.Parse(args); err != nil {
		t.Fatal(err)
	}
	return f
}

// cooked is the journal of a run.
func cooked(t *testing.T, flags ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "kitchen.journal")
	synctest.Test(t, func(t *testing.T) {
		// The run comes to rest, though nobody has stopped it.
		if status, _, e := call(t, kitchen("soup", "pie"), "", append([]string{"-journal", dir}, flags...)...); status != 1 || !strings.HasSuffix(e, ": "+cli.ErrEnded.Error()+"\n") {
			t.Fatal(status, e)
		}
	})
	return dir
}

// checkEvery is Config.CheckEvery of the programs.
var checkEvery = 2
