package journal_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/ground"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/world"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(killedEnv); dir != "" {
		recoverAndDie(dir)
		return
	}
	if dir := os.Getenv(archivingEnv); dir != "" {
		archiveUntilKilled(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// The program of most tests is a bank. Clerks read slips from a counter outside,
// each of which opens an account, or pays in, or closes it; an account is a
// process, and prints what it has after each payment.

// A Slip is a value of the counter.
type Slip struct {
	Account string
	Amount  int // 0 opens the account, and -1 closes it
}

// A Receipt is a command to the counter.
type Receipt struct {
	Account string
	Balance int
}

func init() {
	world.Register[Slip]("journaltest.Slip")
	world.Register[Receipt]("journaltest.Receipt")
	world.Register[Open]("journaltest.Open")
}

// Open is the first value of a counter.
type Open struct{}

// A counter is a device. Its slips come from a street.
type counter struct {
	Name   string
	street *street
}

func (c counter) DeviceName() string { return fmt.Sprintf("counter %q", c.Name) }

func (c counter) Open(context.Context, world.Env) (world.Handle, error) {
	return &window{counter: c, closed: make(chan struct{}), first: true}, nil
}

// A street gives slips to counters, and gets receipts.
type street struct {
	slips chan any

	mu       sync.Mutex
	receipts []any
	got      chan struct{} // something, for each receipt
}

func newStreet() *street { return &street{slips: make(chan any), got: make(chan struct{}, 1<<16)} }

func (s *street) seen() []any {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]any(nil), s.receipts...)
}

type window struct {
	counter
	first  bool
	once   sync.Once
	closed chan struct{}
}

func (w *window) Recv() (any, error) {
	if w.first {
		w.first = false
		return Open{}, nil
	}
	select {
	case v, ok := <-w.street.slips:
		if !ok {
			return nil, io.EOF
		}
		return v, nil
	case <-w.closed:
		return nil, world.ErrClosed
	}
}

func (w *window) Try(commands []any) (int, error) {
	w.street.mu.Lock()
	w.street.receipts = append(w.street.receipts, commands...)
	w.street.mu.Unlock()
	for range commands {
		w.street.got <- struct{}{}
	}
	return len(commands), nil
}

func (w *window) Do(command any) error {
	_, err := w.Try([]any{command})
	return err
}

func (w *window) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

var slipAccount = topic.FieldOf(func(s *Slip) *string { return &s.Account })

// clerk holds a counter, publishes the slips, and prints receipts.
type clerk struct{ At string }

func (c clerk) process(s *street) actions.Process {
	d := counter{c.At, s}
	return actions.Next(c,
		endpoint.Device(d,
			endpoint.OnValue(func(s Slip) actions.Action {
				if s.Amount == 0 {
					return actions.Spawn(account{Name: s.Account}.process()).Named(s.Account)
				}
				return actions.Send(s)
			}),
			endpoint.OnEnded(func(error) actions.Action { return actions.Quit() }),
		),
		endpoint.Subscriber(topic.All[Receipt](), endpoint.OnMessage(func(r Receipt) actions.Action { return actions.Tell(d, r) })),
	)
}

// account is the state of an account.
type account struct {
	Name    string
	Balance int
}

func (a account) process() actions.Process {
	return actions.Next(a, endpoint.Subscriber(topic.Where(slipAccount.Is(a.Name)), endpoint.OnMessageState(account.book)).As("slips"))
}

func (a account) book(s Slip) actions.Transition[account] {
	if s.Amount == -1 {
		return actions.Next(a, actions.Fail(fmt.Errorf("%s was closed with %d", a.Name, a.Balance)))
	}
	a.Balance += s.Amount
	return actions.Next(a, actions.Send(Receipt{a.Name, a.Balance}))
}

// bank is the program.
func bank(s *street) journal.Program {
	return journal.Booting(actions.Spawn(clerk{"north"}.process(s)).Named("clerk"))
}

// quiet is a logger that says nothing.
var quiet = slog.New(slog.DiscardHandler)

// record runs the bank with slips, one after another, and returns the receipts.
func record(t *testing.T, dir string, c journal.Config, slips ...any) []any {
	t.Helper()
	s := newStreet()
	if err := run(t.Context(), dir, c, bank(s), func() {
		open := map[string]bool{}
		for _, slip := range slips {
			s.slips <- slip
			switch slip := slip.(Slip); slip.Amount {
			case 0, -1:
				open[slip.Account] = slip.Amount == 0
			default:
				if open[slip.Account] {
					<-s.got // or the counter could be closed before
				}
			}
		}
		close(s.slips)
	}); err != nil {
		t.Fatal(err)
	}
	return s.seen()
}

// run runs a program with a journal, and somebody outside.
func run(ctx context.Context, dir string, c journal.Config, p journal.Program, outside func()) error {
	if c.Logger == nil {
		c.Logger = quiet
	}
	j, err := c.Open(dir)
	if err != nil {
		return err
	}
	var others sync.WaitGroup
	defer others.Wait()
	others.Go(outside)
	g := ground.Ground{Journal: j}
	return g.RunFunc(ctx, p.Boot)
}

// read opens a journal to read.
func read(t *testing.T, dir string) *journal.History {
	t.Helper()
	h, err := journal.Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return h
}
