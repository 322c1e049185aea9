package journal_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/endpoint"
	"github.com/go-marketplace/marketplace/internal/text"
	"github.com/go-marketplace/marketplace/journal"
	"github.com/go-marketplace/marketplace/journal/wal"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/world"
)

// TestGoldenJournals: journals of earlier releases can be read and replayed, with the
// recorded results.
//
// The folders under testdata/golden have a journal and a report each, and are never
// changed. When the format changes, add a folder. The program that has written them
// must not change either. U-12.
func TestGoldenJournals(t *testing.T) {
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		for name, c := range goldenConfigs {
			writeGolden(t, filepath.Join("testdata", "golden", "v5", name), c)
		}
	}
	dirs, err := filepath.Glob(filepath.Join("testdata", "golden", "v*", "*"))
	if err != nil || len(dirs) != 5*len(goldenConfigs) {
		t.Fatalf("%v, %v", dirs, err)
	}
	for _, dir := range dirs {
		t.Run(filepath.ToSlash(dir), func(t *testing.T) {
			vmtest.Golden(t, filepath.Join(dir, "report.txt"), goldenReport(t, dir))
		})
	}
}

// goldenReport replays a journal, and lists the inputs with their results.
func goldenReport(t *testing.T, dir string) string {
	t.Helper()
	h := read(t, dir)
	var b strings.Builder
	digests := map[uint64]vm.Digest{}
	came := map[uint64]string{}
	report, err := h.Replay(t.Context(), goldenBank(nil), journal.ReplayConfig{
		Watch: func(n uint64, r *vm.Record) {
			if r.Kind == vm.Commanded {
				came[n] += "\t" + r.Command.String() + "\n"
			}
		},
		Digests: func(n uint64, d vm.Digest) { digests[n] = d },
	})
	if err != nil {
		t.Fatal(err)
	}
	for in, err := range h.Inputs(1) {
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%d %s %s\n\tdigest %v\n%s", in.Seq, in.Time.Format(time.RFC3339), in.String(), digests[in.Seq], came[in.Seq])
	}
	fmt.Fprintf(&b, "%d inputs, %d digests compared\n", report.Seq, report.Checks)
	if h.Head().Trace {
		switch traced := report.Traced + report.Old; {
		case traced == 0 || h.Head().Format == 1 && report.Traced > 0 || h.Head().Format > 1 && report.Old > 0:
			t.Errorf("in format %d, the traces of %d inputs were compared, and of %d only the digests", h.Head().Format, report.Traced, report.Old)
		}
	}
	for info := range report.State.Machine(nil).Processes() {
		fmt.Fprintf(&b, "%v %s\n", info.Path, info.Name)
		if state := text.Value(info.State); strings.HasPrefix(state, "journal_test.golden") { // and not inside a driver
			fmt.Fprintf(&b, "\t%s\n", state)
		}
	}
	return b.String()
}

var goldenConfigs = map[string]journal.Config{
	"checks":   {Durability: journal.Memory, CheckEvery: 4},
	"segments": {Durability: journal.Sync, CheckEvery: 3, SegmentSize: 2000},
	"trace":    {Durability: journal.Memory, Trace: true},
	"states":   {Durability: journal.Memory, Trace: true, Types: goldenKinds, SnapshotEvery: -1},
	"adopted":  {Durability: journal.Memory, Trace: true, Adopt: true},
}

// writeGolden records a bank that is stopped, goes on, crashes, and goes on.
func writeGolden(t *testing.T, dir string, c journal.Config) {
	t.Helper()
	c.Program, c.ID, c.Schema, c.Logger = "golden", journal.ID{14}, 1, quiet
	store := wal.NewMemory()
	synctest.Test(t, func(t *testing.T) {
		first := goldenBank
		if c.Adopt {
			first = func(in chan any) journal.Program { return goldenBankPaying(20, in) }
		}
		g := beginByHand(t, c, store, first)
		g.hand(Deposit{"ann", 100})
		g.pass(time.Minute)
		if !c.Trace { // which would become long
			g.hand(Deposit{"bob", 50})
			g.pass(20 * time.Second)
			g.hand(Deposit{"bob", -50})
		}
		g.stop()
		time.Sleep(90 * time.Second) // in the bubble
		g = beginByHand(t, c, store, goldenBank)
		c.Adopt = false // it is for one run
		g.hand(Deposit{"carl", 7})
		g.pass(time.Minute)
		g.hand(Deposit{"carl", -7})
		g.stop()
		store = torn(store)
		g = beginByHand(t, c, store, goldenBank)
		g.hand(Deposit{"dora", 3})
		g.crash()
	})
	must(t, os.RemoveAll(dir))
	writeFiles(t, dir, store)
}

// writeFiles writes the files of a store to a folder.
func writeFiles(t *testing.T, dir string, store *wal.Memory) {
	t.Helper()
	names, err := store.List()
	must(t, err)
	must(t, os.MkdirAll(dir, 0o755))
	for _, name := range names {
		must(t, os.WriteFile(filepath.Join(dir, name), store.ReadFile(name), 0o644))
	}
}

// torn returns a store without the end of its last file.
func torn(s *wal.Memory) *wal.Memory {
	names, _ := s.List()
	after := wal.NewMemory()
	for i, name := range names {
		content := s.ReadFile(name)
		if i == len(names)-1 {
			content = content[:len(content)-len(content)/8]
		}
		after.WriteFile(name, content)
	}
	return after
}

// A Deposit is a value of the golden counter; a Balance is a command to it.
type (
	Deposit struct {
		Account string
		Amount  int
	}
	Balance struct {
		Account string
		Amount  int
	}
	Interest struct{ Percent int }
)

