package ground_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// A ledger is a journal that a test looks into. It notes its calls in the log of a
// stage, so that a test sees their order.
type ledger struct {
	s        *stage
	wait     bool          // Commit says that Sync is needed
	syncing  chan struct{} // Sync waits for one of these, if it is not nil
	refuse   string        // the value that cannot be encoded
	failAt   string        // what fails: "begin", "append", "commit" or "sync"
	failWhen int           // after how many have not

	failing chan error
	due     chan struct{}
	commits atomic.Int32

	mu     sync.Mutex
	inputs []vm.Input
	ended  []error
}

var errLedger = errors.New("the ink has run out")

func (l *ledger) fails(what string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failAt != what {
		return nil
	}
	if l.failWhen--; l.failWhen >= 0 {
		return nil
	}
	return errLedger
}

func (l *ledger) Begin(_ context.Context, limits vm.Limits, boot func(actions.PID) actions.Process) (*vm.Machine, vm.Input, error) {
	return vm.Config{Limits: limits}.NewFunc(boot), vm.Input{Kind: vm.Start, Incarnation: 7}, l.fails("begin")
}

func (l *ledger) Append(in vm.Input) error {
	if say, ok := in.Value.(say); ok && say.Text == l.refuse {
		return fmt.Errorf("%w: it says %q", world.ErrNotRecordable, say.Text)
	}
	l.mu.Lock()
	l.inputs = append(l.inputs, in)
	l.mu.Unlock()
	return l.fails("append")
}

func (l *ledger) Commit(*vm.Machine) (bool, error) {
	l.commits.Add(1)
	return l.wait, l.fails("commit")
}

func (l *ledger) Sync() error {
	if l.syncing != nil {
		<-l.syncing
	}
	l.s.note("sync")
	return l.fails("sync")
}

func (l *ledger) Failed() <-chan error { return l.failing }
func (l *ledger) Due() <-chan struct{} { return l.due }

func (l *ledger) End(err error) error {
	l.ended = append(l.ended, err)
	return nil
}

// kinds returns the kinds of the inputs, in order.
func (l *ledger) kinds() string {
	var kinds []string
	for _, in := range l.inputs {
		kinds = append(kinds, in.Kind.String())
	}
	return strings.Join(kinds, ", ")
}

// parrot tells a puppet every word that the puppet has said, and quits at a certain
// word.
func parrot(d puppet, last string) actions.Action {
	return endpoint.Device(d,
		endpoint.OnValue(func(v say) actions.Action {
			return actions.Tree{actions.Tell(d, v.Text), actions.When(v.Text == last, actions.Quit())}
		}))
}

// TestJournalIsDue: the ground calls Commit when the journal asks for it, without an input.
func TestJournalIsDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		l := &ledger{s: s, due: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for range 3 {
				synctest.Wait()
				inputs, commits := l.kinds(), l.commits.Load()
				l.due <- struct{}{}
				synctest.Wait()
				if l.commits.Load() != commits+1 || l.kinds() != inputs {
					t.Errorf("%d commits, and then %d; inputs %s, and then %s", commits, l.commits.Load(), inputs, l.kinds())
				}
			}
			cancel()
		}()
		g := ground.Ground{Journal: l}
		if err := g.Run(ctx, parrot(puppet{"p", s}, "two")); err != nil {
			t.Fatal(err)
		}
	})
}

// TestJournalHasEverything: all inputs of the machine are in the journal, in order,
// and the journal hears of the end.
func TestJournalHasEverything(t *testing.T) {
	s := newStage()
	l := &ledger{s: s}
	go func() { s.values <- say{"one"}; s.values <- say{"two"} }()
	g := ground.Ground{Journal: l}
	if err := g.Run(t.Context(), parrot(puppet{"p", s}, "two")); err != nil {
		t.Fatal(err)
	}
	if got, want := l.kinds(), "start, value, value, value"; got != want {
		t.Errorf("the journal has %s", got)
	}
	if l.inputs[0].Incarnation != 7 || l.inputs[2].Value != (say{"one"}) || l.inputs[2].Address.Generation != 1 {
		t.Errorf("the journal has %+v", l.inputs)
	}
	if !slices.Equal(l.ended, []error{nil}) {
		t.Errorf("it has ended with %v", l.ended)
	}
}

// TestJournalStop: a stop is in the journal as two inputs.
func TestJournalStop(t *testing.T) {
	s := newStage()
	l := &ledger{s: s, wait: true}
	ctx, cancel := context.WithCancel(t.Context())
	g := ground.Ground{Journal: l}
	err := g.Run(ctx, endpoint.Device(puppet{"p", s}, endpoint.OnValue(func(hello) actions.Action {
		cancel()
		return nil
	})))
	if got, want := l.kinds(), "start, value, stop asked, stop done"; err != nil || got != want {
		t.Errorf("%v; the journal has %s", err, got)
	}
}