func init() {
	world.Register[Deposit]("golden.Deposit")
	world.Register[Balance]("golden.Balance")
}

// goldenCounter is a device that takes deposits.
type goldenCounter struct{ in chan any }

func (goldenCounter) DeviceName() string { return "golden counter" }

func (c goldenCounter) Open(context.Context, world.Env) (world.Handle, error) {
	return &openGoldenCounter{c, make(chan struct{}), true}, nil
}

type openGoldenCounter struct {
	goldenCounter
	closed chan struct{}
	first  bool
}

func (h *openGoldenCounter) Recv() (any, error) {
	if h.first {
		h.first = false
		return Deposit{}, nil
	}
	select {
	case v := <-h.in:
		return v, nil
	case <-h.closed:
		return nil, world.ErrClosed
	}
}

func (h *openGoldenCounter) Try(commands []any) (int, error) { return len(commands), nil }
func (h *openGoldenCounter) Do(any) error                    { return nil }

func (h *openGoldenCounter) Close() error {
	select {
	case <-h.closed:
	default:
		close(h.closed)
	}
	return nil
}

var balanceOf = topic.FieldOf(func(b *Balance) *string { return &b.Account })

// goldenBank is the program. The accounts are in a machine of their own, where a
// timer pays interest every minute; in the morning an alarm rings.
func goldenBank(in chan any) journal.Program { return goldenBankPaying(10, in) }

func goldenBankPaying(percent int, in chan any) journal.Program {
	c := goldenCounter{in}
	p := journal.Booting(
		timer.Driver(),
		actions.Spawn(goldenClerk(c)).Named("clerk"),
		actions.Spawn(vm.Nested(
			timer.Relay("vault"),
			actions.Spawn(goldenBooks{}.process(percent)).Named("books"),
		)).Named("vault"),
	)
	p.Types = goldenKinds
	return p
}

func goldenClerk(c goldenCounter) actions.Process {
	return actions.Stateless(
		endpoint.Device(c, endpoint.OnValue(func(d Deposit) actions.Action { return actions.When(d.Account != "", actions.Send(d)) })),
		endpoint.Device(world.Alarm{Clock: world.SystemClock(), After: 75 * time.Second, Label: "morning"},
			endpoint.OnValue(func(world.AlarmRang) actions.Action { return actions.Tell(c, Balance{"good morning", 0}) })),
		endpoint.Subscriber(topic.All[Balance](), endpoint.OnMessage(func(b Balance) actions.Action { return actions.Tell(c, b) })),
	)
}

// goldenKinds are those of the processes in the vault: one whose states cannot be
// encoded, and one with a codec of its own.
var goldenKinds = []actions.Type{
	actions.Define("golden.books", func(goldenBooks) actions.Action { return nil }).Type,
	actions.CodedAs(
		actions.Define("golden.account", func(goldenAccount) actions.Action { return nil }),
		func(a goldenAccount) Balance { return Balance{a.name, a.amount} },
		func(b Balance) (goldenAccount, error) { return goldenAccount{b.Account, b.Amount}, nil }).Type,
}

// goldenBooks know which accounts are open.
type goldenBooks struct{ names string }

func (b goldenBooks) process(percent int) actions.Process {
	return actions.Next(b,
		actions.AtMeta(endpoint.Subscriber(topic.All[Deposit](), endpoint.OnMessageState(goldenBooks.deposit))),
		endpoint.ObservePublishers(topic.All[Balance](), endpoint.OnAbsenceState(goldenBooks.closed)),
		endpoint.Subscriber(timer.Expiring("interest"),
			endpoint.OnPresence(func(timer.Expired) actions.Action { return timer.Every("interest", time.Minute) }),
			endpoint.OnMessage(func(timer.Expired) actions.Action { return actions.Send(Interest{percent}) })),
	)
}

func (b goldenBooks) deposit(d Deposit) actions.Transition[goldenBooks] {
	if !strings.Contains(b.names, d.Account) {
		b.names += " " + d.Account
		return actions.Next(b, actions.Spawn(goldenAccount{d.Account, d.Amount}.process()).Named(d.Account))
	}
	return actions.Next(b, actions.Send(d))
}

func (b goldenBooks) closed(c Balance, reason error) actions.Transition[goldenBooks] {
	b.names = strings.ReplaceAll(b.names, " "+c.Account, "")
	return actions.Next(b)
}

// goldenAccount is an account, which is closed when it is empty.
type goldenAccount struct {
	name   string
	amount int
}

func (a goldenAccount) process() actions.Process {
	return actions.Next(a,
		endpoint.Publisher(topic.Where(balanceOf.Is(a.name))),
		endpoint.Subscriber(topic.All[Deposit](), endpoint.OnMessageState(func(a goldenAccount, d Deposit) actions.Transition[goldenAccount] {
			if d.Account != a.name {
				return actions.Next(a)
			}
			return a.add(d.Amount)
		})),
		endpoint.Subscriber(topic.All[Interest](), endpoint.OnMessageState(func(a goldenAccount, i Interest) actions.Transition[goldenAccount] {
			return a.add(a.amount * i.Percent / 100)
		})),
	)
}

func (a goldenAccount) add(amount int) actions.Transition[goldenAccount] {
	a.amount += amount
	return actions.Next(a,
		actions.AtMeta(actions.Send(Balance{a.name, a.amount})),
		actions.When(a.amount <= 0, actions.Fail(fmt.Errorf("%s is empty", a.name))))
}