// TestNothingHappensBeforeSync: if the journal says so, a command is carried out, and
// a device opened or closed, only when the inputs before are safe.
func TestNothingHappensBeforeSync(t *testing.T) {
	for depth := range 3 {
		s := newStage()
		l := &ledger{s: s, wait: true, syncing: make(chan struct{})}
		var done sync.WaitGroup
		done.Go(func() {
			g := ground.Ground{Journal: l}
			if err := g.Run(t.Context(), nested(depth, parrot(puppet{"p", s}, "two"))); err != nil {
				t.Error(err)
			}
		})
		step := func(want ...string) {
			if got := s.notes(); !slices.Equal(got, want) {
				t.Errorf("there happened %v, not %v", got, want)
			}
		}
		step()
		l.syncing <- struct{}{}
		s.values <- say{"one"} // which the puppet takes when it is open
		step("sync", "p: open 1")
		s.values <- say{"two"}
		close(l.syncing)
		done.Wait()
		got := slices.DeleteFunc(s.notes(), func(n string) bool { return n == "sync" })
		if want := []string{"p: open 1", "p: try one", "p: try two", "p: close"}; !slices.Equal(got, want) {
			t.Errorf("there happened %v", got)
		}
		if last := s.notes(); slices.Index(last, "sync") > slices.Index(last, "p: try one") {
			t.Errorf("no sync before the first command: %v", last)
		}
	}
}

// interrupted is a journal whose recovery takes so long that its ground is stopped
// meanwhile.
type interrupted struct{ ledger }

func (i *interrupted) Begin(ctx context.Context, _ vm.Limits, _ func(actions.PID) actions.Process) (*vm.Machine, vm.Input, error) {
	<-ctx.Done()
	return nil, vm.Input{}, fmt.Errorf("on the way: %w", context.Cause(ctx))
}

// TestStoppedBeforeItBegins: a stop is also a stop while the machine is recovered.
func TestStoppedBeforeItBegins(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(time.Millisecond, func() { cancel(errors.New("enough")) })
	g := ground.Ground{Journal: &interrupted{}}
	if err := g.Run(ctx); err != nil {
		t.Error(err)
	}
}

// TestJournalFails: when the journal fails, Run returns the error, no command that
// was held back is carried out, and everything is closed.
func TestJournalFails(t *testing.T) {
	for _, tt := range []struct {
		at   string
		when int
		wait bool
		told []string // what may have been carried out, at most
	}{
		{"begin", 0, false, nil},
		{"append", 0, false, nil},
		{"append", 2, false, nil},
		{"append", 3, true, []string{"p: try one"}},
		{"commit", 0, false, nil},
		{"commit", 2, false, []string{"p: try one"}},
		{"sync", 0, true, nil},
		{"sync", 1, true, []string{"p: try one"}},
	} {
		t.Run(fmt.Sprint(tt.at, " ", tt.when), func(t *testing.T) {
			s := newStage()
			s.values = make(chan any, 2)
			s.values <- say{"one"}
			s.values <- say{"two"}
			l := &ledger{s: s, wait: tt.wait, failAt: tt.at, failWhen: tt.when}
			g := ground.Ground{Journal: l}
			err := g.Run(t.Context(), parrot(puppet{"p", s}, "never"), parrot(puppet{"q", s}, "never"))
			if !errors.Is(err, errLedger) {
				t.Errorf("Run returns %v", err)
			}
			if s.live != 0 {
				t.Errorf("%d are open: %v", s.live, s.notes())
			}
			if tt.at == "begin" {
				if l.ended != nil {
					t.Errorf("the journal has ended with %v, which has never begun", l.ended)
				}
			} else if len(l.ended) != 1 || !errors.Is(l.ended[0], errLedger) {
				t.Errorf("the journal has ended with %v", l.ended)
			}
		})
	}
}

// TestJournalFailsByItself: a journal that fails while nothing happens ends the
// run.
func TestJournalFailsByItself(t *testing.T) {
	s := newStage()
	l := &ledger{s: s, failing: make(chan error, 1)}
	g := ground.Ground{Journal: l}
	err := g.Run(t.Context(), endpoint.Device(puppet{"p", s}, endpoint.OnValue(func(hello) actions.Action {
		l.failing <- errLedger
		return nil
	})))
	if !errors.Is(err, errLedger) || s.live != 0 {
		t.Errorf("%v; %d are open", err, s.live)
	}
}

// TestNotRecordable: a value that cannot be recorded ends its device, and nothing
// else, and the end is in the journal.
func TestNotRecordable(t *testing.T) {
	s, quiet := newStage(), newStage()
	l := &ledger{s: s, refuse: "forbidden"}
	go func() { s.values <- say{"fine"}; s.values <- say{"forbidden"} }()
	var reason error
	p, q := puppet{"p", s}, puppet{"q", quiet}
	g := ground.Ground{Journal: l}
	err := g.Run(t.Context(), endpoint.Device(q), endpoint.Device(p,
		endpoint.OnValue(func(v say) actions.Action { return nil }),
		endpoint.OnEnded(func(err error) actions.Action {
			reason = err
			return actions.Close(q)
		}),
	))
	if err != nil || !errors.Is(reason, world.ErrNotRecordable) || !strings.Contains(fmt.Sprint(reason), `it says "forbidden"`) {
		t.Errorf("%v; the device has ended because of %v", err, reason)
	}
	if _, ok := reason.(*world.Error); !ok {
		t.Errorf("the reason is a %T", reason)
	}
	if !strings.Contains(l.kinds(), "value, end") {
		t.Errorf("the journal has %s", l.kinds())
	}
}
